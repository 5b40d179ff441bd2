/** What the events slice can refuse. */
export const eventProblems = {
  event_cursor_invalid: {
    status: 400,
    title: "The cursor is not one of ours",
    help: "Send `nextCursor` of the page before, or the last event's id as Last-Event-ID, unchanged.",
  },
  event_cursor_too_old: {
    status: 410,
    title: "Events after that cursor have been deleted",
    help: "Events are kept for a limited time. Read the present state through the API, then start without a cursor.",
  },
  too_many_streams: {
    status: 503,
    title: "There are as many event streams as this service holds",
    help: "Close a stream, or read GET /api/v1/events page by page.",
  },
  webhook_not_found: {
    status: 404,
    title: "There is no such webhook",
    help: "GET /api/v1/webhooks lists them.",
  },
  too_many_webhooks: {
    status: 409,
    title: "There are as many webhooks as this service holds",
    help: "Remove one that is no longer needed.",
  },
  event_webhook_url_invalid: {
    status: 422,
    title: "url is no address for a webhook",
    help: "Give an https address without user name, password or fragment.",
  },
  event_webhook_url_private: {
    status: 422,
    title: "url is not in the internet",
    help: "Webhooks do not reach into private networks. HEARTH_WEBHOOK_REACH=loopback lets them reach this machine, for trying them.",
  },
  webhook_disabled: {
    status: 409,
    title: "The webhook is disabled",
    help: "PATCH it with `enabled: true` first.",
  },
  webhook_delivery_not_found: {
    status: 404,
    title: "There is no such delivery",
    help: "GET /api/v1/webhooks/:id/deliveries lists what was sent there.",
  },
  webhook_delivery_queued: {
    status: 409,
    title: "The delivery is on its way already",
    help: "It shows when it is tried next.",
  },
} as const;
