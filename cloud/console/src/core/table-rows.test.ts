import { expect, test } from "vitest";
import { tableRows } from "./table-rows.ts";

test("a table folds buckets into steps, keeps peaks and dips, and weighs every reading alike", () => {
  const answer = {
    fromMs: 0,
    toMs: 40_000,
    bucketMs: 1_000,
    series: [
      {
        deviceId: "oven-1",
        min: null,
        max: null,
        outside: [],
        metric: "cavity_c",
        unit: "°C",
        label: "Cavity",
        points: [
          [0, 10, 20, 30, 3] as [number, number, number, number, number],
          [9_000, 40, 40, 40, 1] as [number, number, number, number, number],
          [35_000, 5, 5, 5, 1] as [number, number, number, number, number],
        ],
      },
      {
        metric: "power_w",
        unit: "W",
        label: "Power",
        points: [],
        deviceId: "oven-1",
        min: null,
        max: null,
        outside: [],
      },
    ],
  };
  expect(tableRows(answer, 4)).toEqual([
    { atMs: 30_000, cells: [{ min: 5, mean: 5, max: 5, count: 1 }, null] },
    { atMs: 0, cells: [{ min: 10, mean: 25, max: 40, count: 4 }, null] },
  ]);
});
