import fc from "fast-check";
import { expect, test } from "vitest";
import { AcceleratedClock } from "./clock.ts";

test("accelerated time starts where it was told, and never runs ahead of the real clock, whatever that does", () => {
  fc.assert(
    fc.property(
      fc.nat(1e12),
      fc.nat(1e9),
      fc.double({ min: 1, max: 100_000, noNaN: true }),
      fc.array(fc.integer({ min: -10_000, max: 100_000 })),
      (realStartMs, agoMs, speed, steps) => {
        let realMs = realStartMs + 1e9;
        const clock = new AcceleratedClock({ real: { nowMs: () => realMs }, startMs: realMs - agoMs, speed });
        expect(clock.nowMs()).toBe(realMs - agoMs);
        for (const step of steps) {
          realMs += step;
          expect(clock.nowMs()).toBeLessThanOrEqual(realMs);
        }
      },
    ),
  );
});

test("it falls to normal speed when it reaches the present", () => {
  let realMs = 1_000_000;
  const clock = new AcceleratedClock({ real: { nowMs: () => realMs }, startMs: realMs - 90_000, speed: 10 });
  realMs += 5_000;
  expect(clock.nowMs()).toBe(1_000_000 - 90_000 + 50_000);
  realMs += 5_000;
  expect(clock.nowMs()).toBe(realMs);
  realMs += 7_000;
  expect(clock.nowMs()).toBe(realMs);
});
