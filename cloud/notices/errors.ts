/** What the notices slice can refuse. */
export const noticeProblems = {
  notice_channel_not_found: {
    status: 404,
    title: "There is no such channel",
    help: "GET /api/v1/notices/channels lists the channels.",
  },
  too_many_notice_channels: {
    status: 409,
    title: "There are as many channels as this service holds",
    help: "Remove one that is no longer needed.",
  },
  mail_not_configured: {
    status: 409,
    title: "This installation sends no mail",
    help: "Set HEARTH_SMTP_URL and HEARTH_SMTP_FROM and start Hearth again, or use a webhook.",
  },
  webhook_url_invalid: {
    status: 422,
    title: "That is no address for a webhook",
    help: "Give an https address without user name, password or fragment.",
  },
  webhook_url_private: {
    status: 422,
    title: "That address is not in the internet",
    help: "Webhooks do not reach into private networks. HEARTH_WEBHOOK_REACH=loopback lets them reach this machine, for trying them.",
  },
  notice_channel_not_webhook: {
    status: 409,
    title: "Only webhooks have a secret",
    help: "An e-mail channel is known by its address alone.",
  },
  notice_delivery_not_found: {
    status: 404,
    title: "There is no such message",
    help: "GET /api/v1/notices/deliveries lists the messages that were sent.",
  },
  notice_delivery_queued: {
    status: 409,
    title: "The message is on its way already",
    help: "GET /api/v1/notices/deliveries/:id shows when it is tried next.",
  },
  notice_channel_disabled: {
    status: 409,
    title: "The channel is disabled",
    help: "PATCH the channel with `enabled: true` first.",
  },
} as const;
