/** Rollouts in words, and the numbers behind their pictures. */
import type {
  MemberState,
  PlanGate,
  PlanStage,
  RolloutGate,
  RolloutStage,
  RolloutState,
  RolloutStateKind,
  StageSize,
  Tally,
} from "../api/rollout-shapes.ts";
import { countText, measureText, plural } from "./numbers.ts";
import { durationText } from "./time.ts";

export type Tone = "plain" | "well" | "mind" | "wrong";

export const stateWords: Record<RolloutStateKind, { words: string; tone: Tone }> = {
  draft: { words: "Draft", tone: "plain" },
  awaiting_approval: { words: "Waits for approval", tone: "mind" },
  scheduled: { words: "Scheduled", tone: "plain" },
  running: { words: "Running", tone: "well" },
  paused: { words: "Paused", tone: "mind" },
  finished: { words: "Finished", tone: "well" },
  aborted: { words: "Aborted", tone: "plain" },
  halted: { words: "Halted by its gate", tone: "wrong" },
};

export const rolloutStateKinds: readonly RolloutStateKind[] = [
  "running",
  "halted",
  "paused",
  "awaiting_approval",
  "scheduled",
  "draft",
  "finished",
  "aborted",
];
export const isRolloutStateKind = (text: unknown): text is RolloutStateKind =>
  rolloutStateKinds.some((kind) => kind === text);

/** What the rollout is at, beyond the word for its state. */
export function progressText(state: RolloutState, stages: readonly { name: string }[], nowMs: number): string | null {
  const { progress } = state;
  if (state.kind === "scheduled") {
    if (state.startAtMs === null || state.startAtMs === undefined) return "A person starts it.";
    return state.startAtMs > nowMs ? `Starts in ${durationText(state.startAtMs - nowMs)}.` : "Starts now.";
  }
  if (progress === undefined) return state.reason ?? null;
  const name = stages[progress.stage]?.name ?? `Stage ${progress.stage + 1}`;
  const since = durationText(nowMs - progress.sinceMs);
  switch (progress.kind) {
    case "starting":
      return `${name}: being offered for ${since}.`;
    case "soaking":
      return `${name}: watched for ${since}.`;
    case "waiting":
      return `${name} has passed. A second person says whether it goes on.`;
  }
}

type FunnelTone = "waiting" | "moving" | "well" | "wrong" | "mind" | "over" | "rest";

/** In the order of an appliance's way, each with what it means and how it is to be read. */
const memberWords: readonly (readonly [MemberState, words: string, meaning: string, tone: FunnelTone])[] = [
  ["done", "Done", "runs the new firmware, and found itself well", "well"],
  ["started", "Under way", "downloads, installs or reboots", "moving"],
  ["offered", "Offered", "has the offer, and has not begun", "waiting"],
  ["waiting", "Waiting", "not offered yet", "rest"],
  ["failed", "Failed", "tried, and came back to what it had", "wrong"],
  ["timed_out", "Timed out", "began, and was not heard of again", "mind"],
  ["declined", "Declined", "its household does not want it", "over"],
  ["skipped", "Left out", "no longer fits the target", "over"],
  ["cancelled", "Called back", "the offer was taken back before it began", "over"],
];

/** The states that hold anything, in the order of the bar. */
export const funnelShares = (tally: Tally) =>
  memberWords
    .map(([name, words, meaning, tone]) => ({ name, words, meaning, tone, count: tally[name] }))
    .filter(({ count }) => count > 0);

/** A share as it is read: `2.5 %`, `0 %`, `100 %`. */
export const shareText = (share: number): string => `${measureText(Math.round(share * 1_000) / 10)}\u00A0%`;

export function sizeText(size: StageSize): string {
  switch (size.kind) {
    case "tag":
      return `tagged ${size.tag}`;
    case "share":
      return `${shareText(size.share)} of the target`;
    case "count":
      return plural(size.count, "appliance");
    case "rest":
      return "all the rest";
  }
}

const gateNames: Record<RolloutGate["gate"], string> = {
  failure_share: "Failed, of those that started",
  failures: "Failed",
  timeout_share: "Timed out, of those that started",
  metric: "Above those without the release",
};
export const gateName = ({ gate }: RolloutGate): string => gateNames[gate];

