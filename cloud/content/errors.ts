/** What the content slice can refuse. */
export const contentProblems = {
  content_not_found: {
    status: 404,
    title: "There is no such content item",
    help: "GET /api/v1/content/items lists them.",
  },
  content_kind_fixed: {
    status: 422,
    title: "An item keeps its kind",
    help: "Make a new item for another kind of content.",
  },
  content_too_large: {
    status: 422,
    title: "The item is too large for an appliance",
    help: "At most 128 KiB as JSON in each locale. Images travel over HTTPS, not inside.",
  },
  content_withdrawn: {
    status: 409,
    title: "This version was withdrawn",
    help: "Put a new version: PUT /api/v1/content/items/{id}.",
  },
  content_not_live: { status: 409, title: "The item is on no feed", help: "Publish it first." },
  not_for_feeds: {
    status: 422,
    title: "That kind of content is not for feeds",
    help: "Feeds are public to every appliance of a model. Send it to appliances instead.",
  },
  wrong_feed: {
    status: 422,
    title: "That kind of content goes to another feed",
    help: "Recipes go to `recipes`, tips to `tips`, notices to `notices`.",
  },
  promotional_on_feed: {
    status: 422,
    title: "What is promotional or about somebody's points is not for feeds",
    help: "Feeds are for everybody. It reaches a household through a campaign, which asks for consent and keeps its quiet hours.",
  },
  not_for_sending: {
    status: 422,
    title: "A tip is for feeds only",
    help: "Publish it. Recipes, notices and messages can be sent to single appliances.",
  },
  content_model_unknown: {
    status: 422,
    title: "Some of these models do not exist",
    help: "GET /api/v1/models lists the models.",
  },
  recipe_does_not_fit: {
    status: 422,
    title: "The recipe asks for something that the appliance cannot do",
    help: "Each entry of `errors` names a step. Change the step, or leave the model out.",
  },
  feed_full: {
    status: 409,
    title: "The feed is full",
    help: "A feed holds at most 500 items, and all feeds together 20,000. Withdraw something first.",
  },
  content_devices_unknown: {
    status: 422,
    title: "Some of these appliances do not exist",
    help: "Nothing was sent. Leave them out and send again.",
  },
} as const;
