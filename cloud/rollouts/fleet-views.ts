import type { Db } from "../platform/database.ts";
import { type Freeze, type Frozen, frozenCountries } from "./core/freeze.ts";
import type { MeasuredMetric } from "./core/gates.ts";
import { emptyTally } from "./core/plan.ts";
import type { FleetView, PlannedRollout, StageFleet, WaitingGroup } from "./core/planner.ts";
import { type TallyRow, tallies } from "./member-lists-store.ts";
import { type FreezeRow, measuredOf, type RolloutRow, startsSince } from "./rollouts-store.ts";

const minuteMs = 60_000;

export const toFreeze = ({ id, countries, models, from_ms, to_ms, reason }: FreezeRow): Freeze => ({
  id,
  countries,
  models,
  fromMs: from_ms,
  toMs: to_ms,
  reason,
});

export const plannedOf = ({ plan, state }: RolloutRow): PlannedRollout => ({ plan, state });

/** Where nothing of a rollout may start now. */
export const frozenFor = (
  { plan, model }: Pick<RolloutRow, "plan" | "model">,
  freezes: readonly Freeze[],
  nowMs: number,
): Frozen => (plan.freezeOverride === null ? frozenCountries(freezes, model, nowMs) : []);

/** A rollout's stages in numbers. */
export function stageFleets(
  stages: number,
  rows: readonly TallyRow[],
  measured: ReadonlyMap<number, MeasuredMetric | null> = new Map(),
): StageFleet[] {
  const waiting = Array.from({ length: stages }, (): WaitingGroup[] => []);
  const tally = Array.from({ length: stages }, emptyTally);
  for (const { stage, state, time_zone, country, n } of rows) {
    const counts = tally[stage];
    if (counts === undefined) throw new RangeError(`a member is in stage ${stage} of ${stages}`);
    counts[state] += n;
    if (state === "waiting")
      waiting[stage]?.push({ timeZone: time_zone, country: country === "" ? null : country, count: n });
  }
  return tally.map((counts, stage) => ({
    tally: counts,
    waiting: waiting[stage] ?? [],
    measured: measured.get(stage) ?? null,
  }));
}

/** The fleet as the planner sees it, for some rollouts at once: three statements for any number of them. */
export async function fleetViews(
  db: Db,
  rollouts: readonly RolloutRow[],
  known: {
    freezes: readonly Freeze[];
    /** Why each release may no longer be offered, by its id. */
    withdrawn: ReadonlyMap<string, { reason: string }>;
  },
  nowMs: number,
): Promise<Map<string, FleetView>> {
  const ids = rollouts.map(({ id }) => id);
  const tallyRows = Map.groupBy(await tallies(db, ids), ({ rollout_id }) => rollout_id);
  const starts = new Map((await startsSince(db, ids, nowMs - minuteMs)).map(({ rollout_id, n }) => [rollout_id, n]));
  const measured = Map.groupBy(await measuredOf(db, ids), ({ rollout_id }) => rollout_id);
  return new Map(
    rollouts.map((rollout) => {
      const metrics = new Map((measured.get(rollout.id) ?? []).map((row) => [row.stage, row.measured]));
      const view: FleetView = {
        stages: stageFleets(rollout.plan.stages.length, tallyRows.get(rollout.id) ?? [], metrics),
        frozen: frozenFor(rollout, known.freezes, nowMs),
        startsLastMinute: starts.get(rollout.id) ?? 0,
        withdrawn: known.withdrawn.get(rollout.release_id) ?? null,
      };
      return [rollout.id, view];
    }),
  );
}
