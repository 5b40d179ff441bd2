/** What search can refuse. */
export const searchProblems = {
  search_too_short: {
    status: 422,
    title: "Too little to look for: nearly everything would fit",
    help: "Give at least two letters or digits: part of a serial number, an e-mail address, a name, the beginning of a case's id. `%`, `_` and `*` stand for themselves.",
  },
  search_busy: {
    status: 503,
    title: "As many searches are under way as this service does at once",
    help: "Try again in a second.",
  },
} as const;
