/** What the loyalty slice can refuse. */
export const loyaltyProblems = {
  loyalty_household_not_found: {
    status: 404,
    title: "There is no such household",
    help: "GET /api/v1/households lists the households.",
  },
  too_many_loyalty_rules: {
    status: 409,
    title: "There are as many earning rules as this service holds",
    help: "Change a rule that is no longer needed instead of making another.",
  },
  earning_not_found: {
    status: 404,
    title: "There is no such earning",
    help: "GET /api/v1/households/:id/ledger lists the earnings of a household; a reversal cannot itself be reversed.",
  },
  earning_already_reversed: {
    status: 409,
    title: "The earning is reversed already",
    help: "An earning is reversed at most once.",
  },
  exceeds_balance: {
    status: 409,
    title: "The household no longer has these points",
    help: "A reversal never makes a balance negative.",
  },
  ledger_cursor_invalid: {
    status: 400,
    title: "The cursor is not one of ours",
    help: "Send `nextCursor` of the page before, unchanged, or leave it out.",
  },
} as const;
