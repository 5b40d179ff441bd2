/**
 * When a rollout is expected to be over.
 *
 * Stage by stage: the waiting begin as fast as the start rate lets them wherever a window is open and nothing is frozen, an outcome is
 * known some time after each start, then the stage soaks. Whoever may begin has the same chance to, so that zones which are open together
 * empty together. What cannot be known is left out: appliances that are switched off, households that put it off, gates that trip.
 */
import { type Interval, openIntervals } from "#protocol/maintenance-window.ts";
import { type Freeze, frozenIntervals } from "./freeze.ts";
import { outcomeCount, sampleWanted } from "./gates.ts";
import { shared, without } from "./intervals.ts";
import type { PlannedRollout, StageFleet, WaitingGroup } from "./planner.ts";
import { type Pool, startTimes } from "./start-times.ts";
import { zoneClocks } from "./zone-clocks.ts";

/** A stage that takes longer than this to begin is not worked out. */
const stageDaysMax = 183;
const dayMs = 86_400_000;
/** Openings are worked out so far ahead at a time. */
const chunkMs = 28 * dayMs;

export interface EstimateTerms {
  model: string;
  /** None where the rollout overrides them. */
  freezes: readonly Freeze[];
  /** From the offer to the outcome, as appliances usually take. */
  outcomeMs: number;
}

/** Why there is no time, as a word. */
export type NoFinish =
  | "over"
  | "paused"
  | "waits_for_start"
  | "waits_for_approval"
  /** No window opens that no freeze covers. */
  | "never_opens"
  /** At this rate and with these windows a stage takes more than half a year. */
  | "too_far";

export type ExpectedFinish =
  | { kind: "at"; finishAtMs: number; stageEndsAtMs: (number | null)[] }
  | {
      kind: "unknown";
      why: NoFinish;
      /** The stage at which it stops being known; null: it is the rollout itself. */
      stage: number | null;
      /** By stage, when it is expected to have passed; null from where nobody can say, and for those that have passed. */
      stageEndsAtMs: (number | null)[];
    };

/**
 * @param rollout a draft counts as if it began now
 * @param stages how each of the plan's stages stands, with those who wait in it by place
 */
export function expectedFinish(
  rollout: PlannedRollout,
  stages: readonly StageFleet[],
  terms: EstimateTerms,
  nowMs: number,
): ExpectedFinish {
  const stageEndsAtMs: (number | null)[] = rollout.plan.stages.map(() => null);
  const unknown = (why: NoFinish, stage: number | null): ExpectedFinish => ({
    kind: "unknown",
    why,
    stage,
    stageEndsAtMs,
  });
  const begun = beginning(rollout, nowMs);
  if (begun.kind === "unknown") return unknown(begun.why, begun.stage);
  const { stage: first, soakingSinceMs } = begun;

  let atMs = begun.atMs;
  // Those who are under way in stages that have passed: the rollout ends with the last of them.
  let settledMs = stages.slice(0, first).some(isUnderWay) ? atMs + terms.outcomeMs : atMs;
  for (const [index, stage] of rollout.plan.stages.entries()) {
    const there = stages[index];
    if (index < first || there === undefined) continue;
    // A retry or a new appliance may wait in a stage that has passed: it begins with those of this one.
    const earlier = index === first ? stages.slice(0, first).flatMap(({ waiting }) => waiting) : [];
    const missing = Math.max(0, sampleWanted(stage.gate, there.tally) - outcomeCount(there.tally));
    const underWay = there.tally.offered + there.tally.started;
    const pools = poolsOf([...earlier, ...there.waiting], rollout, terms, atMs);
    const times = startTimes(pools, {
      fromMs: atMs,
      toMs: atMs + stageDaysMax * dayMs,
      chunkMs,
      startsPerMinute: rollout.plan.startsPerMinuteMax,
      // So many of the waiting must have begun before the sample can be there. */
      marked: Math.max(0, missing - underWay),
    });
    if (times.kind === "not_drained") return unknown(times.hasOpened ? "too_far" : "never_opens", index);

    const sampleMs = missing === 0 ? atMs : Math.max(atMs, times.markedMs) + terms.outcomeMs;
    const readyMs = Math.max(times.lastMs, sampleMs);
    const isSoaking = index === first && soakingSinceMs !== null;
    const passedMs = Math.max(readyMs, (isSoaking ? soakingSinceMs : readyMs) + stage.soakMs);
    if (pools.length > 0 || isUnderWay(there)) settledMs = Math.max(settledMs, times.lastMs + terms.outcomeMs);
    stageEndsAtMs[index] = Math.ceil(passedMs);
    const isLast = index === rollout.plan.stages.length - 1;
    if (!isLast && stage.next === "wait_for_approval") return unknown("waits_for_approval", index);
    atMs = passedMs;
  }
  return { kind: "at", finishAtMs: Math.ceil(Math.max(atMs, settledMs)), stageEndsAtMs };
}

