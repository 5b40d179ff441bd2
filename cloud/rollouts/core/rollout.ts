/**
 * The life of a rollout.
 *
 *   draft --submit--> awaiting_approval --approve (another person)--> scheduled --begin--> running <--pause, resume--> paused
 *     \----------submit, where nobody else is asked----------------------^                   |                          |
 *                                                                                            +--finish--> finished      |
 *   aborted <-- abort, from every state that is not final                                    +--trip----> halted <------+
 *
 *   running, stage by stage:   starting --soak--> soaking --advance--> the next stage, starting
 *                                                    \--ask--> waiting --approve (another person)--^
 *
 * A gate may trip while the rollout is paused: what is under way goes on and is watched. `finished`, `aborted` and `halted` are final, but
 * for a finished one that still takes in new appliances: it can be aborted, and halts by itself.
 */
import type { GateVerdict } from "./gates.ts";

/** How far a rollout is. The stages before `stage` have passed. */
export type Progress =
  /** The stage's appliances are being offered the release, and its sample is not there yet. */
  | { kind: "starting"; stage: number; sinceMs: number }
  | { kind: "soaking"; stage: number; sinceMs: number }
  /** Passed its gate; a second person says whether the next stage begins. */
  | { kind: "waiting"; stage: number; sinceMs: number };

export type RolloutState =
  | { kind: "draft" }
  | { kind: "awaiting_approval"; submittedBy: string; submittedAtMs: number }
  /** `startAtMs` null: a person starts it. */
  | { kind: "scheduled"; startAtMs: number | null; approvedBy: string | null }
  | { kind: "running"; startedAtMs: number; progress: Progress }
  | { kind: "paused"; startedAtMs: number; progress: Progress; pausedAtMs: number; by: string; reason: string }
  | { kind: "finished"; startedAtMs: number; finishedAtMs: number }
  | { kind: "aborted"; abortedAtMs: number; by: string; reason: string }
  | { kind: "halted"; startedAtMs: number; haltedAtMs: number; stage: number; verdict: GateVerdict };

export const rolloutStates = [
  "draft",
  "awaiting_approval",
  "scheduled",
  "running",
  "paused",
  "finished",
  "aborted",
  "halted",
] as const satisfies readonly RolloutState["kind"][];

/** What guards ask of the rollout itself. */
export interface RolloutTerms {
  /** Who wrote the plan: the first principal. */
  createdBy: string;
  approval: "not_needed" | "second_person";
  stages: number;
  /** Stages after which a second person is asked. */
  asksAfter: ReadonlySet<number>;
  /** It takes in new appliances also once it has finished. */
  follows: boolean;
  /** When the plan says that it begins; null: when a person says so. */
  startAtMs: number | null;
}

/** `by` is a principal's text. */
export type RolloutEvent =
  | { kind: "submit"; atMs: number; by: string }
  | { kind: "approve"; atMs: number; by: string }
  | { kind: "schedule"; atMs: number; startAtMs: number | null }
  /** Members are assigned in the same transaction. */
  | { kind: "begin"; atMs: number }
  | { kind: "pause"; atMs: number; by: string; reason: string }
  | { kind: "resume"; atMs: number }
  | { kind: "abort"; atMs: number; by: string; reason: string }
  /** All of the stage was offered, and its sample is there. */
  | { kind: "soak"; atMs: number; stage: number }
  /** The stage asks a second person before the next. */
  | { kind: "ask"; atMs: number; stage: number }
  | { kind: "advance"; atMs: number; stage: number }
  /** A person ends a stage before its sample and soak time. After the last one the rollout is finished. */
  | { kind: "promote"; atMs: number }
  | { kind: "finish"; atMs: number }
  | { kind: "trip"; atMs: number; stage: number; verdict: GateVerdict };

/** Why an event changed nothing. */
export type RolloutRefusal =
  | "rollout_not_draft"
  | "rollout_not_submitted"
  | "rollout_not_scheduled"
  | "rollout_not_running"
  | "rollout_not_paused"
  | "rollout_not_begun"
  | "rollout_under_way"
  | "rollout_over"
  | "rollout_waits_for_approval"
  | "nothing_to_approve"
  | "approver_is_author"
  | "stage_not_current"
  | "stage_not_soaked"
  | "not_last_stage";

export type RolloutOutcome = { kind: "moved"; to: RolloutState } | { kind: "refused"; rule: RolloutRefusal };

