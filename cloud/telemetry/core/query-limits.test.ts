import { expect, test } from "vitest";
import { tooWide } from "./query-limits.ts";

test("a question that is too wide is told what would fit", () => {
  expect(tooWide({ points: 5_000, devices: 1, metrics: 20 })).toBeNull();
  expect(tooWide({ points: 5_000, devices: 3, metrics: 20 })).toBe(
    "5000 points of 3 x 20 series are 300000, and one answer has at most 100000 points x series: ask for at most 1666 points, or 6 metrics, or 1 appliances.",
  );
  expect(tooWide({ points: 5_000, devices: 50, metrics: 2 })).toContain("1000 points, or 10 appliances");
});
