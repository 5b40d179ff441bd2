/** The rows of the calendar: what is drawn where, in shares of the range that is shown. */
import type { Schedule } from "../api/rollout-shapes.ts";

type Item = Schedule["items"][number];

export interface CalendarBar {
  /** 0 to 1. */
  left: number;
  width: number;
  /** Nobody can say when it ends. */
  isOpenEnded: boolean;
  fromMs: number;
  toMs: number | null;
  timeZones: string[];
}

export interface CalendarRow {
  key: string;
  kind: Item["kind"];
  title: string;
  rolloutId: string | null;
  freezeId: string | null;
  /** Which models and countries it is about; empty means all. */
  models: string[];
  countries: string[];
  bars: CalendarBar[];
}

const order: Record<Item["kind"], number> = { freeze: 0, rollout: 1, window: 2 };

/** One row for each freeze, each rollout, and the windows of each rollout beneath it. */
export function calendarRows({ fromMs, toMs, items }: Pick<Schedule, "fromMs" | "toMs" | "items">): CalendarRow[] {
  const rows = new Map<string, CalendarRow>();
  const range = Math.max(1, toMs - fromMs);
  for (const item of items) {
    const { kind, title, rolloutId, freezeId, models, countries, timeZones } = item;
    const key = `${rolloutId ?? freezeId ?? title} ${kind}`;
    const row = rows.get(key) ?? { key, kind, title, rolloutId, freezeId, models, countries, bars: [] };
    rows.set(key, row);
    const begins = Math.max(item.fromMs, fromMs);
    const ends = Math.min(item.toMs ?? toMs, toMs);
    if (ends <= begins) continue;
    row.bars.push({
      left: (begins - fromMs) / range,
      width: (ends - begins) / range,
      isOpenEnded: item.toMs === null,
      fromMs: item.fromMs,
      toMs: item.toMs,
      timeZones,
    });
  }
  return [...rows.values()]
    .filter(({ bars }) => bars.length > 0)
    .toSorted(
      (a, b) =>
        Number(a.kind !== "freeze") - Number(b.kind !== "freeze") ||
        (a.rolloutId ?? "").localeCompare(b.rolloutId ?? "") ||
        order[a.kind] - order[b.kind],
    );
}

const dayMs = 86_400_000;

/** Midnight by the reader's clock, so many days from the day of `nowMs`. */
export function midnight(nowMs: number, days: number): number {
  const date = new Date(nowMs);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days).getTime();
}

/** The midnights within a range, each with its place. A day of a changed clock is 23 or 25 hours wide. */
export function dayLines(fromMs: number, toMs: number): { atMs: number; left: number }[] {
  const lines: { atMs: number; left: number }[] = [];
  const most = Math.ceil((toMs - fromMs) / dayMs) + 2;
  for (let day = 0; day <= most; day += 1) {
    const atMs = midnight(fromMs, day);
    if (atMs >= fromMs && atMs < toMs) lines.push({ atMs, left: (atMs - fromMs) / (toMs - fromMs) });
  }
  return lines;
}
