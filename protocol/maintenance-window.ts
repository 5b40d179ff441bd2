import { z } from "zod";

const fromTime = z.string().regex(/^([01][0-9]|2[0-3]):[0-5][0-9]$/, "must be a time of day such as 01:30");
const toTime = z
  .string()
  .regex(/^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$/, "must be a time of day such as 05:00, at most 24:00");

/**
 * When an update may begin, by the clock on the wall where the appliance stands. A `to` before `from` is on the next day; the weekday is
 * that of `from`, 1 (Monday) to 7 (Sunday) as in ISO 8601. The whole day is 00:00 to 24:00.
 */
export const maintenanceWindow = z
  .object({
    weekdays: z
      .array(z.int().min(1).max(7))
      .min(1)
      .max(7)
      .refine((days) => new Set(days).size === days.length, "must not name a day twice"),
    from: fromTime,
    to: toTime,
  })
  .meta({ id: "MaintenanceWindow" });
export type MaintenanceWindow = z.infer<typeof maintenanceWindow>;

/** Most windows of one update. */
export const maintenanceWindowsMax = 14;

/** A stretch of time: `fromMs` belongs to it, `toMs` does not. */
export interface Interval {
  fromMs: number;
  toMs: number;
}

export interface WindowState {
  open: boolean;
  /** When that changes next; null where it does not within the eight days that are looked at. */
  changesAtMs: number | null;
}

/** A week, and a day for the window that began before midnight. */
const daysAhead = 8;

/** Whether windows are open where the clock on the wall is `timeZone`'s. No window at all: always. An unknown zone counts as UTC. */
export function windowState(windows: readonly MaintenanceWindow[], timeZone: string, nowMs: number): WindowState {
  if (windows.length === 0) return { open: true, changesAtMs: null };
  const zone = knownZone(timeZone);
  // Most questions are answered by the days next to this one.
  for (const days of [1, daysAhead]) {
    const next = openIntervals(windows, zone, { fromMs: nowMs, toMs: nowMs + days * dayMs })[0];
    if (next === undefined) continue;
    if (nowMs < next.fromMs) return { open: false, changesAtMs: next.fromMs };
    if (next.toMs < nowMs + days * dayMs) return { open: true, changesAtMs: next.toMs };
  }
  const stillOpen = openIntervals(windows, zone, { fromMs: nowMs, toMs: nowMs + 1 }).length > 0;
  return { open: stillOpen, changesAtMs: null };
}

/**
 * When windows are open within a range, in order, joined where they touch, each cut to the range.
 *
 * A wall time that a change to summer time skips counts as the first moment after it, so that a window which lies wholly in the skipped
 * hour does not open that night. A wall time that comes twice begins a window the first time and ends it the second.
 *
 * @param timeZone an IANA name; unknown ones count as UTC
 */
export function openIntervals(windows: readonly MaintenanceWindow[], timeZone: string, range: Interval): Interval[] {
  const zone = knownZone(timeZone);
  const dateAt = (ms: number) => Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone).toPlainDate();
  const last = dateAt(range.toMs);
  const found: Interval[] = [];
  // From the day before: its window may reach into this one.
  for (let date = dateAt(range.fromMs).subtract({ days: 1 }); compareDates(date, last) <= 0; date = date.add(oneDay)) {
    for (const { weekdays, from, to } of windows) {
      if (!weekdays.includes(date.dayOfWeek)) continue;
      const endsNextDay = to === "24:00" || to < from;
      const fromMs = Math.max(range.fromMs, momentOf(date, from, zone, "earlier"));
      const endDate = endsNextDay ? date.add(oneDay) : date;
      const toMs = Math.min(range.toMs, momentOf(endDate, to === "24:00" ? "00:00" : to, zone, "later"));
      if (fromMs < toMs) found.push({ fromMs, toMs });
    }
  }
  return joined(found);
}

/** Whether some window of the list has no length: it would never open. */
export const neverOpens = (windows: readonly MaintenanceWindow[]): boolean =>
  windows.length > 0 && windows.every(({ from, to }) => from === to);

const dayMs = 86_400_000;
const oneDay = { days: 1 };
const compareDates = (a: Temporal.PlainDate, b: Temporal.PlainDate): number => Temporal.PlainDate.compare(a, b);

/** The name itself where this machine knows it, otherwise UTC. */
export function knownZone(timeZone: string): string {
  try {
    return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(timeZone).timeZoneId;
  } catch {
    return "UTC";
  }
}

function momentOf(date: Temporal.PlainDate, time: string, zone: string, twice: "earlier" | "later"): number {
  const wall = date.toPlainDateTime(time);
  const moment = wall.toZonedDateTime(zone, { disambiguation: twice });
  if (moment.toPlainDateTime().equals(wall)) return moment.epochMilliseconds;
  // Skipped: the change itself is the first moment after it.
  const before = wall.toZonedDateTime(zone, { disambiguation: "earlier" });
  return (before.getTimeZoneTransition("next") ?? moment).epochMilliseconds;
}

function joined(intervals: readonly Interval[]): Interval[] {
  const result: Interval[] = [];
  for (const next of intervals.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const last = result.at(-1);
    if (last !== undefined && next.fromMs <= last.toMs) last.toMs = Math.max(last.toMs, next.toMs);
    else result.push({ ...next });
  }
  return result;
}
