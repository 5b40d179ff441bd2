/** The days of a week or a month, in a zone, Monday first. Days are as long as the zone has them: 23 to 25 hours. */
import type { Campaign } from "../api/campaign-shapes.ts";

export interface CalendarDay {
  date: string;
  words: string;
  fromMs: number;
  toMs: number;
  /** False for the days around a month that fill its weeks. */
  inMonth: boolean;
}

type Span = "week" | "month";

/** The first moment of a day in a zone, by asking what time a moment has there: browsers lack Temporal still. */
function startOf(date: string, zone: string): number {
  const wanted = Date.parse(`${date}T00:00:00Z`);
  let guess = wanted;
  // Twice: the first guess may lie on the other side of a change of the clock.
  for (let at = 0; at < 2; at += 1) guess = wanted - offsetAt(guess, zone);
  return guess;
}

function offsetAt(atMs: number, zone: string): number {
  const parts = new Intl.DateTimeFormat("en-CA", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  }).formatToParts(atMs);
  const of = (type: string) => parts.find((part) => part.type === type)?.value ?? "00";
  const there = Date.parse(`${of("year")}-${of("month")}-${of("day")}T${of("hour")}:${of("minute")}:${of("second")}Z`);
  return there - Math.floor(atMs / 1_000) * 1_000;
}

const dayMs = 86_400_000;
const dateText = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const plus = (date: string, days: number): string => dateText(Date.parse(`${date}T00:00:00Z`) + days * dayMs);
const mondayOf = (date: string): string => plus(date, -((new Date(`${date}T00:00:00Z`).getUTCDay() + 6) % 7));

const say = (date: string, options: Intl.DateTimeFormatOptions): string =>
  new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...options }).format(Date.parse(`${date}T00:00:00Z`));

/** The days around `from`, or around today. */
export function daysOf(
  span: Span,
  from: string | null,
  nowMs: number,
  zone: string,
): { days: CalendarDay[]; title: string } {
  const here = from ?? dateText(nowMs + offsetAt(nowMs, zone));
  const firstOfMonth = `${here.slice(0, 7)}-01`;
  const first = mondayOf(span === "week" ? here : firstOfMonth);
  const month = here.slice(0, 7);
  const lastOfMonth = plus(`${plus(firstOfMonth, 32).slice(0, 7)}-01`, -1);
  const length = span === "week" ? 7 : (Date.parse(mondayOf(lastOfMonth)) - Date.parse(first)) / dayMs + 7;
  const days = Array.from({ length }, (_, at) => {
    const date = plus(first, at);
    return {
      date,
      words: say(date, { weekday: "short", day: "numeric", month: "short" }),
      fromMs: startOf(date, zone),
      toMs: startOf(plus(date, 1), zone),
      inMonth: span === "week" || date.startsWith(month),
    };
  });
  const title =
    span === "month"
      ? say(firstOfMonth, { month: "long", year: "numeric" })
      : `${say(first, { day: "numeric", month: "long" })} to ${say(plus(first, 6), { day: "numeric", month: "long", year: "numeric" })}`;
  return { days, title };
}

/** Where one comes by going a week or a month on or back. */
export function stepFrom(days: readonly CalendarDay[], span: Span, by: -1 | 1): string {
  if (span === "week") return plus(days[0]?.date ?? "2000-01-03", by * 7);
  const inMonth = days.filter((day) => day.inMonth);
  const edge = by === 1 ? inMonth.at(-1) : inMonth[0];
  return plus(edge?.date ?? "2000-01-01", by);
}

/** When something is out. */
export interface Planned {
  /** Null where it has no beginning yet. */
  fromMs: number | null;
  /** Null where it has no end. */
  untilMs: number | null;
}

/**
 * When a campaign or a recall goes out; null where it ended before its day. The day that it names is each household's own, and stands as
 * that day here. One that is approved and names none begins when somebody starts it, so that only its end is known.
 */
export function plannedOf({ definition, startedAtMs, endedAtMs }: Campaign, zone: string): Planned | null {
  const schedule = definition.kind === "campaign" ? definition.schedule : null;
  const begins = [startedAtMs, schedule === null ? null : startOf(schedule.date, zone)].filter((ms) => ms !== null);
  const fromMs = begins.length === 0 ? null : Math.max(...begins);
  const untilMs = endedAtMs ?? definition.expiresAtMs;
  return fromMs !== null && untilMs <= fromMs ? null : { fromMs, untilMs };
}

export interface DayEntry<Entry> {
  entry: Entry;
  /** What the day is to it: it begins, or ends, or it simply goes on. */
  is: "first" | "last" | "between";
}

/** What is out on a day, in the order given. One that begins and ends on it begins; what has no beginning yet stands where it ends. */
export const entriesOn = <Entry extends Planned>(items: readonly Entry[], day: CalendarDay): DayEntry<Entry>[] =>
  items.flatMap((entry): DayEntry<Entry>[] => {
    const { fromMs, untilMs } = entry;
    const ends = untilMs !== null && untilMs <= day.toMs;
    if (untilMs !== null && untilMs <= day.fromMs) return [];
    if (fromMs === null) return ends ? [{ entry, is: "last" }] : [];
    if (fromMs >= day.toMs) return [];
    if (fromMs >= day.fromMs) return [{ entry, is: "first" }];
    return [{ entry, is: ends ? "last" : "between" }];
  });
