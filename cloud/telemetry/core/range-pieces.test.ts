import fc from "fast-check";
import { expect, test } from "vitest";
import { bucketLengthMs } from "./buckets.ts";
import { rangePieces } from "./range-pieces.ts";
import { hourMs, rollupLevels } from "./rollup-levels.ts";

const dayMs = 24 * hourMs;
const anyTime = fc.oneof(
  fc.nat(5 * dayMs),
  fc.nat(5 * 24).map((hour) => hour * hourMs),
  fc.nat(5).map((day) => day * dayMs),
);
const dirty = fc.uniqueArray(fc.nat(5 * 24), { maxLength: 12 }).map((hours) => hours.toSorted((a, b) => a - b));

test("a range is divided without gap or overlap, a rollup is whole, no longer than a bucket, and never of a dirty hour", () => {
  fc.assert(
    fc.property(
      anyTime,
      anyTime,
      dirty,
      fc.constantFrom(1, 1_000, 60_000, 900_000, hourMs, dayMs),
      (a, b, hours, most) => {
        const [fromMs, toMs] = [Math.min(a, b), Math.max(a, b)];
        const dirtyHours = hours.map((hour) => hour * hourMs);
        const pieces = rangePieces(fromMs, toMs, most, dirtyHours);
        let at = fromMs;
        for (const piece of pieces) {
          expect(piece.fromMs).toBe(at);
          expect(piece.toMs).toBeGreaterThan(piece.fromMs);
          at = piece.toMs;
          const rollup = rollupLevels.find(({ level }) => level === piece.from);
          if (rollup === undefined) continue;
          expect(rollup.ms).toBeLessThanOrEqual(most);
          expect(most % rollup.ms).toBe(0);
          expect([piece.fromMs % rollup.ms, piece.toMs % rollup.ms]).toEqual([0, 0]);
          for (const hour of dirtyHours) expect(hour + hourMs <= piece.fromMs || hour >= piece.toMs).toBe(true);
        }
        expect(at).toBe(toMs);
      },
    ),
  );
});

test("days where they fit, hours and minutes at their sides, readings at the ends and where something came since", () => {
  const pieces = rangePieces(23 * hourMs - 90_500, 3 * dayMs + hourMs + 30_000, dayMs, [2 * dayMs + 5 * hourMs]);
  expect(pieces.map(({ from, fromMs }) => [from, fromMs])).toEqual([
    ["reading", 23 * hourMs - 90_500],
    ["minute", 23 * hourMs - 60_000],
    ["hour", 23 * hourMs],
    ["day", dayMs],
    ["hour", 2 * dayMs],
    ["reading", 2 * dayMs + 5 * hourMs],
    ["hour", 2 * dayMs + 6 * hourMs],
    ["reading", 3 * dayMs + hourMs],
  ]);
});

test("a bucket is a whole number of every rollup that is not longer than it, and about as many fit as were asked for", () => {
  fc.assert(
    fc.property(
      fc.nat(4_000_000_000_000),
      fc.integer({ min: 1, max: 40_000_000_000 }),
      fc.integer({ min: 1, max: 5_000 }),
      (fromMs, lengthMs, points) => {
        const bucketMs = bucketLengthMs(fromMs, fromMs + lengthMs, points);
        for (const { ms } of rollupLevels) expect(ms > bucketMs || bucketMs % ms === 0).toBe(true);
        const first = Math.floor(fromMs / bucketMs);
        expect(Math.floor((fromMs + lengthMs - 1) / bucketMs) - first + 1).toBeLessThanOrEqual(points + 1);
      },
    ),
  );
});
