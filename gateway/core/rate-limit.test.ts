import fc from "fast-check";
import { expect, test } from "vitest";
import { RateLimit } from "./rate-limit.ts";
import { SpentRates } from "./spent-rates.ts";

const limits = { messagesPerSecondMax: 10, bytesPerSecondMax: 1_000, burstSecondsMax: 3 };

function spent(messages: number): RateLimit {
  const rate = new RateLimit(limits, 0);
  for (let n = 0; n < messages; n += 1) rate.take(1);
  return rate;
}

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

test("what a device had left is remembered while it is less than half a burst, and of so many devices alone", () => {
  const rates = new SpentRates();
  const [half, more] = [spent(15), spent(16)];
  rates.left("half", half, 0);
  rates.left("more", more, 0);
  expect([rates.back("half"), rates.back("more"), rates.back("more")]).toEqual([null, more, null]);
  rates.left("rested", spent(30), 60_000);
  expect(rates.back("rested")).toBeNull();
  for (let n = 0; n < 10_001; n += 1) rates.left(`d-${n}`, more, 0);
  expect([rates.back("d-0"), rates.back("d-1")]).toEqual([null, more]);
});
