import type { Calendar } from "./calendar.ts";
import type { Cap, ItemClass } from "./policy.ts";

/**
 * From when a cap has room again; null where it has now, and never where it allows none at all. Days are the household's own: a change
 * of the clock makes one shorter or longer and no message more.
 *
 * @param sentMs when messages of the cap's classes were sent, in any order
 */
export function roomAtMs(
  cap: Pick<Cap, "days" | "max">,
  sentMs: readonly number[],
  timeZone: string,
  calendar: Calendar,
): number | "never" | null {
  if (cap.max === 0) return "never";
  const inWindow = sentMs.filter((atMs) => atMs >= calendar.dayStartMs(timeZone, 1 - cap.days));
  if (inWindow.length < cap.max) return null;
  // Once this one is out of the window, one fewer than the most is in it.
  const leaves = inWindow.toSorted((a, b) => b - a)[cap.max - 1];
  if (leaves === undefined) return null;
  return calendar.dayStartMs(timeZone, cap.days - calendar.daysAgo(timeZone, leaves));
}

/** The strictest of the caps that count this class: the one that has room last. */
export function strictest(
  caps: readonly Cap[],
  itemClass: ItemClass,
  sent: readonly { atMs: number; class: ItemClass }[],
  timeZone: string,
  calendar: Calendar,
): { cap: Cap; atMs: number | "never" } | null {
  let found: { cap: Cap; atMs: number | "never" } | null = null;
  for (const cap of caps) {
    if (!cap.classes.some((counted) => counted === itemClass)) continue;
    const counted = sent.filter((one) => cap.classes.some((name) => name === one.class)).map(({ atMs }) => atMs);
    const atMs = roomAtMs(cap, counted, timeZone, calendar);
    if (atMs === null) continue;
    if (atMs === "never") return { cap, atMs };
    if (found === null || found.atMs === "never" || atMs > found.atMs) found = { cap, atMs };
  }
  return found;
}
