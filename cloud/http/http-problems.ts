/** What HTTP itself refuses, before any slice is asked. */
export const httpProblems = {
  invalid_request: {
    status: 400,
    title: "The request does not fit its description",
    help: "Each entry of `errors` names a field and what it wants. /api/docs describes every request.",
  },
  not_authenticated: {
    status: 401,
    title: "This needs a key",
    help: "Send `Authorization: Bearer <key>`. `npm run key -- new` makes one for staff, POST /api/v1/my/pair one for an owner.",
  },
  not_allowed: {
    status: 403,
    title: "This key may not do that",
    help: "The role of the key decides; an admin can make a key with another role.",
  },
  too_many_wrong_keys: {
    status: 429,
    title: "Too many wrong keys came from this address",
    help: "Wait for as many seconds as Retry-After says. A right key is let in all the same.",
  },
  not_found: { status: 404, title: "There is nothing here", help: "/api/docs lists every address." },
  too_large: { status: 413, title: "The request is too large", help: "Send less at once." },
  unsupported_type: { status: 415, title: "That content type is not taken here", help: "Send application/json." },
  internal: {
    status: 500,
    title: "Something went wrong on our side",
    help: "The log holds the cause under the same request id.",
  },
  unavailable: { status: 503, title: "The database is away", help: "Hearth restarts it; try again in a few seconds." },
} as const;
