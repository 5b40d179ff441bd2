/** What speaking with each other about a case can be refused for. */
export const conversationProblems = {
  my_case_not_found: {
    status: 404,
    title: "You have no such case",
    help: "GET /api/v1/my/cases lists yours.",
  },
  my_case_device_not_found: {
    status: 404,
    title: "You have no such appliance",
    help: "GET /api/v1/my/devices lists yours.",
  },
  my_case_closed: {
    status: 409,
    title: "The case is closed",
    help: "Within 7 days a message opens it again; later, ask for help anew: POST /api/v1/my/devices/:id/help.",
  },
  my_case_not_closed: {
    status: 409,
    title: "The case is not closed yet",
    help: "Say how it went once it is closed.",
  },
  feedback_given_already: {
    status: 409,
    title: "You have said how it went",
    help: "A case is rated once.",
  },
  call_back_time_wrong: {
    status: 409,
    title: "Nobody can call then",
    help: "Choose a time that ends within the next 14 days, and begins before it ends.",
  },
  too_many_messages: {
    status: 429,
    title: "Too many messages within an hour",
    help: "What was sent is here and will be read. Write again later, or call.",
  },
  too_many_case_streams: {
    status: 503,
    title: "Too many watch their cases",
    help: "Close another window, or ask GET /api/v1/my/cases/:id from time to time.",
  },
  case_without_owner: {
    status: 409,
    title: "Nobody is there who could read it",
    help: "The appliance has left the household that the case was of, or nobody of the household has joined yet. Add a note instead.",
  },
} as const;
