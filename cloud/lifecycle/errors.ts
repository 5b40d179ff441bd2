/** What the lifecycle slice can refuse. */
export const lifecycleProblems = {
  lifecycle_household_not_found: {
    status: 404,
    title: "There is no such household",
    help: "GET /api/v1/households lists the households.",
  },
  lifecycle_period_wrong: {
    status: 400,
    title: "The period ends before it begins, or is longer than two years",
    help: "Ask for `fromMs` before `toMs`, at most 731 days apart.",
  },
  lifecycle_cursor_invalid: {
    status: 400,
    title: "The cursor is not one of ours",
    help: "Send `nextCursor` of the page before, unchanged, or leave it out.",
  },
} as const;