type Kind = RolloutState["kind"];
type Of<K extends Kind> = Extract<RolloutState, { kind: K }>;
type On<K extends RolloutEvent["kind"]> = Extract<RolloutEvent, { kind: K }>;
type Cell<K extends Kind, E extends RolloutEvent["kind"]> = (
  terms: RolloutTerms,
  now: Of<K>,
  on: On<E>,
) => RolloutOutcome;

const moved = (to: RolloutState): RolloutOutcome => ({ kind: "moved", to });
const refused = (rule: RolloutRefusal): RolloutOutcome => ({ kind: "refused", rule });
const refuse = (rule: RolloutRefusal) => () => refused(rule);

const abort = (_terms: RolloutTerms, _now: unknown, on: On<"abort">): RolloutOutcome =>
  moved({ kind: "aborted", abortedAtMs: on.atMs, by: on.by, reason: on.reason });

const trip = (_terms: RolloutTerms, now: Of<"running" | "paused">, on: On<"trip">): RolloutOutcome =>
  on.stage > now.progress.stage
    ? refused("stage_not_current")
    : moved({
        kind: "halted",
        startedAtMs: now.startedAtMs,
        haltedAtMs: on.atMs,
        stage: on.stage,
        verdict: on.verdict,
      });

const isLast = (terms: RolloutTerms, { stage }: Progress) => stage >= terms.stages - 1;

const next = (now: Of<"running">, atMs: number): RolloutOutcome =>
  moved({ ...now, progress: { kind: "starting", stage: now.progress.stage + 1, sinceMs: atMs } });

const finish = (now: Of<"running">, atMs: number): RolloutOutcome =>
  moved({ kind: "finished", startedAtMs: now.startedAtMs, finishedAtMs: atMs });

/** The second principal is neither who wrote the plan nor who submitted it. */
function approvePlan(terms: RolloutTerms, now: Of<"awaiting_approval">, on: On<"approve">): RolloutOutcome {
  if (on.by === terms.createdBy || on.by === now.submittedBy) return refused("approver_is_author");
  return moved({ kind: "scheduled", startAtMs: terms.startAtMs, approvedBy: on.by });
}

function approveStage(terms: RolloutTerms, now: Of<"running">, on: On<"approve">): RolloutOutcome {
  if (now.progress.kind !== "waiting") return refused("nothing_to_approve");
  if (on.by === terms.createdBy) return refused("approver_is_author");
  return isLast(terms, now.progress) ? finish(now, on.atMs) : next(now, on.atMs);
}

function advance(terms: RolloutTerms, now: Of<"running">, on: On<"advance">): RolloutOutcome {
  const { progress } = now;
  if (progress.stage !== on.stage || isLast(terms, progress)) return refused("stage_not_current");
  if (progress.kind === "waiting") return refused("rollout_waits_for_approval");
  return progress.kind === "soaking" ? next(now, on.atMs) : refused("stage_not_soaked");
}

function ask(_terms: RolloutTerms, now: Of<"running">, on: On<"ask">): RolloutOutcome {
  const { progress } = now;
  if (progress.stage !== on.stage || progress.kind === "waiting") return refused("stage_not_current");
  if (progress.kind === "starting") return refused("stage_not_soaked");
  return moved({ ...now, progress: { kind: "waiting", stage: progress.stage, sinceMs: on.atMs } });
}

function promote(terms: RolloutTerms, now: Of<"running">, on: On<"promote">): RolloutOutcome {
  const { kind, stage } = now.progress;
  if (kind === "waiting") return refused("rollout_waits_for_approval");
  if (isLast(terms, now.progress)) return finish(now, on.atMs);
  // Whoever may not approve must not get round it by being early.
  if (terms.asksAfter.has(stage)) return moved({ ...now, progress: { kind: "waiting", stage, sinceMs: on.atMs } });
  return next(now, on.atMs);
}

const over = {
  submit: refuse("rollout_over"),
  approve: refuse("rollout_over"),
  schedule: refuse("rollout_over"),
  begin: refuse("rollout_over"),
  pause: refuse("rollout_over"),
  resume: refuse("rollout_over"),
  abort: refuse("rollout_over"),
  soak: refuse("rollout_over"),
  ask: refuse("rollout_over"),
  advance: refuse("rollout_over"),
  promote: refuse("rollout_over"),
  finish: refuse("rollout_over"),
  trip: refuse("rollout_over"),
};