const isShare = (gate: RolloutGate["gate"]) => gate === "failure_share" || gate === "timeout_share";
export const gateValueText = (gate: RolloutGate["gate"], value: number | null): string =>
  value === null ? "nothing measured yet" : isShare(gate) ? shareText(value) : measureText(value);

/** What a gate says, in one sentence. */
export function gateSentence(one: RolloutGate): string {
  const line = gateValueText(one.gate, one.line);
  if (one.verdict === "tripped") {
    return `${gateValueText(one.gate, one.value)} of a sample of ${countText(one.sample)}: above the line of ${line}.`;
  }
  if (one.verdict === "too_early") {
    return `Counts from a sample of ${countText(one.sampleMin)} on; there are ${countText(one.sample)}.`;
  }
  return `${gateValueText(one.gate, one.value)} of a sample of ${countText(one.sample)}; halts above ${line}.`;
}

/** Where value and line stand on a scale from 0 to 1, so that the line is never at its edge. */
export function gateScale({ value, line }: RolloutGate): { value: number; line: number } {
  const most = Math.max(line, value ?? 0, Number.EPSILON) * 1.25;
  return { value: Math.min(1, Math.max(0, (value ?? 0) / most)), line: Math.min(1, Math.max(0, line / most)) };
}

export const stageStateWords: Record<RolloutStage["state"], { words: string; tone: Tone }> = {
  not_begun: { words: "Not begun", tone: "plain" },
  starting: { words: "Being offered", tone: "well" },
  soaking: { words: "Watched", tone: "well" },
  waiting_for_approval: { words: "Waits for approval", tone: "mind" },
  passed: { words: "Passed", tone: "well" },
  halted: { words: "Halted", tone: "wrong" },
  stopped: { words: "Stopped", tone: "plain" },
};

/** How far a stage is, 0 to 1: what has an end of its own, of all it holds. */
export function stageShare({ members, tally }: Pick<RolloutStage, "members" | "tally">): number {
  if (members === 0) return 0;
  return (members - tally.waiting - tally.offered - tally.started) / members;
}

const historyNames: Record<string, string> = {
  created: "Planned",
  changed: "Plan changed",
  submitted: "Submitted",
  approved: "Approved",
  approval_asked: "Waits for a second person",
  scheduled: "Scheduled",
  begun: "Begun",
  assigned: "New appliances taken in",
  soaking: "All offered, and watched from now on",
  stage_passed: "Stage passed",
  paused: "Paused",
  resumed: "Resumed",
  promoted: "Promoted early",
  retried: "Failed ones tried again",
  halted: "Halted by its gate",
  aborted: "Aborted",
  finished: "Finished",
};
/** What the rollout gives as its own reason, in words; a person's reason is their own. */
export const historyReason = (reason: string): string => new Map(Object.entries(gateNames)).get(reason) ?? reason;
export const historyText = (what: string): string =>
  historyNames[what] ?? `${what.charAt(0).toUpperCase()}${what.slice(1).replaceAll("_", " ")}`;

const hourMs = 3_600_000;

/** Of a build where one in a hundred fails hardly ever trips, of one where ten do soon. */
export const newGate = (): PlanGate => ({
  failureShareMax: 0.05,
  failuresMax: null,
  timeoutShareMax: 0.1,
  sampleMin: 100,
  metric: null,
});

/** Of a handful a share says nothing: one that fails is a tenth of ten. */
const fewGate = (): PlanGate => ({
  failureShareMax: null,
  failuresMax: 1,
  timeoutShareMax: null,
  sampleMin: 3,
  metric: null,
});

/** What a careful team begins with: its own appliances, a few, more, all. */
export const usualStages = (): PlanStage[] => [
  { name: "Ring 0", size: { kind: "tag", tag: "internal" }, soakMs: 24 * hourMs, gate: fewGate(), next: "continue" },
  { name: "First few", size: { kind: "share", share: 0.01 }, soakMs: 24 * hourMs, gate: newGate(), next: "continue" },
  { name: "A tenth", size: { kind: "share", share: 0.1 }, soakMs: 48 * hourMs, gate: newGate(), next: "continue" },
  { name: "Everybody", size: { kind: "rest" }, soakMs: 24 * hourMs, gate: newGate(), next: "continue" },
];
