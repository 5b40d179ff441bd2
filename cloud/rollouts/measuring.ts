import type { Db } from "../platform/database.ts";
import type { MeasuredMetric } from "./core/gates.ts";
import * as lists from "./member-lists-store.ts";
import type { RolloutsDeps } from "./ports.ts";
import { type RolloutRow, setMeasured } from "./rollouts-store.ts";

/** How often the metrics of gates are measured. */
const measureEveryMs = 60_000;
/** How far back is looked at. */
const lookBackMs = 86_400_000;
/** Most appliances on either side: enough for a mean, and bounded work for the store of readings. */
export const metricDevicesMax = 2_000;

/** The stages up to the current one whose gate asks for a metric; none where it is not time. */
function stagesToMeasure({ plan, state, measured_at_ms }: RolloutRow, nowMs: number): number[] {
  if (state.kind !== "running" && state.kind !== "paused") return [];
  if (nowMs < measured_at_ms + measureEveryMs) return [];
  return plan.stages
    .slice(0, state.progress.stage + 1)
    .flatMap(({ gate }, stage) => (gate?.metric === null || gate === null ? [] : [stage]));
}

/** Measures what a rollout's gates ask for, once a minute: those who are done against those who have not got it yet. */
export async function measureGates(
  db: Db,
  telemetry: RolloutsDeps["telemetry"],
  row: RolloutRow,
  nowMs: number,
): Promise<void> {
  const stages = stagesToMeasure(row, nowMs);
  if (stages.length === 0) return;
  const measured: { stage: number; measured: MeasuredMetric | null }[] = [];
  for (const stage of stages) {
    const line = row.plan.stages[stage]?.gate?.metric;
    if (line === null || line === undefined) continue;
    const query = { rolloutId: row.id, stage, limit: metricDevicesMax };
    const treated = await lists.treatedSample(db, query);
    const untreated = await lists.untreatedSample(db, query);
    const sinceMs = nowMs - lookBackMs;
    const sides = {
      treated: treated.map((one) => ({ deviceKey: one.device_key, sinceMs: Math.max(sinceMs, one.since_ms) })),
      untreated: untreated.map((one) => ({ deviceKey: one.device_key, sinceMs })),
    };
    const found = await telemetry.gateMetric({ model: row.model, source: line.source }, sides, nowMs);
    measured.push({ stage, measured: found });
  }
  await setMeasured(db, row.id, measured, nowMs);
}