/** What only a rollout that has begun knows. */
const notBegun = {
  pause: refuse("rollout_not_begun"),
  resume: refuse("rollout_not_begun"),
  soak: refuse("rollout_not_begun"),
  ask: refuse("rollout_not_begun"),
  advance: refuse("rollout_not_begun"),
  promote: refuse("rollout_not_begun"),
  finish: refuse("rollout_not_begun"),
  trip: refuse("rollout_not_begun"),
};

/** Every state by every event: a cell that is missing does not compile. */
const transitions: { [K in Kind]: { [E in RolloutEvent["kind"]]: Cell<K, E> } } = {
  draft: {
    ...notBegun,
    submit: (terms, _now, on) =>
      terms.approval === "second_person"
        ? moved({ kind: "awaiting_approval", submittedBy: on.by, submittedAtMs: on.atMs })
        : moved({ kind: "scheduled", startAtMs: terms.startAtMs, approvedBy: null }),
    approve: refuse("rollout_not_submitted"),
    schedule: refuse("rollout_not_submitted"),
    begin: refuse("rollout_not_submitted"),
    abort,
  },
  awaiting_approval: {
    ...notBegun,
    submit: refuse("rollout_not_draft"),
    approve: approvePlan,
    schedule: refuse("rollout_waits_for_approval"),
    begin: refuse("rollout_waits_for_approval"),
    abort,
  },
  scheduled: {
    ...notBegun,
    submit: refuse("rollout_not_draft"),
    approve: refuse("nothing_to_approve"),
    schedule: (_terms, now, on) => moved({ ...now, startAtMs: on.startAtMs }),
    begin: (_terms, _now, on) =>
      moved({
        kind: "running",
        startedAtMs: on.atMs,
        progress: { kind: "starting", stage: 0, sinceMs: on.atMs },
      }),
    abort,
  },
  running: {
    submit: refuse("rollout_not_draft"),
    approve: approveStage,
    schedule: refuse("rollout_under_way"),
    begin: refuse("rollout_under_way"),
    pause: (_terms, now, on) => moved({ ...now, kind: "paused", pausedAtMs: on.atMs, by: on.by, reason: on.reason }),
    resume: refuse("rollout_not_paused"),
    abort,
    soak: (_terms, now, on) =>
      now.progress.stage === on.stage && now.progress.kind === "starting"
        ? moved({ ...now, progress: { kind: "soaking", stage: on.stage, sinceMs: on.atMs } })
        : refused("stage_not_current"),
    ask,
    advance,
    promote,
    finish: (terms, now, on) => {
      if (!isLast(terms, now.progress)) return refused("not_last_stage");
      if (now.progress.kind === "waiting") return refused("rollout_waits_for_approval");
      return now.progress.kind === "soaking" ? finish(now, on.atMs) : refused("stage_not_soaked");
    },
    trip,
  },
  paused: {
    submit: refuse("rollout_not_draft"),
    approve: refuse("rollout_not_running"),
    schedule: refuse("rollout_under_way"),
    begin: refuse("rollout_under_way"),
    pause: refuse("rollout_not_running"),
    resume: (_terms, { startedAtMs, progress }) => moved({ kind: "running", startedAtMs, progress }),
    abort,
    soak: refuse("rollout_not_running"),
    ask: refuse("rollout_not_running"),
    advance: refuse("rollout_not_running"),
    promote: refuse("rollout_not_running"),
    finish: refuse("rollout_not_running"),
    trip,
  },
  // One that goes on with new appliances is not over: somebody, or its gates, must be able to stop it.
  finished: {
    ...over,
    abort: (terms, now, on) => (terms.follows ? abort(terms, now, on) : refused("rollout_over")),
    trip: (terms, now, on) =>
      terms.follows
        ? moved({
            kind: "halted",
            startedAtMs: now.startedAtMs,
            haltedAtMs: on.atMs,
            stage: on.stage,
            verdict: on.verdict,
          })
        : refused("rollout_over"),
  },
  aborted: over,
  halted: over,
};

/** What `on` makes of `now`. Pure: the clock is the event's own `atMs`. */
export function stepRollout(terms: RolloutTerms, now: RolloutState, on: RolloutEvent): RolloutOutcome {
  // The table is total, so the pair is always a cell of it; TypeScript cannot correlate two unions on its own.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const cell = transitions[now.kind][on.kind] as (
    terms: RolloutTerms,
    now: RolloutState,
    on: RolloutEvent,
  ) => RolloutOutcome;
  return cell(terms, now, on);
}
