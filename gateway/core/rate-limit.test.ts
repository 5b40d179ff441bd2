import fc from "fast-check";
import { expect, test } from "vitest";
import { RateLimit } from "./rate-limit.ts";

const limits = { messagesPerSecondMax: 10, bytesPerSecondMax: 1_000, burstSecondsMax: 3 };

test("a burst passes whole, and what comes beyond it must come in first", () => {
  const rate = new RateLimit(limits, 0);
  for (let n = 0; n < 30; n += 1) rate.take(10);
  expect(rate.exceeded(0)).toBeNull();
  for (let n = 0; n < 5; n += 1) rate.take(10);
  expect([rate.exceeded(0), rate.exceeded(499), rate.exceeded(500)]).toEqual([
    "messagesPerSecondMax",
    "messagesPerSecondMax",
    null,
  ]);
});

test("bytes count by themselves", () => {
  const rate = new RateLimit(limits, 0);
  rate.take(3_500);
  expect([rate.exceeded(0), rate.exceeded(499), rate.exceeded(500)]).toEqual([
    "bytesPerSecondMax",
    "bytesPerSecondMax",
    null,
  ]);
});

test("a clock that goes back gives nothing, and takes nothing", () => {
  const rate = new RateLimit(limits, 10_000);
  for (let n = 0; n < 31; n += 1) rate.take(1);
  expect([rate.exceeded(0), rate.exceeded(99), rate.exceeded(100)]).toEqual([
    "messagesPerSecondMax",
    "messagesPerSecondMax",
    null,
  ]);
});

test("whoever reads only while nothing is exceeded takes what the limits allow, and one read", () => {
  const steps = fc.array(
    fc.record({ waitMs: fc.nat(2_000), packets: fc.array(fc.integer({ min: 2, max: 400 }), { maxLength: 20 }) }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(steps, (reads) => {
      const rate = new RateLimit(limits, 0);
      let nowMs = 0;
      let messages = 0;
      let bytes = 0;
      for (const { waitMs, packets } of reads) {
        nowMs += waitMs;
        if (rate.exceeded(nowMs) !== null) continue;
        const seconds = nowMs / 1_000 + limits.burstSecondsMax;
        expect(messages).toBeLessThanOrEqual(limits.messagesPerSecondMax * seconds + 1e-6);
        expect(bytes).toBeLessThanOrEqual(limits.bytesPerSecondMax * seconds + 1e-6);
        for (const size of packets) rate.take(size);
        messages += packets.length;
        bytes += packets.reduce((sum, size) => sum + size, 0);
      }
    }),
  );
});
