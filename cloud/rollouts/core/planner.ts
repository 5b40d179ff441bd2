/**
 * What is to be done about a rollout now. Pure: the state, what the fleet looks like in numbers, and the time go in; steps come out.
 *
 * A step speaks of sets, so that one SQL statement carries it out however many appliances it touches. Steps are safe to plan again: what
 * has been done is in the state or in the numbers, and then nothing asks for it any more. At most one step changes the rollout's state.
 */
import { type Frozen, isFrozen } from "./freeze.ts";
import {
  type GateVerdict,
  type MeasuredMetric,
  outcomeCount,
  sampleWanted,
  startedCount,
  trippedGate,
} from "./gates.ts";
import { openZones } from "./open-zones.ts";
import type { Plan, Stage, Tally } from "./plan.ts";
import type { Progress, RolloutState } from "./rollout.ts";

/** What the planner needs of a rollout. */
export interface PlannedRollout {
  plan: Pick<Plan, "windows" | "startsPerMinuteMax" | "autoAssign"> & { stages: readonly Stage[] };
  state: RolloutState;
}

/** How many wait in one place. */
export interface WaitingGroup {
  timeZone: string;
  /** null: nobody knows it. */
  country: string | null;
  count: number;
}

export interface StageFleet {
  tally: Tally;
  /** The tally's `waiting`, by place. */
  waiting: readonly WaitingGroup[];
  /** The metric of the stage's gate as last measured; null where there is none. */
  measured: MeasuredMetric | null;
}

/** The fleet as the planner sees it: numbers, and no appliance. */
export interface FleetView {
  /** As many as the plan has. */
  stages: readonly StageFleet[];
  /** Where nothing may start now; empty also where the rollout overrides its freezes. */
  frozen: Frozen;
  startsLastMinute: number;
  /** Why the release may no longer be offered, or null. */
  withdrawn: { reason: string } | null;
}

export type Step =
  | { kind: "begin" }
  /** Offers the release to at most `limit` waiting appliances of a stage, where a window is open and nothing is frozen. */
  | { kind: "start"; stage: number; limit: number; openZones: readonly string[]; frozenCountries: readonly string[] }
  | { kind: "soak"; stage: number }
  | { kind: "advance"; stage: number }
  | { kind: "wait_for_approval"; stage: number }
  | { kind: "finish" }
  | { kind: "halt"; stage: number; verdict: GateVerdict }
  | { kind: "abort"; reason: string };

/** What to do now, in order. */
export function plan(rollout: PlannedRollout, fleet: FleetView, nowMs: number): Step[] {
  const { state } = rollout;
  switch (state.kind) {
    case "draft":
    case "aborted":
    case "halted":
      return [];
    case "awaiting_approval":
      return withdrawal(fleet);
    case "scheduled": {
      if (fleet.withdrawn !== null) return withdrawal(fleet);
      return state.startAtMs !== null && nowMs >= state.startAtMs ? [{ kind: "begin" }] : [];
    }
    case "running":
    case "paused": {
      const stop = stopping(rollout, fleet, state.progress.stage) ?? withdrawal(fleet)[0];
      if (stop !== undefined) return [stop];
      if (state.kind === "paused") return [];
      return [
        ...starts(rollout, fleet, state.progress.stage, nowMs),
        ...progressing(rollout, fleet, state.progress, nowMs),
      ];
    }
    case "finished": {
      const { autoAssign, stages } = rollout.plan;
      if (!autoAssign || fleet.withdrawn !== null) return [];
      const last = stages.length - 1;
      const verdict = stopping(rollout, fleet, last);
      return verdict === null ? starts(rollout, fleet, last, nowMs) : [verdict];
    }
  }
}

const withdrawal = ({ withdrawn }: FleetView): Step[] =>
  withdrawn === null ? [] : [{ kind: "abort", reason: withdrawn.reason }];