/** What the time rests on, or why there is none, as a person reads it. */
export function finishWhy(found: ExpectedFinish, stages: readonly { name: string }[]): string {
  if (found.kind === "at") return "If no gate trips, and appliances that are switched off come back by then.";
  const name = found.stage === null ? null : stages[found.stage]?.name;
  const at = name === null || name === undefined ? "" : ` at the stage "${name}"`;
  return {
    over: "The rollout is over.",
    paused: "The rollout is paused.",
    waits_for_start: "The rollout waits for somebody to start it.",
    waits_for_approval: `The rollout waits for an approval${at}.`,
    never_opens: `There are appliances${at} for which no window opens that is not frozen.`,
    too_far: `At this rate and with these windows it takes more than half a year${at}.`,
  }[found.why];
}

type Beginning =
  | { kind: "at"; atMs: number; stage: number; soakingSinceMs: number | null }
  | { kind: "unknown"; why: NoFinish; stage: number | null };

/** Where the reckoning begins. */
function beginning({ state }: PlannedRollout, nowMs: number): Beginning {
  switch (state.kind) {
    case "draft":
      return { kind: "at", atMs: nowMs, stage: 0, soakingSinceMs: null };
    case "awaiting_approval":
      return { kind: "unknown", why: "waits_for_approval", stage: null };
    case "scheduled":
      return state.startAtMs === null
        ? { kind: "unknown", why: "waits_for_start", stage: null }
        : { kind: "at", atMs: Math.max(nowMs, state.startAtMs), stage: 0, soakingSinceMs: null };
    case "running": {
      const { kind, stage, sinceMs } = state.progress;
      if (kind === "waiting") return { kind: "unknown", why: "waits_for_approval", stage };
      return { kind: "at", atMs: nowMs, stage, soakingSinceMs: kind === "soaking" ? sinceMs : null };
    }
    case "paused":
      return { kind: "unknown", why: "paused", stage: null };
    case "finished":
    case "aborted":
    case "halted":
      return { kind: "unknown", why: "over", stage: null };
  }
}

const isUnderWay = ({ tally }: StageFleet): boolean => tally.offered + tally.started > 0;

/** The waiting, put together where they may begin at the same times: by clock, and by the freezes that reach them. */
function poolsOf(
  waiting: readonly WaitingGroup[],
  { plan: { windows } }: PlannedRollout,
  { freezes, model }: EstimateTerms,
  fromMs: number,
): Pool[] {
  const range = wholeMs({ fromMs, toMs: fromMs + stageDaysMax * dayMs });
  const zoneOf = new Map<string, string>();
  for (const { zone, zones } of zoneClocks(
    waiting.map(({ timeZone }) => timeZone),
    range,
  )) {
    for (const name of zones) zoneOf.set(name, zone);
  }
  const pools = new Map<string, Pool>();
  for (const { timeZone, country, count } of waiting) {
    if (count <= 0) continue;
    const zone = windows.length === 0 ? "UTC" : (zoneOf.get(timeZone) ?? "UTC");
    const frozen = frozenIntervals(freezes, model, country);
    const key = `${zone} ${JSON.stringify(frozen)}`;
    const pool = pools.get(key);
    if (pool !== undefined) pool.count += count;
    else {
      const opensIn = (chunk: Interval): Interval[] => {
        const open = windows.length === 0 ? [chunk] : openIntervals(windows, zone, wholeMs(chunk));
        return shared([chunk], without(open, frozen));
      };
      pools.set(key, { count, opensIn });
    }
  }
  return [...pools.values()];
}

/** What Temporal can look at: the range and the rest of the milliseconds at its ends. */
const wholeMs = ({ fromMs, toMs }: Interval): Interval => ({ fromMs: Math.floor(fromMs), toMs: Math.ceil(toMs) });
