import { knownZone, type MaintenanceWindow, windowState } from "#protocol/maintenance-window.ts";

/** Local minutes of the day; a window that ends before it begins passes midnight. */
export interface QuietHours {
  fromMinute: number;
  toMinute: number;
  meanwhile: "hold" | "skip";
}

export interface LocalNow {
  /** `YYYY-MM-DD` */
  date: string;
  hour: number;
  month: number;
  /** 1 (Monday) to 7. */
  weekday: number;
}

const everyDay = [1, 2, 3, 4, 5, 6, 7];
const clockText = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;

/**
 * The calendar of households at one moment. Thousands of households share a few zones, and what was reckoned once for a zone is
 * remembered; it is a function of the moment alone.
 */
export class Calendar {
  readonly nowMs: number;
  readonly #zoned = new Map<string, Temporal.ZonedDateTime>();
  readonly #local = new Map<string, LocalNow>();
  readonly #days = new Map<string, number>();
  readonly #quiet = new Map<string, number | null>();
  readonly #moments = new Map<string, number>();
  /** The hours of the days from today on, by zone. */
  readonly #hours = new Map<string, number[]>();

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  #now(timeZone: string): Temporal.ZonedDateTime {
    const found = this.#zoned.get(timeZone);
    if (found !== undefined) return found;
    const made = Temporal.Instant.fromEpochMilliseconds(this.nowMs).toZonedDateTimeISO(knownZone(timeZone));
    this.#zoned.set(timeZone, made);
    return made;
  }

  local(timeZone: string): LocalNow {
    const found = this.#local.get(timeZone);
    if (found !== undefined) return found;
    const now = this.#now(timeZone);
    const made = {
      date: now.toPlainDate().toString(),
      hour: now.hour,
      month: now.month,
      weekday: now.dayOfWeek,
    };
    this.#local.set(timeZone, made);
    return made;
  }

  /** When the local day begins that is `offset` days from today. A day of 23 or 25 hours is a day. */
  dayStartMs(timeZone: string, offset: number): number {
    const key = `${offset} ${timeZone}`;
    const found = this.#days.get(key);
    if (found !== undefined) return found;
    const day = this.#now(timeZone).toPlainDate().add({ days: offset });
    const made = day.toZonedDateTime(knownZone(timeZone)).epochMilliseconds;
    this.#days.set(key, made);
    return made;
  }

  /** How many local days ago a time was: 0 is today, and below 0 what is yet to come. */
  daysAgo(timeZone: string, atMs: number): number {
    let days = Math.floor((this.nowMs - atMs) / 86_400_000);
    while (atMs < this.dayStartMs(timeZone, -days)) days += 1;
    while (atMs >= this.dayStartMs(timeZone, 1 - days)) days -= 1;
    return days;
  }

  /** The end of the quiet hours that are now, or null where it is not quiet. */
  quietUntilMs(timeZone: string, { fromMinute, toMinute }: QuietHours): number | null {
    if (fromMinute === toMinute) return null;
    const key = `${fromMinute} ${toMinute} ${timeZone}`;
    const found = this.#quiet.get(key);
    if (found !== undefined) return found;
    const window: MaintenanceWindow = { weekdays: everyDay, from: clockText(fromMinute), to: clockText(toMinute) };
    const { open, changesAtMs } = windowState([window], timeZone, this.nowMs);
    const made = open ? changesAtMs : null;
    this.#quiet.set(key, made);
    return made;
  }

  /** A time on the wall, such as `2026-12-01T09:00`, as a moment. One that a change to summer time skips is the moment that the clock shows instead. */
  momentMs(timeZone: string, wallTime: string): number {
    const key = `${wallTime} ${timeZone}`;
    const found = this.#moments.get(key);
    if (found !== undefined) return found;
    const made = Temporal.PlainDateTime.from(wallTime).toZonedDateTime(knownZone(timeZone)).epochMilliseconds;
    this.#moments.set(key, made);
    return made;
  }

  #hourMs(timeZone: string, ahead: number, hour: number): number {
    const hours = this.#hours.get(timeZone) ?? [];
    this.#hours.set(timeZone, hours);
    const found = hours[ahead * 24 + hour];
    if (found !== undefined) return found;
    const date = this.#now(timeZone).toPlainDate().add({ days: ahead });
    const made = this.momentMs(timeZone, `${date.toString()}T${clockText(hour * 60)}`);
    hours[ahead * 24 + hour] = made;
    return made;
  }

  /**
   * When to send so that it comes in the hour in which the household cooks most, by weekday: now where that hour began less than an hour
   * ago, or where no habit is known; else today's, or that of the next day that has one.
   *
   * @param bestHours by weekday from Monday on; null: no habit on that day
   */
  bestMomentMs(timeZone: string, bestHours: readonly (number | null)[]): number {
    const { weekday } = this.local(timeZone);
    for (let ahead = 0; ahead <= 7; ahead += 1) {
      const hour = bestHours[(weekday - 1 + ahead) % 7] ?? null;
      if (hour === null) continue;
      const momentMs = this.#hourMs(timeZone, ahead, hour);
      if (momentMs > this.nowMs) return momentMs;
      if (this.nowMs - momentMs < 3_600_000) return this.nowMs;
    }
    return this.nowMs;
  }
}
