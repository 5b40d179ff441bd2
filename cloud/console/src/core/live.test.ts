import fc from "fast-check";
import { expect, test } from "vitest";
import type { TelemetryRange } from "../api/shapes.ts";
import { type LiveReading, withLive, withReadings } from "./live.ts";

const deviceId = "oven-1";
const bucketMs = 1_000;
const reading = (atMs: number, value: number): LiveReading => ({
  deviceId,
  atMs,
  receivedAtMs: atMs,
  metrics: { cavity_c: value },
  outside: [],
  clockSuspect: false,
});
const answerOf = (lastMs: number): TelemetryRange => ({
  fromMs: 0,
  toMs: 60_000,
  bucketMs,
  series: [
    {
      deviceId,
      metric: "cavity_c",
      unit: "°C",
      label: "Cavity",
      min: null,
      max: null,
      points: [[lastMs, 20, 20, 20, 1]],
      outside: [],
    },
  ],
});

const readingsOf = (list: [number, number][]) => list.map(([atMs, value]) => reading(atMs, value));

test("what comes live is drawn once, in the order of time, and only after what the answer has", () => {
  const anyReadings = fc.array(fc.tuple(fc.integer({ min: 0, max: 90_000 }), fc.integer({ min: 0, max: 300 })));
  fc.assert(
    fc.property(anyReadings, anyReadings, fc.integer({ min: 0, max: 50 }), (first, second, lastBucket) => {
      const readings = withReadings(withReadings([], readingsOf(first), 1_000), readingsOf(second), 1_000);
      const times = readings.map(({ atMs }) => atMs);
      expect(times).toEqual([...new Set(times)].toSorted((a, b) => a - b));
      const lastMs = lastBucket * bucketMs;
      const answer = withLive(answerOf(lastMs), deviceId, readings);
      const points = answer.series[0]?.points ?? [];
      const begins = points.map(([atMs]) => atMs);
      expect(begins).toEqual([...new Set(begins)].toSorted((a, b) => a - b));
      const later = readings.filter(({ atMs }) => Math.floor(atMs / bucketMs) * bucketMs > lastMs);
      expect(points.slice(1).reduce((sum, [, , , , count]) => sum + count, 0)).toBe(later.length);
      expect(answer.toMs - answer.fromMs).toBe(60_000);
      expect(answer.toMs).toBeGreaterThanOrEqual(times.at(-1) ?? 0);
    }),
  );
});

test("a clock that cannot be right, and another appliance, move nothing", () => {
  const answer = answerOf(0);
  const wrong = [
    { ...reading(50_000, 1), clockSuspect: true },
    { ...reading(70_000, 1), deviceId: "oven-2" },
  ];
  expect(withLive(answer, deviceId, wrong)).toBe(answer);
});
