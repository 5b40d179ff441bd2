/** What the API answers about releases, rollouts and the schedule, as far as the console reads it. test/console holds it against the service. */
import type { MaintenanceWindow } from "#protocol/maintenance-window.ts";

export type RolloutStateKind =
  | "draft"
  | "awaiting_approval"
  | "scheduled"
  | "running"
  | "paused"
  | "finished"
  | "aborted"
  | "halted";

export type MemberState =
  | "waiting"
  | "offered"
  | "started"
  | "done"
  | "failed"
  | "timed_out"
  | "declined"
  | "skipped"
  | "cancelled";
export type Tally = Record<MemberState, number>;

/** `kind` says which of the others are there. */
export interface RolloutState {
  kind: RolloutStateKind;
  startAtMs?: number | null | undefined;
  submittedBy?: string | undefined;
  approvedBy?: string | null | undefined;
  startedAtMs?: number | undefined;
  pausedAtMs?: number | undefined;
  finishedAtMs?: number | undefined;
  abortedAtMs?: number | undefined;
  haltedAtMs?: number | undefined;
  by?: string | undefined;
  reason?: string | undefined;
  progress?: { kind: "starting" | "soaking" | "waiting"; stage: number; sinceMs: number } | undefined;
  stage?: number | undefined;
}

export type StageSize =
  | { kind: "tag"; tag: string }
  | { kind: "share"; share: number }
  | { kind: "count"; count: number }
  | { kind: "rest" };

export interface PlanGate {
  failureShareMax: number | null;
  failuresMax: number | null;
  timeoutShareMax: number | null;
  sampleMin: number;
  metric: {
    source: { kind: "metric"; name: string } | { kind: "event"; type: string };
    increaseMax: number;
    devicesMin: number;
  } | null;
}

export interface PlanStage {
  name: string;
  size: StageSize;
  soakMs: number;
  gate: PlanGate | null;
  next: "continue" | "wait_for_approval";
}

export interface RolloutPlan {
  name: string;
  releaseId: string;
  target: string;
  stages: PlanStage[];
  windows: MaintenanceWindow[];
  startsPerMinuteMax: number;
  startAtMs: number | null;
  approval: "not_needed" | "second_person";
  consent: "automatic" | "ask";
  postponeMsMax: number;
  noticeMs: number;
  autoAssign: boolean;
  freezeOverride: { reason: string } | null;
  attemptsMax: number;
}

export interface RolloutSummary {
  id: string;
  name: string;
  model: string;
  releaseId: string;
  version: string;
  releaseKind: "security" | "feature";
  state: RolloutState;
  /** No stage has a gate: it does not stop by itself. */
  noGate: boolean;
  stages: number;
  members: number;
  funnel: Tally;
  createdAtMs: number;
  createdBy: string;
  changedAtMs: number;
}

export interface RolloutGate {
  gate: "failure_share" | "failures" | "timeout_share" | "metric";
  /** Null: nothing to divide by, or nothing measured yet. */
  value: number | null;
  /** Above it the rollout halts by itself. */
  line: number;
  sample: number;
  sampleMin: number;
  verdict: "too_early" | "within" | "tripped";
}

export interface RolloutStage {
  index: number;
  name: string;
  size: StageSize;
  members: number;
  tally: Tally;
  state: "not_begun" | "starting" | "soaking" | "waiting_for_approval" | "passed" | "halted" | "stopped";
  soakMs: number;
  soakUntilMs: number | null;
  sampleMissing: number;
  gates: RolloutGate[];
  next: "continue" | "wait_for_approval";
}

export interface RolloutHistoryEntry {
  id: number;
  atMs: number;
  by: string;
  what: string;
  stage: number | null;
  reason: string | null;
}

export interface RolloutDetail extends Omit<RolloutSummary, "stages"> {
  plan: RolloutPlan;
  stages: RolloutStage[];
  windows: {
    openZones: string[];
    closedZones: string[];
    nextChangeAtMs: number | null;
    waitingOpen: number;
    waitingClosed: number;
    waitingFrozen: number;
    frozen: "all" | string[];
  };
  expectedFinishAtMs: number | null;
  /** What the time rests on, or why there is none. */
  expectedFinishWhy: string;
  abortEffect: { done: number; underWay: number; calledBack: number; notStarted: number };
  retryable: number;
  haltedBy: RolloutGate | null;
  history: RolloutHistoryEntry[];
}

export interface RolloutFailure {
  state: "failed" | "timed_out";
  reason: string;
  count: number;
  retryable: boolean;
  examples: string[];
}

export interface ScheduleClash {
  rule: string;
  sentence: string;
  fromMs: number | null;
  toMs: number | null;
  rolloutIds: string[];
}

export interface RolloutPreview {
  eligible: number;
  excluded: { reason: string; sentence: string; count: number; examples: string[] }[];
  stages: { name: string; members: number; expectedAtMs: number | null }[];
  zones: { timeZone: string; devices: number; open: boolean; changesAtMs: number | null }[];
  expectedFinishAtMs: number | null;
  expectedFinishWhy: string;
  noGate: boolean;
  warnings: string[];
  problems: { code: string; title: string; detail: string }[];
  clashes: ScheduleClash[];
}

export interface Schedule {
  fromMs: number;
  toMs: number;
  items: {
    kind: "rollout" | "window" | "freeze";
    fromMs: number;
    toMs: number | null;
    title: string;
    rolloutId: string | null;
    freezeId: string | null;
    models: string[];
    countries: string[];
    timeZones: string[];
  }[];
  clashes: ScheduleClash[];
  isCut: boolean;
}

export interface Freeze {
  id: string;
  countries: string[];
  models: string[];
  fromMs: number;
  toMs: number;
  reason: string;
  createdBy: string;
}

export interface Release {
  id: string;
  model: string;
  version: string;
  releaseCounter: number;
  minCounter: number;
  passThrough: boolean;
  hardwareIds: string[];
  kind: "security" | "feature";
  state: "draft" | "signed" | "published" | "withdrawn";
  notes: string;
  /** How many appliances report that they run it. */
  running: number;
  length: number;
  sha256: string;
  /** How many components its SBOM names; null where it has none. */
  components: number | null;
  supportEndsAtMs: number | null;
  createdAtMs: number;
  createdBy: string;
  publishedAtMs: number | null;
  withdrawnAtMs: number | null;
  withdrawnReason: string | null;
}
