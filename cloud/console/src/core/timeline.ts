import type { TimelineEntry } from "../api/shapes.ts";
import { dayText } from "./time.ts";

/** An entry of the timeline as the page shows it: what the slices recorded, and what stands out in the readings. */
export type TimelineItem = Omit<TimelineEntry, "kind"> & { kind: TimelineKind };

export const timelineKinds = [
  "reading",
  "event",
  "delivery",
  "case",
  "firing",
  "points",
  "presence",
  "quarantine",
  "security",
  "rollout",
] as const;
export type TimelineKind = (typeof timelineKinds)[number];

/** Each kind in the plural, as the filter names it. */
export const kindWords: Record<TimelineKind, string> = {
  reading: "Readings",
  event: "Events",
  delivery: "Deliveries",
  case: "Cases",
  firing: "Rules",
  points: "Points",
  presence: "Connection",
  quarantine: "Quarantine",
  security: "Security",
  rollout: "Rollouts",
};

/** What the URL calls an item: unique over all kinds. */
export const itemKey = (item: TimelineItem): string => `${item.kind}:${item.id}`;

/**
 * One list from two sources, newest first. Entries of the same time stay in the order in which the service told them.
 *
 * @param oldestMs how far back the entries have been read, or null where they are all there: a mark from before that has no
 *   neighbours yet and would stand in the wrong place
 */
export function mergeTimeline(
  entries: readonly TimelineItem[],
  marks: readonly TimelineItem[],
  oldestMs: number | null,
): TimelineItem[] {
  const placed = oldestMs === null ? marks : marks.filter((item) => item.atMs >= oldestMs);
  const unique = new Map([...entries, ...placed].map((item) => [itemKey(item), item]));
  return [...unique.values()].toSorted((a, b) => b.atMs - a.atMs);
}

/** What of the timeline is shown on the chart through its whole height, with a word beside it. */
export interface Milestone {
  tone: "fault" | "firmware" | "case";
  label: string;
}

const labelMax = 16;
const short = (words: string) => (words.length > labelMax ? `${words.slice(0, labelMax - 1)}…` : words);
const versionIn = (title: string) => /\d+\.\d+[\w.+-]*/.exec(title)?.[0] ?? "firmware";

/** Null where an entry is no more than a tick on the chart's edge. */
export function milestoneOf({ kind, title, data }: TimelineItem): Milestone | null {
  const { type, code, what, entry } = data;
  if (kind === "event" && type === "fault.raised")
    return { tone: "fault", label: short(typeof code === "string" ? code : "fault") };
  if (kind === "event" && type === "boot") return { tone: "firmware", label: short(versionIn(title)) };
  const isFirmware = kind === "delivery" && data["kind"] === "firmware";
  if (isFirmware && what === "confirmed") return { tone: "firmware", label: short(versionIn(title)) };
  if (isFirmware && what === "rolled_back") return { tone: "fault", label: "rolled back" };
  if (kind === "case" && entry === "opened") return { tone: "case", label: "case" };
  if (kind === "case" && data["incidentId"] !== undefined && entry === undefined)
    return { tone: "case", label: "incident" };
  return null;
}

/** Further apart than this is no flapping: it is told line by line. */
const foldWithinMs = 600_000;
/** Fewer are told line by line, too. */
const foldedMin = 2;

/** Times that an appliance went and came back within minutes, told in one line. */
export interface Flapping {
  kind: "flapping";
  /** The same while newer ones join it. */
  key: string;
  /** Of the newest, by which it stands in the list. */
  atMs: number;
  times: number;
  offlineMs: number;
  /** What it is made of, newest first. */
  items: TimelineItem[];
}

export type TimelineRow = TimelineItem | Flapping;

const isFlapping = (row: TimelineRow): row is Flapping => row.kind === "flapping";

export const rowKey = (row: TimelineRow): string => (isFlapping(row) ? row.key : itemKey(row));

const isOnline = ({ data }: TimelineItem): boolean => data["state"] === "connected";

/** That it went or came; that it was held back in between is neither. */
const isComingOrGoing = ({ kind, data }: TimelineItem): boolean =>
  kind === "presence" && data["state"] !== "held" && data["state"] !== "released";

/** What of a run of goings and comings, oldest first, is one line: from the first going to the last coming. */
function flappingOf(run: readonly TimelineItem[]): Flapping | null {
  const items = run.slice(
    run.findIndex((item) => !isOnline(item)),
    run.findLastIndex(isOnline) + 1,
  );
  const [first, last] = [items[0], items.at(-1)];
  let [times, offlineMs] = [0, 0];
  let goneAtMs: number | null = null;
  for (const item of items) {
    if (!isOnline(item)) goneAtMs ??= item.atMs;
    else if (goneAtMs !== null) {
      times += 1;
      offlineMs += item.atMs - goneAtMs;
      goneAtMs = null;
    }
  }
  if (first === undefined || last === undefined || times < foldedMin) return null;
  const key = `flapping:${first.id}`;
  return { kind: "flapping", key, atMs: last.atMs, times, offlineMs, items: items.toReversed() };
}

/**
 * Goings and comings that follow each other within minutes, on one day, in one line each; everything else as it is.
 *
 * @param items newest first
 * @param timeZone of the days that the list is divided by
 */
export function foldFlapping(items: readonly TimelineItem[], nowMs: number, timeZone: string): TimelineRow[] {
  const dayOf = ({ atMs }: TimelineItem) => dayText(atMs, nowMs, timeZone);
  const runs: TimelineItem[][] = [];
  for (const item of items.filter(isComingOrGoing).toReversed()) {
    const run = runs.at(-1);
    const before = run?.at(-1);
    const follows = before !== undefined && item.atMs - before.atMs <= foldWithinMs && dayOf(item) === dayOf(before);
    if (run === undefined || !follows) runs.push([item]);
    else run.push(item);
  }
  const flappings = runs.flatMap((run) => flappingOf(run) ?? []);
  const newest = new Map(flappings.map((one) => [one.items[0], one]));
  const folded = new Set(flappings.flatMap((one) => one.items));
  return items.flatMap((item): TimelineRow[] => {
    const flapping = newest.get(item);
    if (flapping !== undefined) return [flapping];
    return folded.has(item) ? [] : [item];
  });
}

interface TimelineDay<Item> {
  day: string;
  items: Item[];
}

/** Divides a sorted list by calendar day in the zone shown. */
export function byDay<Item extends { atMs: number }>(
  items: readonly Item[],
  nowMs: number,
  timeZone: string,
): TimelineDay<Item>[] {
  const days: TimelineDay<Item>[] = [];
  for (const item of items) {
    const day = dayText(item.atMs, nowMs, timeZone);
    const last = days.at(-1);
    if (last?.day === day) last.items.push(item);
    else days.push({ day, items: [item] });
  }
  return days;
}

/** The item nearest to a time, or null where none is within `withinMs`. */
export function nearestItem(items: readonly TimelineItem[], atMs: number, withinMs: number): TimelineItem | null {
  let nearest: TimelineItem | null = null;
  for (const item of items) {
    const distance = Math.abs(item.atMs - atMs);
    if (distance <= withinMs && (nearest === null || distance < Math.abs(nearest.atMs - atMs))) nearest = item;
  }
  return nearest;
}
