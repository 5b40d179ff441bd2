import fc from "fast-check";
import { expect, test } from "vitest";
import { clockText, readDuration } from "./duration.ts";

test.each([
  ["45s", 45_000],
  ["2m", 120_000],
  ["1h", 3_600_000],
  ["1.5m", 90_000],
  ["30", 30_000],
])("%s is %d ms", (text, ms) => {
  expect(readDuration(text)).toBe(ms);
});

test.each(["", "s", "0", "0s", "-1s", "5 s", "1d", "1e3", "Infinity", "45s45s", "99999h"])(
  "'%s' is no time",
  (text) => {
    expect(readDuration(text)).toBeNull();
  },
);

test("a clock's text says the whole seconds that have passed, and nothing else", () => {
  expect([0, 7_999, 60_000, 3_723_000].map(clockText)).toEqual(["0:00", "0:07", "1:00", "1:02:03"]);
  fc.assert(
    fc.property(fc.nat(86_400_000), (ms) => {
      const seconds = clockText(ms)
        .split(":")
        .reduce((sum, part) => sum * 60 + Number(part), 0);
      expect(seconds).toBe(Math.floor(ms / 1_000));
    }),
  );
});