/** A gate of any stage that has begun, also of one that passed: its last appliances may still fail. */
function stopping({ plan: { stages } }: PlannedRollout, fleet: FleetView, last: number): Step | null {
  for (const [stage, { gate }] of stages.slice(0, last + 1).entries()) {
    const there = fleet.stages[stage];
    const verdict = there === undefined ? null : trippedGate(gate, there.tally, there.measured);
    if (verdict !== null) return { kind: "halt", stage, verdict };
  }
  return null;
}

/**
 * Most that one plan starts. Each start is one transaction, which holds its appliances' deliveries until it commits; the next second goes
 * on where it ended.
 */
const startsAtOnceMax = 20_000;

/** Starts in all stages up to `last`, the earliest first: a retry or a new appliance may wait in one that has passed. */
function starts(rollout: PlannedRollout, fleet: FleetView, last: number, nowMs: number): Step[] {
  const { frozen } = fleet;
  if (frozen === "all") return [];
  const reached = fleet.stages.slice(0, last + 1);
  const zones = reached.flatMap(({ waiting }) => waiting.map(({ timeZone }) => timeZone));
  if (zones.length === 0) return [];
  const open = new Set(openZones(rollout.plan.windows, zones, nowMs).open);
  let left = Math.min(startsAtOnceMax, rollout.plan.startsPerMinuteMax - fleet.startsLastMinute);
  const steps: Step[] = [];
  for (const [stage, { waiting }] of reached.entries()) {
    const able = waiting.filter(
      ({ timeZone, country, count }) => count > 0 && open.has(timeZone) && !isFrozen(frozen, country),
    );
    const limit = Math.min(
      left,
      untilGateSpeaks(rollout, fleet, stage),
      able.reduce((sum, { count }) => sum + count, 0),
    );
    if (limit <= 0) continue;
    left -= limit;
    const ableZones = [...new Set(able.map(({ timeZone }) => timeZone))].toSorted();
    steps.push({ kind: "start", stage, limit, openZones: ableZones, frozenCountries: frozen });
  }
  return steps;
}

/** A few that are slow or fall silent must not hold up the sample. */
const sampleSpare = 1.25;

/**
 * How many more of a stage may start while the sample of its gate is not known. A stage that starts all at once has most of a bad build's
 * damage done before the first outcomes come in: a thousand appliances under way, and a sample of a hundred to judge by.
 */
function untilGateSpeaks({ plan: { stages } }: PlannedRollout, fleet: FleetView, at: number): number {
  const stage = stages[at];
  const tally = fleet.stages[at]?.tally;
  if (stage === undefined || tally === undefined || stage.gate === null || sampleMissing(stage, tally) === 0) {
    return Infinity;
  }
  // Those offered it in the last minute may be about to start. Others that were and have not are switched off, and nobody waits for them.
  const aboutToStart = Math.min(tally.offered, fleet.startsLastMinute);
  return Math.ceil(stage.gate.sampleMin * sampleSpare) - startedCount(tally) - aboutToStart;
}

/** How many outcomes a stage still waits for. */
export const sampleMissing = ({ gate }: Stage, tally: Tally): number =>
  Math.max(0, sampleWanted(gate, tally) - outcomeCount(tally));

function progressing(
  { plan: { stages } }: PlannedRollout,
  fleet: FleetView,
  progress: Progress,
  nowMs: number,
): Step[] {
  const stage = stages[progress.stage];
  const there = fleet.stages[progress.stage];
  if (stage === undefined || there === undefined) throw new RangeError(`the plan has no stage ${progress.stage}`);
  const isReady = there.tally.waiting === 0 && sampleMissing(stage, there.tally) === 0;
  switch (progress.kind) {
    case "starting":
      return isReady ? [{ kind: "soak", stage: progress.stage }] : [];
    case "soaking":
      if (!isReady || nowMs < progress.sinceMs + stage.soakMs) return [];
      if (progress.stage === stages.length - 1) return fleet.stages.every(isSettled) ? [{ kind: "finish" }] : [];
      return [{ kind: stage.next === "continue" ? "advance" : "wait_for_approval", stage: progress.stage }];
    case "waiting":
      return [];
  }
}

/** Nothing more is promised to any of its appliances. */
const isSettled = ({ tally }: StageFleet): boolean => tally.waiting + tally.offered + tally.started === 0;
