import fc from "fast-check";
import { expect, test } from "vitest";
import { FailureWindows, refusalDelayMs } from "./failure-windows.ts";

test("a window begins with its first failure, and the next one after its end begins anew", () => {
  const windows = new FailureWindows(1_000, 9);
  expect([0, 500, 999, 1_000, 1_001].map((atMs) => windows.add("a", atMs))).toEqual([1, 2, 3, 1, 2]);
  expect([windows.of("a", 1_999), windows.of("a", 2_000), windows.of("b", 0)]).toEqual([2, 0, 0]);
});

test("however many keys come, no more are kept than there may be, and the newest are", () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 50 }), (keys) => {
      const windows = new FailureWindows(1_000, 3);
      for (const key of keys) windows.add(key, 0);
      const kept = [...new Set(keys)].filter((key) => windows.of(key, 0) > 0);
      expect(kept.length).toBeLessThanOrEqual(3);
      expect(windows.of(keys.at(-1) ?? "", 0)).toBeGreaterThan(0);
    }),
  );
});

test("the free failures are answered at once, and then each waits twice as long, up to the bound", () => {
  expect([1, 5, 6, 7, 8, 11, 99, 1e9].map((failures) => refusalDelayMs(failures, 5, 3_000))).toEqual([
    0, 0, 100, 200, 400, 3_000, 3_000, 3_000,
  ]);
});
