import type { z } from "zod";
import type { Db } from "../platform/database.ts";
import { calendar } from "./core/calendar.ts";
import type { ScheduledRollout } from "./core/openings.ts";
import type { Freeze } from "./core/freeze.ts";
import type { FleetView } from "./core/planner.ts";
import { fleetViews } from "./fleet-views.ts";
import { finishOf, updateMsGuessed } from "./rollout-views.ts";
import { type RolloutRow, rolloutsSince } from "./rollouts-store.ts";
import type { scheduleView } from "./rollout-shapes.ts";

export type Schedule = z.infer<typeof scheduleView>;

/** Most rollouts of one schedule. */
const rolloutsMax = 200;

/** When a rollout began, begins or is to begin; null: nobody has said. */
function beginsAtMs({ state, created_at_ms, plan }: RolloutRow, nowMs: number): number | null {
  switch (state.kind) {
    case "draft":
      return null;
    case "awaiting_approval":
      return plan.startAtMs;
    case "scheduled":
      return state.startAtMs === null ? null : Math.max(state.startAtMs, nowMs);
    case "running":
    case "paused":
    case "finished":
    case "halted":
      return state.startedAtMs;
    case "aborted":
      return created_at_ms;
  }
}

function endsAtMs(row: RolloutRow, view: FleetView, freezes: readonly Freeze[], nowMs: number): number | null {
  const { state } = row;
  switch (state.kind) {
    case "finished":
      return state.finishedAtMs;
    case "aborted":
      return state.abortedAtMs;
    case "halted":
      return state.haltedAtMs;
    case "draft":
    case "awaiting_approval":
    case "scheduled":
    case "running":
    case "paused": {
      const found = finishOf(row, view, { freezes, outcomeMs: updateMsGuessed }, nowMs);
      return found.kind === "at" ? found.finishAtMs : null;
    }
  }
}

/** The rollouts of a time, as the calendar needs them; the most important first. */
export async function scheduledRollouts(
  db: Db,
  freezes: readonly Freeze[],
  sinceMs: number,
  nowMs: number,
): Promise<ScheduledRollout[]> {
  const rows = await rolloutsSince(db, sinceMs, rolloutsMax);
  const views = await fleetViews(db, rows, { freezes, withdrawn: new Map() }, nowMs);
  return rows.flatMap((row): ScheduledRollout[] => {
    const fromMs = beginsAtMs(row, nowMs);
    const view = views.get(row.id);
    if (fromMs === null || view === undefined) return [];
    const waiting = view.stages.flatMap((stage) => stage.waiting);
    const known = waiting.flatMap(({ country }) => (country === null ? [] : [country]));
    // One that has not begun has no members yet; somewhere in the world it will have some.
    const hasMembers = row.followed_to_ms !== null;
    const isOver = row.state.kind === "finished" || row.state.kind === "aborted" || row.state.kind === "halted";
    return [
      {
        id: row.id,
        name: row.name,
        model: row.model,
        windows: row.plan.windows,
        timeZones: isOver ? [] : hasMembers ? [...new Set(waiting.map(({ timeZone }) => timeZone))] : ["UTC"],
        countries: hasMembers && known.length === waiting.length ? [...new Set(known)] : null,
        fromMs,
        toMs: endsAtMs(row, view, freezes, nowMs),
        overridesFreezes: row.plan.freezeOverride !== null,
      },
    ];
  });
}

/** Everything between two times, and what in it is in each other's way. */
export async function scheduleOf(
  db: Db,
  freezes: readonly Freeze[],
  range: { fromMs: number; toMs: number },
  nowMs: number,
): Promise<Schedule> {
  const rollouts = await scheduledRollouts(db, freezes, range.fromMs, nowMs);
  return { ...range, ...calendar(rollouts, freezes, range) };
}
