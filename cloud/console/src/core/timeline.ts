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
