/** What the engagement slice can refuse. */
export const engagementProblems = {
  campaign_not_found: {
    status: 404,
    title: "There is no such campaign",
    help: "GET /api/v1/campaigns lists the campaigns.",
  },
  too_many_campaigns: {
    status: 409,
    title: "There are as many campaigns as this service holds",
    help: "Change a draft that is no longer needed instead of making another.",
  },
  campaign_not_draft: {
    status: 409,
    title: "The campaign is no draft",
    help: "Only a draft is approved. Change it first, and it is a draft again.",
  },
  campaign_not_approved: {
    status: 409,
    title: "The campaign is not approved",
    help: "Somebody else than its author approves it, then it can start.",
  },
  campaign_approver_is_author: {
    status: 409,
    title: "A second person has to approve it",
    help: "Whoever wrote any of it since it was last approved cannot approve it. Ask somebody else.",
  },
  campaign_not_running: {
    status: 409,
    title: "The campaign is not running",
    help: "What is not running cannot be paused or finished.",
  },
  campaign_not_paused: {
    status: 409,
    title: "The campaign is not paused",
    help: "Only a paused campaign goes on.",
  },
  campaign_under_way: {
    status: 409,
    title: "The campaign has begun",
    help: "What has begun is not changed any more. Finish it, and make another.",
  },
  campaign_over: {
    status: 409,
    title: "The campaign is finished",
    help: "Make another one.",
  },
  campaign_item_not_sendable: {
    status: 422,
    title: "An item of the campaign cannot be sent",
    help: "Items must be live or scheduled. Have them reviewed and approved first.",
  },
  campaign_offer_not_made: {
    status: 422,
    title: "An item of the campaign offers what nobody can be offered",
    help: "The item names an offer under Loyalty that is there, enabled, and not over.",
  },
  campaign_segment_not_found: {
    status: 422,
    title: "There is no such segment",
    help: "GET /api/v1/segments lists the segments.",
  },
  campaign_model_unknown: {
    status: 422,
    title: "There is no such model",
    help: "GET /api/v1/models lists the models.",
  },
  campaign_expired: {
    status: 422,
    title: "The campaign would be over already",
    help: "Give an `expiresAtMs` that lies ahead, at most a year.",
  },
  recall_wants_recall_item: {
    status: 422,
    title: "A recall sends an item of the class recall or safety",
    help: "Choose a message of that class, so that nothing keeps it from a household.",
  },
  not_a_recall: {
    status: 409,
    title: "The campaign is no recall",
    help: "Only recalls have appliances, and households to write letters to.",
  },
  decision_household_not_found: {
    status: 404,
    title: "There is no such household",
    help: "GET /api/v1/households lists the households.",
  },
  decision_not_found: {
    status: 404,
    title: "There is no such decision",
    help: "GET /api/v1/households/:id/decisions lists those of a household.",
  },
  decision_item_not_found: {
    status: 404,
    title: "There is no such item that could be sent",
    help: "Only what is live or scheduled is decided about; GET /api/v1/content lists the items.",
  },
  unsubscribe_link_invalid: {
    status: 400,
    title: "That link is not one of ours",
    help: "Open the link of the letter as it is, whole.",
  },
  app_url_invalid: {
    status: 422,
    title: "That is no address for a webhook",
    help: "Give an https address without user name, password or fragment.",
  },
  app_url_private: {
    status: 422,
    title: "That address is not in the internet",
    help: "Webhooks do not reach into private networks. HEARTH_WEBHOOK_REACH=loopback lets them reach this machine, for trying them.",
  },
} as const;
