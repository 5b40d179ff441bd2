/**
 * When a rollout would end if everything went on as planned: its start rate, its windows in every zone, how long an update takes, and its
 * soak times. Appliances that are switched off, owners who postpone and freezes are not in it: nobody can know them.
 */
import type { MaintenanceWindow } from "#protocol/maintenance-window.ts";
import { openZones } from "./open-zones.ts";

/** What is left of one stage. */
export interface StageAhead {
  name: string;
  waiting: readonly { timeZone: string; count: number }[];
  /** Of its soak time, what is left. */
  soakMs: number;
  /** A person decides after it. */
  asks: boolean;
}

export interface Forecast {
  /** When each stage passes, in order; null: nobody can say. */
  stagesAtMs: (number | null)[];
  finishAtMs: number | null;
  /** What it rests on, or why there is none, as a sentence. */
  why: string;
}

const minuteMs = 60_000;
/** Further ahead nobody is served by a guess, nor by the time it takes. */
const openingsMax = 2_000;

/**
 * When the last of some waiting appliances has started; null where no window of one of them opens.
 *
 * @returns not before `fromMs`
 */
function startedAtMs(
  waiting: StageAhead["waiting"],
  pace: { windows: readonly MaintenanceWindow[]; startsPerMinuteMax: number },
  fromMs: number,
): number | null {
  const left = new Map<string, number>();
  for (const { timeZone, count } of waiting) left.set(timeZone, (left.get(timeZone) ?? 0) + count);
  let atMs = fromMs;
  for (let turn = 0; turn < openingsMax; turn += 1) {
    for (const [zone, count] of left) if (count <= 0) left.delete(zone);
    if (left.size === 0) return atMs;
    const { open, nextOpenMs, nextChangeMs } = openZones(pace.windows, [...left.keys()], atMs);
    const able = open.reduce((sum, zone) => sum + (left.get(zone) ?? 0), 0);
    if (able === 0) {
      if (nextOpenMs === null) return null;
      atMs = nextOpenMs;
      continue;
    }
    const minutes = nextChangeMs === null ? Infinity : Math.max(1, Math.floor((nextChangeMs - atMs) / minuteMs));
    let starting = Math.min(able, minutes * pace.startsPerMinuteMax);
    atMs += Math.ceil(starting / pace.startsPerMinuteMax) * minuteMs;
    for (const zone of open) {
      const here = Math.min(starting, left.get(zone) ?? 0);
      left.set(zone, (left.get(zone) ?? 0) - here);
      starting -= here;
    }
  }
  return null;
}

/**
 * @param pace `updateMs`: how long an appliance takes from the offer to its outcome
 * @param stages those that have not passed, in order
 */
export function forecast(
  stages: readonly StageAhead[],
  pace: { windows: readonly MaintenanceWindow[]; startsPerMinuteMax: number; updateMs: number },
  nowMs: number,
): Forecast {
  const stagesAtMs: (number | null)[] = [];
  let atMs: number | null = nowMs;
  let why = `With ${pace.startsPerMinuteMax} starts a minute and ${Math.ceil(pace.updateMs / minuteMs)} minutes for an update that begins at once.`;
  for (const [at, { name, waiting, soakMs, asks }] of stages.entries()) {
    if (atMs !== null) {
      const isEmpty = waiting.every(({ count }) => count === 0);
      const started: number | null = startedAtMs(waiting, pace, atMs);
      if (started === null) why = `No window opens for all of ${name}.`;
      atMs = started === null ? null : started + (isEmpty ? 0 : pace.updateMs) + soakMs;
    }
    stagesAtMs.push(atMs);
    if (asks && at < stages.length - 1 && atMs !== null) {
      why = `After ${name} a person decides.`;
      atMs = null;
    }
  }
  return { stagesAtMs, finishAtMs: atMs, why };
}
