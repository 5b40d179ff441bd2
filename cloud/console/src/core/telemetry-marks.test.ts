import { expect, test } from "vitest";
import type { RangePoint, TelemetryRange } from "../api/shapes.ts";
import { telemetryMarks } from "./telemetry-marks.ts";

const minuteMs = 60_000;

function range(cavity: [number, number][], setpoint: [number, number][]): TelemetryRange {
  const points = (values: [number, number][]): RangePoint[] =>
    values.map(([minute, value]) => [minute * minuteMs, value, value, value, 1]);
  return {
    fromMs: 0,
    toMs: 600 * minuteMs,
    bucketMs: 1_000,
    series: [
      {
        metric: "cavity_c",
        unit: "°C",
        label: "Cavity",
        points: points(cavity),
        deviceId: "oven-1",
        min: null,
        max: null,
        outside: [],
      },
      {
        metric: "setpoint_c",
        unit: "°C",
        label: "Setpoint",
        points: points(setpoint),
        deviceId: "oven-1",
        min: null,
        max: null,
        outside: [],
      },
    ],
  };
}

const titles = (answer: TelemetryRange) => telemetryMarks(answer).map(({ title }) => title);

test("a cook is told in three marks: how hot at most, when it was at temperature, and the silence after", () => {
  const minutes = Array.from({ length: 40 }, (_, minute) => minute);
  const cavity = minutes.map((minute): [number, number] => [minute, Math.min(201, 20 + minute * 10)]);
  const setpoint = minutes.map((minute): [number, number] => [minute, 200]);
  expect(titles(range([...cavity, [100, 60]], [...setpoint, [100, 0]]))).toEqual([
    "No readings for 1 h 1 min",
    "Reached 200 °C",
    "Cavity at its highest: 201 °C",
  ]);
});

test("an oven that was hot when the range began did not reach anything, and one that rests has no peak", () => {
  const hot = Array.from({ length: 20 }, (_, minute): [number, number] => [minute, 200]);
  expect(titles(range(hot, hot))).toEqual([]);
});

test("a thermostat that swings about its setpoint reaches it once", () => {
  const swinging = Array.from({ length: 60 }, (_, minute): [number, number] => [
    minute,
    minute < 5 ? 20 : 198 + (minute % 7),
  ]);
  const setpoint = swinging.map(([minute]): [number, number] => [minute, 200]);
  expect(titles(range(swinging, setpoint)).filter((title) => title.startsWith("Reached"))).toHaveLength(1);
});
