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
  content_expired: {
    status: 409,
    title: "The time of this version is over",
    help: "Put a new version: PUT /api/v1/content/items/{id}.",
  },
  content_not_live: { status: 409, title: "The item is not out", help: "Schedule it first." },
  content_not_draft: {
    status: 409,
    title: "Only a draft is handed in for review",
    help: "Put a new version, or take back what is scheduled.",
  },
  content_not_in_review: {
    status: 409,
    title: "This version is not in review",
    help: "Hand it in first: POST /api/v1/content/items/{id}/submit.",
  },
  content_not_approved: {
    status: 409,
    title: "Nobody has approved this version",
    help: "Hand it in, and let somebody else than its author approve it. To see it before, send it to a test appliance.",
  },
  content_not_scheduled: {
    status: 409,
    title: "This version is not scheduled",
    help: "There is nothing to take back.",
  },
  reviewer_is_author: {
    status: 403,
    title: "Who wrote it cannot approve it",
    help: "Somebody else with the role content or admin reads it first, with a key of their own.",
  },
  content_version_not_found: {
    status: 404,
    title: "The item has no such version",
    help: "GET /api/v1/content/items/{id} lists its versions.",
  },
  content_window_over: {
    status: 422,
    title: "The time would be over before it begins",
    help: "`until` is after `from`, and not past yet.",
  },
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
  promotional_by_hand: {
    status: 422,
    title: "What is promotional or about somebody's points is not sent by hand",
    help: "Nobody would be asked whether they agreed, when it suits and how often. A campaign does that; a test appliance shows how it looks.",
  },
  not_for_sending: {
    status: 422,
    title: "A tip is for feeds only",
    help: "Publish it. Recipes, notices and messages can be sent to single appliances.",
  },
  needs_a_grant: {
    status: 422,
    title: "An offer is made to a household, not to an appliance",
    help: "A campaign grants it and sends it with its price. To see how it looks, send it to a test appliance.",
  },
  not_a_test_device: {
    status: 403,
    title: "Drafts go to test appliances only",
    help: "Put the appliance on your own list of test appliances, or give it the tag `test`.",
  },
  content_device_not_found: {
    status: 404,
    title: "There is no such appliance on your list",
    help: "GET /api/v1/devices lists appliances, GET /api/v1/content/test-devices your own test appliances.",
  },
  test_devices_full: {
    status: 409,
    title: "You have 20 test appliances",
    help: "Take one off the list first.",
  },
  media_not_found: {
    status: 422,
    title: "There is no such picture",
    help: "Add it first: POST /api/v1/content/media.",
  },
  media_lost: {
    status: 404,
    title: "The picture is not here any more",
    help: "Add the same picture again: POST /api/v1/content/media. Its address stays.",
  },
  media_not_a_picture: {
    status: 422,
    title: "That is no picture that appliances can show",
    help: "JPEG, PNG or WebP, at most 2 MiB.",
  },
  media_full: {
    status: 409,
    title: "The library has no room for more pictures",
    help: "At most 20,000 pictures and 2 GiB.",
  },
  media_link_not_valid: {
    status: 403,
    title: "This link was not made here",
    help: "Use the address as the item has it.",
  },
  recipe_not_readable: {
    status: 422,
    title: "That is no recipe of schema.org",
    help: 'JSON-LD with a Recipe, as a page\'s <script type="application/ld+json"> has it. `errors` names the field.',
  },
  not_a_recipe: { status: 422, title: "Only recipes are exported", help: "schema.org has no word for the others." },
  content_model_not_found: {
    status: 404,
    title: "There is no such model",
    help: "GET /api/v1/models lists the models.",
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
