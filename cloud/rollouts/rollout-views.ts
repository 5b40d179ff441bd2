/** Rollouts as people see them: what is stored, and what follows from it. */
import type { z } from "zod";
import { expectedFinish, type ExpectedFinish, finishWhy } from "./core/finish-estimate.ts";
import { type Freeze, isFrozen } from "./core/freeze.ts";
import { gateVerdicts, startedCount } from "./core/gates.ts";
import { openZones } from "./core/open-zones.ts";
import { emptyTally, type MemberState, memberStates, type Tally } from "./core/plan.ts";
import { hasNoGate } from "./core/plan-check.ts";
import { type FleetView, sampleMissing, type StageFleet } from "./core/planner.ts";
import type { RolloutState } from "./core/rollout.ts";
import { plannedOf } from "./fleet-views.ts";
import type { FreezeRow, HistoryRow, RolloutRow } from "./rollouts-store.ts";
import type { freezeView, historyEntry, rolloutDetail, rolloutSummary, stateView } from "./rollout-shapes.ts";

export type RolloutSummary = z.infer<typeof rolloutSummary>;
export type RolloutDetail = z.infer<typeof rolloutDetail>;
type StageView = RolloutDetail["stages"][number];

/** What an update is taken to need where nobody has done it yet. */
export const updateMsGuessed = 15 * 60_000;

const sum = (tally: Tally): number => memberStates.reduce((total, state) => total + tally[state], 0);

const total = (tallies: readonly Tally[]): Tally => {
  const all = emptyTally();
  for (const tally of tallies) for (const state of memberStates) all[state] += tally[state];
  return all;
};

export function tallyOf(counts: readonly { state: MemberState; n: number }[]): Tally {
  const tally = emptyTally();
  for (const { state, n } of counts) tally[state] += n;
  return tally;
}

function stateOf(state: RolloutState): z.infer<typeof stateView> {
  if (state.kind !== "halted") return state;
  const { verdict: _, ...rest } = state;
  return rest;
}

export function toSummary(row: RolloutRow, funnel: Tally): Omit<RolloutSummary, "stages"> & { stages: number } {
  return {
    id: row.id,
    name: row.name,
    model: row.model,
    releaseId: row.release_id,
    version: row.version,
    releaseKind: row.release_kind,
    state: stateOf(row.state),
    noGate: hasNoGate(row.plan.stages),
    stages: row.plan.stages.length,
    members: sum(funnel),
    funnel,
    createdAtMs: row.created_at_ms,
    createdBy: row.created_by,
    changedAtMs: row.changed_at_ms,
  };
}

/** Where a stage stands, from where the rollout does. */
function stageState(state: RolloutState, stage: number): StageView["state"] {
  switch (state.kind) {
    case "draft":
    case "awaiting_approval":
    case "scheduled":
      return "not_begun";
    case "finished":
      return "passed";
    case "aborted":
      return "stopped";
    case "halted":
      return stage === state.stage ? "halted" : stage < state.stage ? "passed" : "stopped";
    case "running":
    case "paused": {
      const { progress } = state;
      if (stage !== progress.stage) return stage < progress.stage ? "passed" : "not_begun";
      return progress.kind === "waiting" ? "waiting_for_approval" : progress.kind;
    }
  }
}

function toStage(row: RolloutRow, index: number, { tally, measured }: StageFleet): StageView {
  const stage = row.plan.stages[index];
  if (stage === undefined) throw new RangeError(`the plan has no stage ${index}`);
  const { state } = row;
  const progress = state.kind === "running" || state.kind === "paused" ? state.progress : null;
  const isSoaking = progress?.kind === "soaking" && progress.stage === index;
  return {
    index,
    name: stage.name,
    size: stage.size,
    members: sum(tally),
    tally,
    state: stageState(state, index),
    soakMs: stage.soakMs,
    soakUntilMs: isSoaking ? progress.sinceMs + stage.soakMs : null,
    sampleMissing: sampleMissing(stage, tally),
    gates: gateVerdicts(stage.gate, tally, measured),
    next: stage.next,
  };
}

/** Where the waiting of the stages that have begun could start now. */
function toWindows(row: RolloutRow, view: FleetView, nowMs: number): RolloutDetail["windows"] {
  const { state, plan } = row;
  const reached = state.kind === "running" || state.kind === "paused" ? state.progress.stage + 1 : view.stages.length;
  const waiting = view.stages.slice(0, reached).flatMap((stage) => stage.waiting);
  const zones = [...new Set(waiting.map(({ timeZone }) => timeZone))];
  const { open, closed, nextChangeMs } = openZones(plan.windows, zones, nowMs);
  const isOpen = new Set(open);
  const counts = { waitingOpen: 0, waitingClosed: 0, waitingFrozen: 0 };
  for (const { timeZone, country, count } of waiting) {
    if (isFrozen(view.frozen, country)) counts.waitingFrozen += count;
    else if (isOpen.has(timeZone)) counts.waitingOpen += count;
    else counts.waitingClosed += count;
  }
  return {
    openZones: open.toSorted(),
    closedZones: closed.toSorted(),
    nextChangeAtMs: nextChangeMs,
    ...counts,
    frozen: view.frozen,
  };
}

export const toHistory = (row: HistoryRow): z.infer<typeof historyEntry> => ({
  id: row.id,
  atMs: row.at_ms,
  by: row.by,
  what: row.what,
  stage: row.stage,
  reason: row.reason,
  data: row.data,
});

/** When a rollout would end if everything went on as planned. */
export const finishOf = (
  row: RolloutRow,
  view: FleetView,
  terms: { freezes: readonly Freeze[]; outcomeMs: number },
  nowMs: number,
): ExpectedFinish => {
  const freezes = row.plan.freezeOverride === null ? terms.freezes : [];
  return expectedFinish(plannedOf(row), view.stages, { model: row.model, freezes, outcomeMs: terms.outcomeMs }, nowMs);
};

export function toDetail(
  row: RolloutRow,
  view: FleetView,
  more: {
    freezes: readonly Freeze[];
    history: readonly HistoryRow[];
    /** As it usually took; null where nobody has done it. */
    outcomeMs: number | null;
    retryable: number;
  },
  nowMs: number,
): RolloutDetail {
  const funnel = total(view.stages.map(({ tally }) => tally));
  const finish = finishOf(row, view, { freezes: more.freezes, outcomeMs: more.outcomeMs ?? updateMsGuessed }, nowMs);
  return {
    ...toSummary(row, funnel),
    plan: row.plan,
    stages: view.stages.map((stage, index) => toStage(row, index, stage)),
    windows: toWindows(row, view, nowMs),
    expectedFinishAtMs: finish.kind === "at" ? finish.finishAtMs : null,
    expectedFinishWhy: finishWhy(finish, row.plan.stages),
    abortEffect: {
      done: startedCount(funnel) - funnel.started,
      underWay: funnel.started,
      calledBack: funnel.offered,
      notStarted: funnel.waiting,
    },
    retryable: more.retryable,
    haltedBy: row.state.kind === "halted" ? row.state.verdict : null,
    history: more.history.map(toHistory),
  };
}

export const toFreezeView = (row: FreezeRow): z.infer<typeof freezeView> => ({
  id: row.id,
  countries: row.countries,
  models: row.models,
  fromMs: row.from_ms,
  toMs: row.to_ms,
  reason: row.reason,
  createdAtMs: row.created_at_ms,
  createdBy: row.created_by,
});
