import fc from "fast-check";
import { expect, test } from "vitest";
import { panned, type Span, spanMsMax, zoomed } from "./zoom.ts";

const nowMs = 1_800_000_000_000;
const anySpan: fc.Arbitrary<Span> = fc
  .tuple(fc.integer({ min: 10_000, max: spanMsMax }), fc.integer({ min: 0, max: 2 * spanMsMax }))
  .map(([spanMs, agoMs]) => ({ fromMs: nowMs - agoMs - spanMs, toMs: nowMs - agoMs }));

test("however it is zoomed and moved, a range has a length that charts show and does not end after now", () => {
  const anyStep = fc.oneof(
    fc.record({
      factor: fc.double({ min: 0.01, max: 100, noNaN: true }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
    fc.record({ pan: fc.double({ min: -3, max: 3, noNaN: true }) }),
  );
  fc.assert(
    fc.property(anySpan, fc.array(anyStep, { maxLength: 20 }), (begin, steps) => {
      let span = begin;
      for (const step of steps) {
        span =
          "pan" in step
            ? panned(span, step.pan, nowMs)
            : zoomed(span, step.factor, span.fromMs + step.share * (span.toMs - span.fromMs), nowMs);
        expect(Number.isSafeInteger(span.fromMs) && Number.isSafeInteger(span.toMs)).toBe(true);
        expect(span.toMs).toBeLessThanOrEqual(nowMs);
        expect(span.toMs - span.fromMs).toBeGreaterThanOrEqual(10_000);
        expect(span.toMs - span.fromMs).toBeLessThanOrEqual(spanMsMax);
      }
    }),
  );
});

test("what the pointer is at stays where it is", () => {
  const span = { fromMs: nowMs - 10_000_000, toMs: nowMs - 6_000_000 };
  const aroundMs = nowMs - 9_000_000;
  const closer = zoomed(span, 0.5, aroundMs, nowMs);
  expect(closer.toMs - closer.fromMs).toBe(2_000_000);
  expect((aroundMs - closer.fromMs) / 2_000_000).toBeCloseTo(0.25, 6);
});
