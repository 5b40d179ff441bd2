import { type Interval, type MaintenanceWindow, openIntervals } from "#protocol/maintenance-window.ts";
import { cut } from "./intervals.ts";
import { zoneClocks } from "./zone-clocks.ts";

/** The longest time that a schedule is looked at in one go. */
export const scheduleDaysMax = 92;

/** A rollout as far as its time is concerned. */
export interface ScheduledRollout {
  id: string;
  name: string;
  model: string;
  windows: readonly MaintenanceWindow[];
  /** Where its appliances stand that have yet to begin; none: nothing begins any more. */
  timeZones: readonly string[];
  /** Where they stand; null: nobody knows. */
  countries: readonly string[] | null;
  fromMs: number;
  /** When it ended or is expected to; null: nobody can say. */
  toMs: number | null;
  overridesFreezes: boolean;
}

/** When appliances of some zones that live by one clock may begin. */
export interface Openings {
  zones: readonly string[];
  intervals: readonly Interval[];
}

/** When a rollout's appliances may begin within a range, clock by clock. Without a window: all the time. */
export function openingsOf(rollout: ScheduledRollout, range: Interval): Openings[] {
  const time = cut({ fromMs: rollout.fromMs, toMs: rollout.toMs ?? Infinity }, range);
  if (time === null) return [];
  return zoneClocks(rollout.timeZones, time).map(({ zone, zones }) => ({
    zones,
    intervals: rollout.windows.length === 0 ? [time] : openIntervals(rollout.windows, zone, time),
  }));
}
