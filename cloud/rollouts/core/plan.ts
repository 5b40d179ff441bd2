import type { MaintenanceWindow } from "#protocol/maintenance-window.ts";

/** Which of the target's appliances a stage takes. */
export type StageSize =
  /** Those that bear a tag: ring 0. */
  | { kind: "tag"; tag: string }
  /** So much of the whole target, 0 to 1. */
  | { kind: "share"; share: number }
  | { kind: "count"; count: number }
  /** All that no stage before it took. */
  | { kind: "rest" };

/** What a metric of those who have the release may differ by from those who have not got it yet. */
export interface MetricLine {
  /** One of the two: the mean of a metric, or events of a type per appliance and day. */
  source: { kind: "metric"; name: string } | { kind: "event"; type: string };
  /** By how much the treated may lie above the untreated, in the metric's own unit. */
  increaseMax: number;
  /** Fewer appliances on either side say nothing. */
  devicesMin: number;
}

/** Where a stage stops the rollout by itself. A line that is null is not drawn. */
export interface Gate {
  /** Of those that started. */
  failureShareMax: number | null;
  failuresMax: number | null;
  /** Of those that started. */
  timeoutShareMax: number | null;
  /** Outcomes that must be known before a share counts, and before the stage may pass; at most the stage's own size is waited for. */
  sampleMin: number;
  metric: MetricLine | null;
}

export interface Stage {
  name: string;
  size: StageSize;
  /** How long the stage is watched after all of it was offered the release and its sample is there. */
  soakMs: number;
  /** null: nothing stops it but a person, which every view says. */
  gate: Gate | null;
  next: "continue" | "wait_for_approval";
}

/** How a release is brought to appliances. */
export interface Plan {
  name: string;
  releaseId: string;
  /** CEL over an appliance's facts, on top of what the release itself asks. */
  target: string;
  stages: Stage[];
  /** In each appliance's own time zone; none: always. */
  windows: MaintenanceWindow[];
  startsPerMinuteMax: number;
  startAtMs: number | null;
  approval: "not_needed" | "second_person";
  consent: "automatic" | "ask";
  /** How long the household may put it off after it was offered; 0: not at all. */
  postponeMsMax: number;
  /** How long before the household is told by a message; 0: it is not told. */
  noticeMs: number;
  /** New and returning appliances get it too, also once the rollout has finished. */
  autoAssign: boolean;
  /** For security releases alone. */
  freezeOverride: { reason: string } | null;
  attemptsMax: number;
}

/** Where one appliance stands in a rollout. */
export const memberStates = [
  /** Its stage, its window or the start rate has not let it begin. */
  "waiting",
  /** It has a delivery and has not begun with it. */
  "offered",
  /** Downloading or later. */
  "started",
  "done",
  "failed",
  "timed_out",
  /** The household does not want it, which closes the matter. */
  "declined",
  /** It was left out, with a reason. */
  "skipped",
  /** Called back before it began. */
  "cancelled",
] as const;
export type MemberState = (typeof memberStates)[number];

/** How many appliances stand where. */
export type Tally = Record<MemberState, number>;

export const emptyTally = (): Tally => ({
  waiting: 0,
  offered: 0,
  started: 0,
  done: 0,
  failed: 0,
  timed_out: 0,
  declined: 0,
  skipped: 0,
  cancelled: 0,
});
