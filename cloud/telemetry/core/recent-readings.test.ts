import { expect, test } from "vitest";
import { RecentReadings } from "./recent-readings.ts";

const reading = (key: number, atMs: number) => ({
  device: { key, id: `d${key}`, model: "oven", householdId: null, householdSinceMs: null },
  atMs,
  receivedAtMs: atMs,
  metrics: {},
});
const t0 = 1_780_000_000_000;

test("what comes again is known by its device and its time, and nothing else is", () => {
  const recent = new RecentReadings();
  const first = [reading(1, t0), reading(2_000_000, t0 + 1)];
  expect(recent.repeated(first).size).toBe(0);
  recent.note(first);
  expect([...recent.repeated([...first, reading(1, t0 + 1), reading(2, t0)])]).toEqual([
    `1 ${t0}`,
    `2000000 ${t0 + 1}`,
  ]);
});

test("half a million others later it is still known, and what is remembered is bounded", () => {
  const recent = new RecentReadings();
  recent.note([reading(1, t0)]);
  const others = Array.from({ length: 500_000 }, (_none, at) => reading(2, t0 + at));
  recent.note(others);
  expect(recent.repeated([reading(1, t0)]).size).toBe(1);
  recent.note(others.map(({ atMs }) => reading(3, atMs)));
  expect(recent.repeated([reading(1, t0)]).size).toBe(0);
});
