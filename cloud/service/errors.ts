import { idempotencyProblems } from "../platform/idempotency.ts";

/** What the service slice can refuse. */
export const serviceProblems = {
  ...idempotencyProblems,
  service_rule_not_found: {
    status: 404,
    title: "There is no such rule",
    help: "GET /api/v1/service/rules lists the rules.",
  },
  service_rule_identity: {
    status: 409,
    title: "A rule keeps what it watches",
    help: "Kind, cause and what it looks at are fixed for a rule's life. Switch it off and make another.",
  },
  too_many_service_rules: {
    status: 409,
    title: "There are as many rules as this service holds",
    help: "Change a rule that is no longer needed instead of making another.",
  },
  service_rule_content_unknown: {
    status: 409,
    title: "There is no such item that may go out",
    help: "GET /api/v1/content lists the items. One is sent once it is approved, and until it is withdrawn.",
  },
  service_rule_content_class: {
    status: 409,
    title: "A rule sends what is about the appliance alone",
    help: "Name an item of the class safety, security, recall or service. Everything else reaches a household only through a decision, which asks for its consent.",
  },
  service_rule_fires_widely: {
    status: 409,
    title: "The rule would fire on many appliances",
    help: "Its last back-test says so: GET /api/v1/service/backtests. Change it, keep it in its shadow, or send it again with ?confirm=true.",
  },
  service_rule_watches_nothing: {
    status: 409,
    title: "The rule would watch nothing",
    help: "GET /api/v1/models lists the models, GET /api/v1/models/:model/metrics what they measure. Correct the name, keep the rule in its shadow, or send it again with ?confirm=true.",
  },
  backtest_not_found: {
    status: 404,
    title: "There is no such back-test",
    help: "GET /api/v1/service/backtests lists the last ones.",
  },
  backtest_range_too_wide: {
    status: 422,
    title: "The back-test's time is empty or too long",
    help: "`toMs` lies after `fromMs`, and at most 92 days after it.",
  },
  backtest_running: {
    status: 409,
    title: "A back-test of yours is under way",
    help: "Wait for it, or call it off with POST /api/v1/service/backtests/:id/cancel.",
  },
  too_many_backtests: {
    status: 503,
    title: "As many back-tests are under way as this service runs at once",
    help: "Try again in some minutes.",
  },
  backtest_no_appliances: {
    status: 422,
    title: "No appliance is meant",
    help: "Name a model or appliances that exist and that the rule watches, or widen the target.",
  },
  backtest_no_consent: {
    status: 422,
    title: "Nobody who has one of these appliances agreed that what it says improves the product",
    help: "A back-test looks at appliances of those alone who agreed to `improve`, and at appliances that nobody has. The rule itself watches all of them.",
  },
  backtest_over: {
    status: 409,
    title: "The back-test is over",
    help: "GET /api/v1/service/backtests/:id says what it found.",
  },
  backtest_cursor_invalid: {
    status: 400,
    title: "The cursor is not one of ours",
    help: "Send `nextCursor` of the page before, unchanged, or leave it out.",
  },
  incident_not_found: {
    status: 404,
    title: "There is no such incident",
    help: "GET /api/v1/incidents lists the incidents.",
  },
  incident_already_open: {
    status: 409,
    title: "The incident is open already",
    help: "GET /api/v1/incidents/:id shows where it stands.",
  },
  incident_already_settling: {
    status: 409,
    title: "The incident settles already",
    help: "It resolves by itself when nothing happens for half an hour.",
  },
  incident_already_resolved: {
    status: 409,
    title: "The incident is resolved",
    help: "It opens again by itself when its cause hits many appliances at once within 7 days. Notes can still be added.",
  },
  incident_still_stands: {
    status: 409,
    title: "Too many appliances still have the cause",
    help: "An incident settles when nearly all of them have cleared. Staff may resolve it before that.",
  },
  incident_not_quiet_yet: {
    status: 409,
    title: "The incident has not been quiet for long enough",
    help: "Wait, or resolve it with POST /api/v1/incidents/:id/resolve.",
  },
  incident_resolved_too_long_ago: {
    status: 409,
    title: "The incident was resolved too long ago to open again",
    help: "What happens later than 7 days after is another incident.",
  },
  incident_too_many_standing: {
    status: 409,
    title: "Too many appliances still have the cause for a case each",
    help: "Wait until at most 50 are left, or resolve it with `standing` set to `leave`.",
  },
  incident_cursor_invalid: {
    status: 400,
    title: "The cursor is not one of ours",
    help: "Send `nextCursor` of the page before, unchanged, or leave it out.",
  },
  firing_cursor_invalid: {
    status: 400,
    title: "The cursor is not one of ours",
    help: "Send `nextCursor` of the page before, unchanged, or leave it out.",
  },
  case_not_found: { status: 404, title: "There is no such case", help: "GET /api/v1/cases lists the cases." },
  case_already_open: {
    status: 409,
    title: "The case is open already",
    help: "GET /api/v1/cases/:id shows where it stands.",
  },
  case_unseen: {
    status: 409,
    title: "Nobody has seen the case yet",
    help: "A safety case ends by a person's hand until one has seen it: POST /api/v1/cases/:id/acknowledge.",
  },
  case_already_resolved: {
    status: 409,
    title: "The case is resolved",
    help: "It reopens by itself when its cause returns within 7 days. Notes can still be added.",
  },
  case_already_waiting: {
    status: 409,
    title: "The case waits for that already",
    help: "GET /api/v1/cases/:id shows where it stands.",
  },
  case_not_waiting: {
    status: 409,
    title: "The case does not wait for its owner",
    help: "A case waits for staff only after its owner has answered.",
  },
  case_waits_for_release: {
    status: 409,
    title: "The case waits for a release",
    help: "It is resolved when the appliance confirms that release or a newer one; POST /api/v1/cases/:id/resolve resolves it at once.",
  },
  case_merged: {
    status: 409,
    title: "The case went into another one",
    help: "Work on that one: GET /api/v1/cases/:id names it as `mergedInto`. POST /api/v1/cases/:id/unmerge takes it out again.",
  },
  case_not_merged: {
    status: 409,
    title: "The case stands for itself",
    help: "Only what went into another case can be taken out of it.",
  },
  case_merge_itself: {
    status: 409,
    title: "A case does not go into itself",
    help: "Name another case as `into`: GET /api/v1/cases/:id/merge-targets lists those that fit.",
  },
  case_merge_target_unknown: {
    status: 409,
    title: "There is no such case to go into",
    help: "GET /api/v1/cases/:id/merge-targets lists those that fit.",
  },
  case_merge_target_merged: {
    status: 409,
    title: "The other case went into another one itself",
    help: "Name the one that it went into.",
  },
  case_merge_target_resolved: {
    status: 409,
    title: "The other case is resolved",
    help: "What is open goes into what is open. Resolve this one too, or name an open case.",
  },
  case_merge_other_household: {
    status: 409,
    title: "The two cases are not of the same household",
    help: "Nobody reads what others wrote. Where two households are the same people, merge the households first.",
  },
  case_merge_other_appliance: {
    status: 409,
    title: "The two cases are of different appliances",
    help: "Each appliance keeps its own case. Say in a note where the other one is.",
  },
  case_merge_loses_appliance: {
    status: 409,
    title: "The other case is of no appliance",
    help: "Merge it the other way round: the case of the appliance stays.",
  },
  case_merge_too_many: {
    status: 409,
    title: "Too many cases would be in one",
    help: "A case holds at most 20 others. Resolve what is a matter of its own by itself.",
  },
  case_taken: {
    status: 409,
    title: "Somebody has the case already",
    help: "POST /api/v1/cases/:id/give gives it to somebody else, whoever has it.",
  },
  assignee_not_suitable: {
    status: 409,
    title: "Nobody who may work on cases has that key",
    help: "Give it to a staff key with the role support or admin that was not revoked: GET /api/v1/staff/keys lists them.",
  },
  case_device_unknown: {
    status: 409,
    title: "There is no such appliance",
    help: "GET /api/v1/devices lists the appliances.",
  },
  case_household_unknown: {
    status: 409,
    title: "There is no such household",
    help: "GET /api/v1/households lists the households.",
  },
  case_open_for_cause: {
    status: 409,
    title: "There is an open case of this cause on this appliance, or of this household",
    help: "Add a note to that one: GET /api/v1/cases?device=... lists the appliance's cases.",
  },
  resolved_too_long_ago: {
    status: 409,
    title: "The case was resolved too long ago to be reopened",
    help: "A cause that returns later than 7 days is a new case.",
  },
  cause_not_found: {
    status: 404,
    title: "Nothing is written about that cause",
    help: "GET /api/v1/causes lists what is known of causes.",
  },
  answer_not_found: {
    status: 404,
    title: "There is no such answer template",
    help: "GET /api/v1/answers lists the templates.",
  },
  too_many_service_documents: {
    status: 409,
    title: "There are as many texts as this service holds",
    help: "Change one that is no longer needed instead of writing another.",
  },
} as const;
