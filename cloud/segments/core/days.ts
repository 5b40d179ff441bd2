import type { DayOf } from "./profile.ts";

const dayMs = 86_400_000;
/** Days of all zones that are remembered; then it begins anew. */
const rememberedMax = 50_000;

/** Days of calendars. It remembers when they began, because asking the calendar for each act would cost more than the rest of it. */
export function createDayOf(): DayOf {
  const known = new Map<string, Map<number, { fromMs: number; toMs: number }>>();
  let size = 0;
  return (atMs, timeZone) => {
    let days = known.get(timeZone);
    if (days === undefined) known.set(timeZone, (days = new Map()));
    const guess = Math.floor(atMs / dayMs);
    for (const day of [guess, guess - 1, guess + 1]) {
      const found = days.get(day);
      if (found !== undefined && found.fromMs <= atMs && atMs < found.toMs) return day;
    }
    if (size >= rememberedMax) {
      known.clear();
      size = 0;
      known.set(timeZone, (days = new Map()));
    }
    const date = Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(timeZone).toPlainDate();
    const day = Date.UTC(date.year, date.month - 1, date.day) / dayMs;
    const begins = (of: Temporal.PlainDate) => of.toZonedDateTime(timeZone).epochMilliseconds;
    days.set(day, { fromMs: begins(date), toMs: begins(date.add({ days: 1 })) });
    size += 1;
    return day;
  };
}
