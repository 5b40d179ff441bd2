/** The lengths of the buckets that a range is divided into. */

const [second, minute, hour, day] = [1_000, 60_000, 3_600_000, 86_400_000];

/**
 * Lengths that a person can read off an axis, each a whole number of the rollup below it, and each dividing the day, so that buckets
 * begin at round times. Milliseconds, ascending.
 */
const lengths: readonly number[] = [
  [1, 2, 5, 10, 20, 50, 100, 200, 500],
  [1, 2, 5, 10, 15, 30].map((count) => count * second),
  [1, 2, 3, 5, 10, 15, 30, 45].map((count) => count * minute),
  [1, 2, 3, 4, 6, 8, 12].map((count) => count * hour),
  [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000].map((count) => count * day),
].flat();

/**
 * The shortest length that divides a range into about so many buckets: one more at most, where the range begins between two round
 * times.
 *
 * @param leastMs no shorter than this
 */
export function bucketLengthMs(fromMs: number, toMs: number, points: number, leastMs = 1): number {
  const wantedMs = Math.max(leastMs, (toMs - fromMs) / points);
  return lengths.find((length) => length >= wantedMs) ?? 100_000 * day;
}
