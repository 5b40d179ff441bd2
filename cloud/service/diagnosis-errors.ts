/** What asking an appliance about itself can be refused for. */
export const diagnosisProblems = {
  diagnosis_not_found: {
    status: 404,
    title: "There is no such diagnosis",
    help: "GET /api/v1/cases/:id/diagnoses lists those of a case.",
  },
  case_without_appliance: {
    status: 409,
    title: "The case is of no appliance",
    help: "There is nothing to ask: the case is of a household alone.",
  },
  no_log: {
    status: 409,
    title: "There is no log",
    help: "It did not come yet, it was no log that was asked for, or it was deleted: after 30 days, or when its household left.",
  },
  diagnosis_under_way: {
    status: 409,
    title: "The appliance was asked that already",
    help: "GET /api/v1/cases/:id/diagnoses says until when its answer is waited for.",
  },
  too_many_diagnoses: {
    status: 409,
    title: "As many diagnoses belong to the case as may",
    help: "Open another case, or ask through POST /api/v1/devices/:id/commands.",
  },
  upload_link_not_valid: {
    status: 403,
    title: "The address is not one of ours",
    help: "Send the log to the address in the command, unchanged.",
  },
  upload_link_expired: {
    status: 403,
    title: "The address is too old",
    help: "A log is taken within 15 minutes of being asked for. Support can ask again.",
  },
  upload_link_used: {
    status: 409,
    title: "The address was used, or its log is not wanted any more",
    help: "An address is good for one upload, whatever became of it. Support can ask again.",
  },
  uploads_busy: {
    status: 503,
    title: "Too many logs come at the moment",
    help: "Try again in a few seconds; the address was not used up.",
  },
  upload_not_gzip: {
    status: 422,
    title: "The body is no gzip",
    help: "Send gzip as application/gzip, or text as text/plain.",
  },
  upload_not_text: { status: 422, title: "The log is no text", help: "A log is UTF-8 text, packed or not." },
  upload_too_large: {
    status: 413,
    title: "The log is longer than 10 MiB",
    help: "Send the newest lines. The address was not used up.",
  },
  upload_broken: {
    status: 400,
    title: "The upload ended in the middle",
    help: "Nothing of it was kept. Support can ask again.",
  },
} as const;
