/** One thing that happened to a device, from any slice, as the device's timeline shows it. */
export interface TimelineEntry {
  atMs: number;
  kind: "event" | "presence" | "delivery" | "case" | "firing" | "points" | "quarantine" | "security" | "rollout";
  /** Unique within its kind. */
  id: string;
  /** A short sentence without ids: what a support agent reads. */
  title: string;
  data: Record<string, unknown>;
}

/** Which part of a timeline: the newest `limit` entries before `beforeMs`. */
export interface TimelinePage {
  beforeMs: number;
  limit: number;
  /** For the eyes of a household: what happened since the device is theirs, and nothing that is another's. Staff sees all. */
  owner?: { householdId: string; sinceMs: number } | undefined;
}

/** Where a page's past ends. No device's time lies before it. */
export const pageSinceMs = (page: TimelinePage): number => page.owner?.sinceMs ?? 0;

/** One thing that happened to a household or that it did, from any slice: at its appliances, and elsewhere. */
export interface HouseholdEntry extends Omit<TimelineEntry, "kind"> {
  kind: HouseholdEntryKind;
}

export const householdEntryKinds = [
  "event",
  "fact",
  "case",
  "points",
  "stage",
  "consent",
  "decision",
  "household",
] as const;
export type HouseholdEntryKind = (typeof householdEntryKinds)[number];
