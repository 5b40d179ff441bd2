import type { HouseholdAct } from "../../households/households.ts";

const hoursOfWeek = 168;
/** Of one weekday; fewer say nothing about a habit. */
const cooksMin = 2;

/** Where an hour of the week lies in a habit: Monday 0:00 first. */
export function hourOfWeek(atMs: number, timeZone: string): number {
  const at = Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(timeZone);
  return (at.dayOfWeek - 1) * 24 + at.hour;
}

/**
 * The hour in which a household cooks most, for each weekday from Monday on; null where it hardly cooks on that day. Of hours that are
 * equal the earlier.
 *
 * @param hours 168 counts
 */
export function bestHoursOf(hours: readonly number[]): (number | null)[] {
  if (hours.length !== hoursOfWeek) return [];
  return Array.from({ length: 7 }, (_, day) => {
    let best: number | null = null;
    let [most, total] = [0, 0];
    for (let hour = 0; hour < 24; hour += 1) {
      const count = hours[day * 24 + hour] ?? 0;
      total += count;
      if (count > most) [most, best] = [count, hour];
    }
    return total < cooksMin ? null : best;
  });
}

type Counted = "saved" | "searched" | "cooked" | "aborted" | "shown";

/** Which acts are interests, and of what kind. */
const interestOf: Readonly<Record<string, Counted>> = {
  "recipe.saved": "saved",
  "recipe.searched": "searched",
  "page.viewed": "searched",
  "price.checked": "searched",
  "cart.added": "saved",
  "recipe.finished": "cooked",
  "recipe.aborted": "aborted",
  "content.shown": "shown",
};

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);

/** The item that an act is about, where it is one of ours. */
export function itemOf(data: Readonly<Record<string, unknown>>): string | null {
  const id = (text(data["itemId"]) ?? text(data["recipeId"]))?.toLowerCase();
  return id !== undefined && uuid.test(id) ? id : null;
}

const subjectCharsMax = 80;
const topicsMax = 5;

/** The topics that an act names: as such, or as words that were looked for. */
export function topicsOf(data: Readonly<Record<string, unknown>>): string[] {
  const named = Array.isArray(data["topics"]) ? data["topics"] : [data["topic"]];
  const words = text(data["query"])?.split(/[^\p{L}\p{N}]+/u) ?? [];
  const topics = [...named, ...words]
    .flatMap((word) => text(word) ?? [])
    .map((word) => word.trim().toLowerCase().slice(0, subjectCharsMax).toWellFormed())
    .filter((word) => word.length > 2);
  return [...new Set(topics)].slice(0, topicsMax);
}

export interface InterestAct {
  householdId: string;
  counted: Counted;
  itemId: string | null;
  topics: string[];
  atMs: number;
}

/** What acts say about interests; most say nothing. */
export function interestsIn(acts: readonly HouseholdAct[]): InterestAct[] {
  return acts.flatMap(({ householdId, type, data, atMs }): InterestAct[] => {
    const counted = interestOf[type];
    if (counted === undefined) return [];
    const [itemId, topics] = [itemOf(data), topicsOf(data)];
    return itemId === null && topics.length === 0 ? [] : [{ householdId, counted, itemId, topics, atMs }];
  });
}
