/** What the rollouts slice can refuse, beside predicates. */
export const rolloutProblems = {
  rollout_not_found: {
    status: 404,
    title: "There is no such rollout",
    help: "GET /api/v1/rollouts lists them.",
  },
  rollout_release_not_found: {
    status: 422,
    title: "There is no such release",
    help: "GET /api/v1/firmware/releases lists them.",
  },
  rollout_release_not_published: {
    status: 422,
    title: "The release is not published",
    help: "Sign and publish it first: npm run release -- publish.",
  },
  rollout_release_withdrawn: {
    status: 422,
    title: "The release was withdrawn",
    help: "It is never offered again. Make a rollout of another release.",
  },
  rollout_target_empty: {
    status: 422,
    title: "No appliance would get the release",
    help: "POST /api/v1/rollouts/preview says who is left out and why.",
  },
  rollout_target_overlaps: {
    status: 409,
    title: "Another rollout lays claim to some of these appliances",
    help: "Wait until it has finished, abort it, or make the targets disjoint.",
  },
  stages_do_not_add_up: {
    status: 422,
    title: "The stages do not add up to the whole target",
    help: "Shares are of the whole target and come to 1, or the last stage takes the rest.",
  },
  stage_repeated: {
    status: 422,
    title: "Two stages are the same",
    help: "Each has a name of its own, and no tag stands in two of them.",
  },
  gate_makes_no_sense: {
    status: 422,
    title: "A gate that could never trip",
    help: "Give it a line that can be crossed, or leave the gate out.",
  },
  gate_metric_unknown: {
    status: 422,
    title: "The model has no such metric",
    help: "GET /api/v1/models lists what each model measures.",
  },
  window_never_opens: {
    status: 422,
    title: "The maintenance window never opens",
    help: "A window begins and ends at different times; the whole day is 00:00 to 24:00.",
  },
  freeze_override_not_allowed: {
    status: 422,
    title: "Only a security release may go on during a freeze",
    help: "Leave freezeOverride out.",
  },
  start_is_past: {
    status: 422,
    title: "The rollout would begin in the past",
    help: "Leave startAtMs out to start it by hand.",
  },
  rollout_not_draft: {
    status: 409,
    title: "The rollout is no draft any more",
    help: "Only a draft is changed and submitted. Abort this one and make another.",
  },
  rollout_not_submitted: {
    status: 409,
    title: "The rollout was not submitted yet",
    help: "POST /api/v1/rollouts/{id}/submit.",
  },
  rollout_not_scheduled: { status: 409, title: "The rollout is not scheduled", help: "Look at its state." },
  rollout_not_running: { status: 409, title: "The rollout is not running", help: "Look at its state." },
  rollout_not_paused: { status: 409, title: "The rollout is not paused", help: "Only a paused one is resumed." },
  rollout_not_begun: { status: 409, title: "The rollout has not begun", help: "It has to run first." },
  rollout_under_way: { status: 409, title: "The rollout is under way already", help: "Pause it, or abort it." },
  rollout_over: {
    status: 409,
    title: "The rollout is over",
    help: "Finished, aborted and halted are final. Make another one.",
  },
  rollout_waits_for_approval: {
    status: 409,
    title: "The rollout waits for a second person",
    help: "POST /api/v1/rollouts/{id}/approve, by somebody else than its author.",
  },
  nothing_to_approve: { status: 409, title: "There is nothing to approve", help: "Look at the rollout's state." },
  approver_is_author: {
    status: 403,
    title: "A second person has to approve it",
    help: "Neither who wrote the plan nor who submitted it may. Another staff key is another person.",
  },
  stage_not_current: { status: 409, title: "The rollout is at another stage", help: "Look at its state." },
  stage_not_soaked: { status: 409, title: "The stage's soak time is not over", help: "Wait, or promote it early." },
  not_last_stage: { status: 409, title: "There are stages left", help: "Look at the rollout's state." },
  nothing_to_retry: {
    status: 409,
    title: "None of its appliances failed for a reason after which another try may help",
    help: "`force` tries all that failed.",
  },
  freeze_not_found: { status: 404, title: "There is no such freeze", help: "GET /api/v1/freezes lists them." },
  schedule_range_too_long: {
    status: 422,
    title: "The schedule is asked for too long a time",
    help: "At most 92 days, from before to.",
  },
} as const;
