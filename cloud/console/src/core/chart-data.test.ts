import fc from "fast-check";
import { expect, test } from "vitest";
import type { RangePoint, RangeSeries, TelemetryRange } from "../api/shapes.ts";
import { chartData, outsideSpans, pointAt, silencesOf } from "./chart-data.ts";

const bucketMs = 1_000;

/** Series whose steps are mostly even and now and then long enough to be a silence. */
const anySeries = (metric: string): fc.Arbitrary<RangeSeries> =>
  fc
    .array(fc.tuple(fc.oneof(fc.constant(1), fc.constantFrom(2, 90, 4_000)), fc.integer({ min: -50, max: 300 })))
    .map((steps) => {
      let bucket = 0;
      const points = steps.map(([step, value]): RangePoint => {
        bucket += step;
        return [bucket * bucketMs, value - 1, value, value + 1, 3];
      });
      return { metric, unit: "°C", label: metric, points, deviceId: "oven-1", min: null, max: null, outside: [] };
    });

const anyAnswer: fc.Arbitrary<TelemetryRange> = fc
  .tuple(anySeries("cavity_c"), anySeries("probe1_c"))
  .map((series) => ({ fromMs: 0, toMs: 10_000_000, bucketMs, series }));

test("every bucket of an answer stands once on the chart, at its own time and with its own values", () => {
  fc.assert(
    fc.property(anyAnswer, (answer) => {
      const { xs, series, points } = chartData(answer);
      expect(xs).toEqual([...new Set(xs)].toSorted((a, b) => a - b));
      for (const [at, { points: asked }] of answer.series.entries()) {
        const drawn = xs.flatMap((x, place) => {
          const mean = series[at]?.mean[place];
          return typeof mean === "number" ? [[x * 1_000 - bucketMs / 2, series[at]?.min[place], mean]] : [];
        });
        expect(drawn).toEqual(asked.map(([atMs, min, mean]) => [atMs, min, mean]));
      }
      expect(points).toBe(answer.series.reduce((sum, one) => sum + one.points.length, 0));
    }),
  );
});

test("a line is broken exactly where its series was silent, whatever the other series did meanwhile", () => {
  fc.assert(
    fc.property(anyAnswer, (answer) => {
      const { series } = chartData(answer);
      for (const [at, { points }] of answer.series.entries()) {
        const column = (series[at]?.mean ?? []).filter((value) => value !== undefined);
        const breaks = column.filter((value, place) => value === null && column[place - 1] !== null).length;
        const silences = silencesOf({ points }, bucketMs);
        expect(breaks).toBe(silences.length);
        expect([column[0], column.at(-1)]).not.toContain(null);
        // uPlot ends a line at the neighbour of a null, so that must be the last thing measured.
        const raw = series[at]?.mean ?? [];
        const beside = raw.flatMap((value, place) => (value === null ? [raw[place - 1], raw[place + 1]] : []));
        expect(beside).not.toContain(undefined);
      }
    }),
  );
});

test("the nearest bucket is found, and none where the series was silent", () => {
  const series: RangeSeries = {
    deviceId: "oven-1",
    min: null,
    max: null,
    outside: [],
    metric: "cavity_c",
    unit: "°C",
    label: "Cavity",
    points: [
      [1_000, 1, 1, 1, 1],
      [2_000, 2, 2, 2, 1],
      [900_000, 9, 9, 9, 1],
    ],
  };
  expect(pointAt(series, 1_400, 1_000)?.[2]).toBe(1);
  expect(pointAt(series, 1_600, 1_000)?.[2]).toBe(2);
  expect(pointAt(series, 901_000, 1_000)?.[2]).toBe(9);
  expect(pointAt(series, 450_000, 1_000)).toBeNull();
  expect(pointAt(series, 999_000, 1_000)).toBeNull();
  expect(pointAt({ ...series, points: [] }, 1_000, 1_000)).toBeNull();
});

const at = (seconds: number): RangePoint => [seconds * 1_000, 20, 20, 20, 1];

test("an appliance that speaks once in a minute while it rests is not silent, and one that is away is", () => {
  const cook = Array.from({ length: 200 }, (_, step) => at(step * 10));
  const rest = Array.from({ length: 30 }, (_, step) => at(2_000 + step * 60));
  const slow = Array.from({ length: 9 }, (_, step) => at(9_000 + step * 300));
  const series = { metric: "cavity_c", unit: "°C", label: "Cavity", points: [...cook, ...rest, ...slow] };
  expect(silencesOf(series, 4_000)).toEqual([{ fromMs: 3_740_000, toMs: 9_000_000 }]);
});

test("what lay outside a range is told as long as it went on, over all series", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 60 })),
      fc.array(fc.integer({ min: 0, max: 60 })),
      (first, second) => {
        const begins = (list: number[]) =>
          [...new Set(list)].toSorted((a, b) => a - b).map((bucket) => bucket * bucketMs);
        const series = [first, second].map((list) => ({
          deviceId: "oven-1",
          metric: "cavity_c",
          unit: "°C",
          label: "Cavity",
          min: 0,
          max: 300,
          points: [],
          outside: begins(list),
        }));
        const spans = outsideSpans({ fromMs: 0, toMs: 100_000, bucketMs, series });
        const within = Array.from({ length: 70 }, (_, bucket) => bucket * bucketMs).filter((atMs) =>
          spans.some(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs),
        );
        expect(within).toEqual(begins([...first, ...second]));
        for (const [place, { fromMs }] of spans.entries()) expect(fromMs).toBeGreaterThan(spans[place - 1]?.toMs ?? -1);
      },
    ),
  );
});
