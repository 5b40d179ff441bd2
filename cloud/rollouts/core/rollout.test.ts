import fc from "fast-check";
import { expect, test } from "vitest";
import type { GateVerdict } from "./gates.ts";
import { type RolloutEvent, type RolloutState, rolloutStates, type RolloutTerms, stepRollout } from "./rollout.ts";

const verdict: GateVerdict = {
  gate: "failure_share",
  value: 0.2,
  line: 0.1,
  sample: 10,
  sampleMin: 10,
  verdict: "tripped",
};
const terms: RolloutTerms = {
  createdBy: "staff:author",
  approval: "second_person",
  stages: 3,
  asksAfter: new Set([1]),
  follows: false,
  startAtMs: null,
};

const progress = (kind: "starting" | "soaking" | "waiting" = "starting", stage = 0) => ({ kind, stage, sinceMs: 1 });
const states: Record<RolloutState["kind"], RolloutState> = {
  draft: { kind: "draft" },
  awaiting_approval: { kind: "awaiting_approval", submittedBy: "staff:editor", submittedAtMs: 1 },
  scheduled: { kind: "scheduled", startAtMs: null, approvedBy: null },
  running: { kind: "running", startedAtMs: 1, progress: progress() },
  paused: { kind: "paused", startedAtMs: 1, progress: progress(), pausedAtMs: 2, by: "b", reason: "r" },
  finished: { kind: "finished", startedAtMs: 1, finishedAtMs: 2 },
  aborted: { kind: "aborted", abortedAtMs: 2, by: "b", reason: "r" },
  halted: { kind: "halted", startedAtMs: 1, haltedAtMs: 2, stage: 0, verdict },
};
const events: { [K in RolloutEvent["kind"]]: Extract<RolloutEvent, { kind: K }> } = {
  submit: { kind: "submit", atMs: 5, by: "staff:author" },
  approve: { kind: "approve", atMs: 5, by: "staff:other" },
  schedule: { kind: "schedule", atMs: 5, startAtMs: 9 },
  begin: { kind: "begin", atMs: 5 },
  pause: { kind: "pause", atMs: 5, by: "staff:author", reason: "r" },
  resume: { kind: "resume", atMs: 5 },
  abort: { kind: "abort", atMs: 5, by: "staff:author", reason: "r" },
  soak: { kind: "soak", atMs: 5, stage: 0 },
  ask: { kind: "ask", atMs: 5, stage: 0 },
  advance: { kind: "advance", atMs: 5, stage: 0 },
  promote: { kind: "promote", atMs: 5 },
  finish: { kind: "finish", atMs: 5 },
  trip: { kind: "trip", atMs: 5, stage: 0, verdict },
};
const eventKinds = Object.keys(events) as RolloutEvent["kind"][];

/** `finished` or `rollout_over`: where it came to, or by which name it was refused. */
const result = (now: RolloutState, on: RolloutEvent, over: Partial<RolloutTerms> = {}): string => {
  const outcome = stepRollout({ ...terms, ...over }, now, on);
  return outcome.kind === "moved" ? outcome.to.kind : outcome.rule;
};

/** SPEC.md has the same table. */
const table: Record<RolloutState["kind"], string[]> = {
  draft: [
    "awaiting_approval",
    "rollout_not_submitted",
    "rollout_not_submitted",
    "rollout_not_submitted",
    "rollout_not_begun",
    "rollout_not_begun",
    "aborted",
    ...Array.from({ length: 6 }, () => "rollout_not_begun"),
  ],
  awaiting_approval: [
    "rollout_not_draft",
    "scheduled",
    "rollout_waits_for_approval",
    "rollout_waits_for_approval",
    "rollout_not_begun",
    "rollout_not_begun",
    "aborted",
    ...Array.from({ length: 6 }, () => "rollout_not_begun"),
  ],
  scheduled: [
    "rollout_not_draft",
    "nothing_to_approve",
    "scheduled",
    "running",
    "rollout_not_begun",
    "rollout_not_begun",
    "aborted",
    ...Array.from({ length: 6 }, () => "rollout_not_begun"),
  ],
  running: [
    "rollout_not_draft",
    "nothing_to_approve",
    "rollout_under_way",
    "rollout_under_way",
    "paused",
    "rollout_not_paused",
    "aborted",
    "running",
    "stage_not_soaked",
    "stage_not_soaked",
    "running",
    "not_last_stage",
    "halted",
  ],
  paused: [
    "rollout_not_draft",
    "rollout_not_running",
    "rollout_under_way",
    "rollout_under_way",
    "rollout_not_running",
    "running",
    "aborted",
    ...Array.from({ length: 5 }, () => "rollout_not_running"),
    "halted",
  ],
  finished: eventKinds.map(() => "rollout_over"),
  aborted: eventKinds.map(() => "rollout_over"),
  halted: eventKinds.map(() => "rollout_over"),
};

