/**
 * A window in local time, and what it is in a zone: eight in the morning is another moment in every zone.
 *
 * A time that a change of the clock skips means the moment after it, one that comes twice the first of the two ('compatible', as
 * RFC 5545 has it).
 */
export interface LocalTimes {
  /** `2026-12-01T08:00`; null where it begins at once. */
  from: string | null;
  /** Null where it never ends. */
  until: string | null;
}

/** The zones where a local time comes first and last. */
const earliestZone = "Pacific/Kiritimati";
const latestZone = "Etc/GMT+12";

const instant = (local: string, timeZone: string): number =>
  Temporal.PlainDateTime.from(local).toZonedDateTime(timeZone).epochMilliseconds;

/** The window in one zone; 0 and infinity where it is open at an end. */
export const localWindow = ({ from, until }: LocalTimes, timeZone: string): { fromMs: number; untilMs: number } => ({
  fromMs: from === null ? 0 : instant(from, timeZone),
  untilMs: until === null ? Number.POSITIVE_INFINITY : instant(until, timeZone),
});

/** From when it begins anywhere until it has ended everywhere. */
export const windowAnywhere = (times: LocalTimes): { fromMs: number; untilMs: number } => ({
  fromMs: localWindow(times, earliestZone).fromMs,
  untilMs: localWindow(times, latestZone).untilMs,
});

/** Whether it is a zone that this runtime knows. */
export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

/** Whether the calendar has such a day: there is no thirtieth of February. */
export function isLocalTime(text: string): boolean {
  try {
    return Temporal.PlainDateTime.from(text).toString({ smallestUnit: "minute" }) === text;
  } catch {
    return false;
  }
}
