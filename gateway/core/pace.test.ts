import fc from "fast-check";
import { expect, test } from "vitest";
import { Pace } from "./pace.ts";

test("in any stretch of time no more get through than the pace and two seconds' worth", () => {
  const steps = fc.array(fc.oneof(fc.nat(5), fc.nat(3_000), fc.integer({ min: -5_000, max: -1 })), { maxLength: 300 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), steps, (perSecond, waits) => {
      const pace = new Pace(perSecond, 0);
      let [nowMs, latestMs, through] = [0, 0, 0];
      for (const waitMs of waits) {
        nowMs += waitMs;
        // A clock that went back and comes forward again fills for that stretch once more.
        latestMs += Math.max(0, waitMs);
        if (pace.take(nowMs)) through += 1;
      }
      expect(through).toBeLessThanOrEqual(perSecond * 2 + (latestMs / 1_000) * perSecond);
    }),
  );
});

test("who keeps to the pace is never turned away", () => {
  const pace = new Pace(4, 0);
  for (let nowMs = 0; nowMs < 60_000; nowMs += 250) expect(pace.take(nowMs)).toBe(true);
});
