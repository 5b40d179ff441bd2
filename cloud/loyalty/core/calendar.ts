/** Days, weeks and months as a household's calendar has them. */
import type { Period } from "./rule.ts";

const quarterMs = 900_000;
const remembered = 20_000;
const days = new Map<string, string>();

/** The calendar day in a zone, as `YYYY-MM-DD`. */
export function calendarDay(atMs: number, timeZone: string): string {
  // Clocks change at a quarter of an hour everywhere, so the day is asked of Temporal once for each.
  const quarter = `${timeZone} ${Math.floor(atMs / quarterMs)}`;
  const known = days.get(quarter);
  if (known !== undefined) return known;
  const day = Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(timeZone).toPlainDate().toString();
  if (days.size >= remembered) days.clear();
  days.set(quarter, day);
  return day;
}

/** The first day of the period that a day is in; weeks begin on Monday. */
export function periodOf(day: string, period: Period): string {
  if (period === "day") return day;
  if (period === "month") return `${day.slice(0, 7)}-01`;
  const date = Temporal.PlainDate.from(day);
  return date.subtract({ days: date.dayOfWeek - 1 }).toString();
}

const stepOf = { day: { days: 1 }, week: { weeks: 1 }, month: { months: 1 } } as const;

/** The period that many later; earlier where negative. */
export function periodAfter(period: string, kind: Period, count: number): string {
  const { days: d = 0, weeks = 0, months = 0 } = stepOf[kind] as { days?: number; weeks?: number; months?: number };
  const step = { days: d * count, weeks: weeks * count, months: months * count };
  return Temporal.PlainDate.from(period).add(step).toString();
}

/** When a day begins in a zone. */
export const startOfDayMs = (day: string, timeZone: string): number =>
  Temporal.PlainDate.from(day).toZonedDateTime(timeZone).epochMilliseconds;

const expiries = new Map<string, number>();

/** The end of the day that many days after a day, in a zone. */
export function endOfDayAfterMs(day: string, count: number, timeZone: string): number {
  const key = `${timeZone} ${day} ${count}`;
  const known = expiries.get(key);
  if (known !== undefined) return known;
  const at = Temporal.PlainDate.from(day)
    .add({ days: count + 1 })
    .toZonedDateTime(timeZone).epochMilliseconds;
  if (expiries.size >= remembered) expiries.clear();
  expiries.set(key, at);
  return at;
}

/** The same day of the month that many months later, in a zone; the last day of a month that is too short. */
export const monthsAfterMs = (atMs: number, count: number, timeZone: string): number =>
  Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(timeZone).add({ months: count }).epochMilliseconds;