test.each(rolloutStates)("every event in the state %s does what the table says, or is refused by name", (kind) => {
  expect(eventKinds.map((event) => result(states[kind], events[event]))).toEqual(table[kind]);
});

const approvedBy = (who: string): RolloutEvent => ({ kind: "approve", atMs: 5, by: who });

test("the second person is neither who wrote the plan nor who handed it in", () => {
  expect(result(states.awaiting_approval, approvedBy("staff:author"))).toBe("approver_is_author");
  expect(result(states.awaiting_approval, approvedBy("staff:editor"))).toBe("approver_is_author");
  expect(result(states.awaiting_approval, approvedBy("staff:other"))).toBe("scheduled");
  const waiting: RolloutState = { kind: "running", startedAtMs: 1, progress: progress("waiting") };
  expect(result(waiting, approvedBy("staff:author"))).toBe("approver_is_author");
  expect(stepRollout(terms, waiting, approvedBy("staff:other"))).toMatchObject({
    to: { progress: { kind: "starting", stage: 1 } },
  });
});

const runningAt = (kind: "starting" | "soaking" | "waiting", stage = 0): RolloutState => ({
  kind: "running",
  startedAtMs: 1,
  progress: progress(kind, stage),
});

test("nobody gets round an approval by promoting, and nothing advances that was not soaked", () => {
  expect(result(runningAt("waiting"), events.promote)).toBe("rollout_waits_for_approval");
  expect(result(runningAt("waiting"), events.advance)).toBe("rollout_waits_for_approval");
  for (const early of ["starting", "soaking"] as const) {
    expect(stepRollout(terms, runningAt(early, 1), events.promote)).toMatchObject({
      to: { progress: { kind: "waiting", stage: 1 } },
    });
    expect(stepRollout(terms, runningAt(early), events.promote)).toMatchObject({ to: { progress: { stage: 1 } } });
  }
  expect(result(runningAt("starting"), events.advance)).toBe("stage_not_soaked");
  expect(result(runningAt("soaking", 2), { ...events.advance, stage: 2 })).toBe("stage_not_current");
  expect(result(runningAt("soaking", 2), events.finish)).toBe("finished");
  expect(result(runningAt("starting", 2), events.finish)).toBe("stage_not_soaked");
});

test("a finished rollout that still takes in appliances can be stopped, and no other", () => {
  expect(result(states.finished, events.abort, { follows: true })).toBe("aborted");
  expect(result(states.finished, events.trip, { follows: true })).toBe("halted");
  for (const kind of eventKinds.filter((one) => one !== "abort" && one !== "trip"))
    expect(result(states.finished, events[kind], { follows: true })).toBe("rollout_over");
});

test("what a plan of one's own needs no second person for is scheduled at once", () => {
  expect(stepRollout({ ...terms, approval: "not_needed", startAtMs: 7 }, states.draft, events.submit)).toEqual({
    kind: "moved",
    to: { kind: "scheduled", startAtMs: 7, approvedBy: null },
  });
});

const anyEvent: fc.Arbitrary<RolloutEvent> = fc
  .tuple(fc.constantFrom(...eventKinds), fc.nat(3), fc.constantFrom("staff:author", "staff:other"))
  .map(([kind, stage, by]): RolloutEvent => Object.assign({ ...events[kind] }, { stage, by }));

test("whatever happens in which order: stages go one by one, and what is final stays so", () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 60 }), (happened) => {
      let now: RolloutState = { kind: "draft" };
      let stage = -1;
      for (const on of happened) {
        const outcome = stepRollout(terms, now, on);
        if (outcome.kind === "refused") continue;
        expect(["finished", "aborted", "halted"]).not.toContain(now.kind);
        if (now.kind === "draft") expect(["awaiting_approval", "aborted"]).toContain(outcome.to.kind);
        now = outcome.to;
        if (now.kind !== "running" && now.kind !== "paused") continue;
        expect(now.progress.stage - stage).toBeGreaterThanOrEqual(0);
        expect(now.progress.stage - stage).toBeLessThanOrEqual(1);
        stage = now.progress.stage;
        expect(stage).toBeLessThan(terms.stages);
      }
    }),
    { numRuns: 1_000 },
  );
});
