/** The schedule of a range of time: rollouts, the windows in which their appliances may begin, freezes, and what is in each other's way. */
import type { Interval } from "#protocol/maintenance-window.ts";
import { type Clash, clashesOf } from "./clashes.ts";
import type { Freeze } from "./freeze.ts";
import { cut } from "./intervals.ts";
import { type Openings, openingsOf, scheduleDaysMax, type ScheduledRollout } from "./openings.ts";

export const calendarLimits = {
  daysMax: scheduleDaysMax,
  itemsMax: 2_000,
  /** Names of zones, counted once for each opening: what the work and the answer grow by. */
  zoneNamesMax: 60_000,
  clashesMax: 200,
};

export interface CalendarItem {
  kind: "rollout" | "window" | "freeze";
  /** Windows are cut to the range; rollouts and freezes are not. */
  fromMs: number;
  toMs: number | null;
  title: string;
  rolloutId: string | null;
  freezeId: string | null;
  models: string[];
  countries: string[];
  /** Of a window: where it is open then. */
  timeZones: string[];
}

export interface Calendar {
  items: CalendarItem[];
  clashes: Clash[];
  /** There is more in this time than one answer holds: ask for less of it. */
  isCut: boolean;
}

/**
 * @param rollouts those that are not over, in the order in which they matter: where the answer is cut, the last ones' windows are missing
 * @param range at most `daysMax`
 */
export function calendar(
  rollouts: readonly ScheduledRollout[],
  freezes: readonly Freeze[],
  range: Interval,
  limits = calendarLimits,
): Calendar {
  const present = rollouts.filter(({ fromMs, toMs }) => cut({ fromMs, toMs: toMs ?? Infinity }, range) !== null);
  const inRange = freezes.filter((freeze) => cut(freeze, range) !== null);
  const openings = new Map<string, Openings[]>();
  const windowItems: CalendarItem[] = [];
  let namesLeft = limits.zoneNamesMax;
  for (const rollout of present) {
    const found = openingsOf(rollout, range);
    namesLeft -= found.reduce((sum, { zones, intervals }) => sum + zones.length * intervals.length, 0);
    if (namesLeft < 0) break;
    openings.set(rollout.id, found);
    if (rollout.windows.length > 0) windowItems.push(...windowsOf(rollout, found));
  }
  const items = [
    ...present.map(rolloutItem),
    ...inRange.map(freezeItem),
    ...windowItems.toSorted((a, b) => a.fromMs - b.fromMs),
  ];
  const clashes = clashesOf(present, freezes, openings, range);
  return {
    items: items.slice(0, limits.itemsMax).toSorted((a, b) => a.fromMs - b.fromMs),
    clashes: clashes.slice(0, limits.clashesMax),
    isCut: namesLeft < 0 || items.length > limits.itemsMax || clashes.length > limits.clashesMax,
  };
}

const nothing = { rolloutId: null, freezeId: null, models: [], countries: [], timeZones: [] };

const rolloutItem = ({ id, name, model, fromMs, toMs }: ScheduledRollout): CalendarItem => ({
  ...nothing,
  kind: "rollout",
  fromMs,
  toMs,
  title: name,
  rolloutId: id,
  models: [model],
});

const freezeItem = ({ id, reason, models, countries, fromMs, toMs }: Freeze): CalendarItem => ({
  ...nothing,
  kind: "freeze",
  fromMs,
  toMs,
  title: reason,
  freezeId: id,
  models: [...models],
  countries: [...countries],
});

/** One item for zones that are open at the very same time. */
function windowsOf(rollout: ScheduledRollout, openings: readonly Openings[]): CalendarItem[] {
  const items = new Map<string, CalendarItem>();
  for (const { zones, intervals } of openings) {
    for (const { fromMs, toMs } of intervals) {
      const key = `${fromMs} ${toMs}`;
      const item = items.get(key);
      if (item === undefined) {
        const { id, name, model } = rollout;
        items.set(key, {
          ...nothing,
          kind: "window",
          fromMs,
          toMs,
          title: name,
          rolloutId: id,
          models: [model],
          timeZones: [...zones],
        });
      } else item.timeZones.push(...zones);
    }
  }
  return [...items.values()];
}
