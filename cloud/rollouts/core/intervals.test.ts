import fc from "fast-check";
import { expect, test } from "vitest";
import type { Interval } from "#protocol/maintenance-window.ts";
import { cut, shared, without } from "./intervals.ts";

/** In order and apart from each other, as all lists here are; some touch. */
const anyList = fc.array(fc.tuple(fc.nat(5), fc.integer({ min: 1, max: 6 })), { maxLength: 6 }).map((pairs) => {
  let at = 0;
  return pairs.map(([gap, length]): Interval => {
    const fromMs = at + gap;
    at = fromMs + length;
    return { fromMs, toMs: at };
  });
});
const holds = (list: readonly Interval[], ms: number) => list.some(({ fromMs, toMs }) => fromMs <= ms && ms < toMs);

test("what is left, what is shared and what is cut are right at every moment", () => {
  fc.assert(
    fc.property(anyList, anyList, fc.nat(30), fc.nat(30), (a, b, fromMs, length) => {
      const left = without(a, b);
      const both = shared(a, b);
      const inside = a.flatMap((one) => cut(one, { fromMs, toMs: fromMs + length }) ?? []);
      for (let ms = 0; ms < 70; ms += 1) {
        expect(holds(left, ms)).toBe(holds(a, ms) && !holds(b, ms));
        expect(holds(both, ms)).toBe(holds(a, ms) && holds(b, ms));
        expect(holds(inside, ms)).toBe(holds(a, ms) && fromMs <= ms && ms < fromMs + length);
      }
      for (const { fromMs: from, toMs: to } of [...left, ...both, ...inside]) expect(from).toBeLessThan(to);
    }),
    { numRuns: 500 },
  );
});
