import type { Interval } from "#protocol/maintenance-window.ts";
import { type Freeze, frozenIntervals } from "./freeze.ts";
import { cut, shared, without } from "./intervals.ts";
import { type Openings, openingsOf, scheduleDaysMax, type ScheduledRollout } from "./openings.ts";

export const clashRules = ["freeze_over_window", "rollouts_in_one_window", "no_open_window"] as const;

/** Things in a schedule that are in each other's way. None of them is forbidden; somebody should know. */
export interface Clash {
  rule: (typeof clashRules)[number];
  sentence: string;
  /** The first and the last moment of it, within the range that was asked for. */
  fromMs: number;
  toMs: number;
  rolloutIds: string[];
  freezeIds: string[];
}

/** A window once a week may lie in the hour that a change of clocks skips: it is looked for in two weeks, and a day of it may be cut. */
const lookMs = 15 * 86_400_000;

/** @param openings by rollout, within the range; one without an entry is left out */
export function clashesOf(
  rollouts: readonly ScheduledRollout[],
  freezes: readonly Freeze[],
  openings: ReadonlyMap<string, readonly Openings[]>,
  range: Interval,
): Clash[] {
  const clashes: Clash[] = [];
  const known = rollouts.filter(({ id }) => openings.has(id));
  for (const [at, rollout] of known.entries()) {
    const own = openings.get(rollout.id) ?? [];
    clashes.push(...freezeClashes(rollout, own, freezes), ...neverOpen(rollout, freezes, range));
    for (const other of known.slice(at + 1)) {
      if (other.model === rollout.model) clashes.push(...meeting(rollout, own, other, openings.get(other.id) ?? []));
    }
  }
  return clashes.toSorted((a, b) => a.fromMs - b.fromMs);
}

function freezeClashes(rollout: ScheduledRollout, own: readonly Openings[], freezes: readonly Freeze[]): Clash[] {
  if (rollout.overridesFreezes) return [];
  return freezes.flatMap((freeze) => {
    if (freeze.models.length > 0 && !freeze.models.includes(rollout.model)) return [];
    const { countries } = rollout;
    const hit = freeze.countries.filter((country) => countries === null || countries.includes(country));
    if (freeze.countries.length > 0 && hit.length === 0) return [];
    const span = spanOf(own.flatMap(({ intervals }) => shared(intervals, [freeze])));
    if (span === null) return [];
    const where = hit.length === 0 ? "" : ` in ${hit.join(", ")}`;
    const what = rollout.windows.length === 0 ? "Time" : "A window";
    const sentence = `${what} of "${rollout.name}" lies in the freeze "${freeze.reason}": nothing begins then${where}.`;
    return { rule: "freeze_over_window", sentence, ...span, rolloutIds: [rollout.id], freezeIds: [freeze.id] };
  });
}

/** When two rollouts of one model may both begin in the same place. Whether they share appliances, their targets say. */
function meeting(
  one: ScheduledRollout,
  ofOne: readonly Openings[],
  other: ScheduledRollout,
  ofOther: readonly Openings[],
): Clash[] {
  const both: Interval[] = [];
  for (const a of ofOne) {
    const zones = new Set(a.zones);
    for (const b of ofOther) {
      if (b.zones.some((zone) => zones.has(zone))) both.push(...shared(a.intervals, b.intervals));
    }
  }
  const span = spanOf(both);
  if (span === null) return [];
  const sentence = `"${one.name}" and "${other.name}" both bring firmware to ${one.model} at the same time in the same place.`;
  return [{ rule: "rollouts_in_one_window", sentence, ...span, rolloutIds: [one.id, other.id], freezeIds: [] }];
}

/** No appliance that has yet to begin finds a window that no freeze covers. */
function neverOpen(rollout: ScheduledRollout, freezes: readonly Freeze[], range: Interval): Clash[] {
  const span = spanToLookAt(rollout, range);
  const openings = openingsOf(rollout, span);
  if (openings.length === 0) return [];
  const touching = rollout.overridesFreezes ? [] : freezes.filter((freeze) => cut(freeze, span) !== null);
  // Where nobody knows the countries, only a freeze of everywhere is sure to be in the way.
  const countries = rollout.countries === null || rollout.countries.length === 0 ? [null] : rollout.countries;
  const frozen = countries.map((country) => frozenIntervals(touching, rollout.model, country));
  const opensSomewhere = openings.some(({ intervals }) => frozen.some((taken) => without(intervals, taken).length > 0));
  if (opensSomewhere) return [];
  const sentence = `"${rollout.name}" has no window that is open in this time: nothing begins.`;
  const freezeIds = touching.map(({ id }) => id);
  return [{ rule: "no_open_window", sentence, ...span, rolloutIds: [rollout.id], freezeIds }];
}

/** The whole of a rollout whose end is known, also where the range is its last hours of soaking; otherwise from the range on. */
function spanToLookAt({ fromMs, toMs }: ScheduledRollout, range: Interval): Interval {
  if (toMs !== null) return { fromMs, toMs: Math.min(toMs, fromMs + scheduleDaysMax * 86_400_000) };
  const sinceMs = Math.max(fromMs, range.fromMs);
  return { fromMs: sinceMs, toMs: Math.max(range.toMs, sinceMs + lookMs) };
}

function spanOf(intervals: readonly Interval[]): Interval | null {
  if (intervals.length === 0) return null;
  // Not by spreading into Math.min: there may be more of them than a call takes arguments.
  return intervals.reduce((span, { fromMs, toMs }) => ({
    fromMs: Math.min(span.fromMs, fromMs),
    toMs: Math.max(span.toMs, toMs),
  }));
}
