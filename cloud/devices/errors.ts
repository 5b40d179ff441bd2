/** What the devices slice can refuse. */
export const deviceProblems = {
  device_not_found: {
    status: 404,
    title: "There is no such appliance",
    help: "GET /api/v1/devices lists the appliances.",
  },
  device_exists: {
    status: 409,
    title: "There is an appliance with that id",
    help: "Ids are unique for ever. Choose another.",
  },
  model_not_found: {
    status: 404,
    title: "There is no such model",
    help: "GET /api/v1/models lists the models; PUT one first.",
  },
  model_version_not_next: {
    status: 409,
    title: "A model's versions go up one by one",
    help: "GET the model, change it, and PUT it with its version plus one. The same version again must be the same document.",
  },
  too_many_tokens: {
    status: 409,
    title: "Five tokens of this appliance work already",
    help: "Wait until the grace of one is over, or rotate with `graceMs` 0, which ends them all.",
  },
  too_many_tags: {
    status: 422,
    title: "An appliance has at most 20 tags",
    help: "Nothing was changed. Take some away first.",
  },
  household_not_found: {
    status: 404,
    title: "There is no such household",
    help: "GET /api/v1/households lists the households.",
  },
} as const;
