import { periodAfter } from "./calendar.ts";
import type { Period } from "./rule.ts";

/**
 * The periods that earn because `added` were marked: those that end a run of `length` marked ones and did not before. Which of them was
 * told first changes nothing: a period earns exactly when it and the `length - 1` before it are marked.
 *
 * @param marked all that are marked, the added ones among them, at least `length - 1` to either side
 */
export function streakEarnings(
  marked: ReadonlySet<string>,
  added: readonly string[],
  { period, length }: { period: Period; length: number },
): string[] {
  const earning = new Set<string>();
  for (const one of added) {
    for (let later = 0; later < length; later += 1) {
      const end = periodAfter(one, period, later);
      const run = Array.from({ length }, (_, back) => periodAfter(end, period, -back));
      if (run.every((each) => marked.has(each))) earning.add(end);
    }
  }
  return [...earning].toSorted();
}
