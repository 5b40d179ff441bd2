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
  const recent = new RecentReadings(t0);
  const first = [reading(1, t0), reading(2_000_000, t0 + 1)];
  expect(recent.repeated(first).size).toBe(0);
  recent.note(first, t0);
  expect([...recent.repeated([...first, reading(1, t0 + 1), reading(2, t0)])]).toEqual([
    `1 ${t0}`,
    `2000000 ${t0 + 1}`,
  ]);
});

test("half a million others later it is still known, what is remembered is bounded, and it is known until when all is forgotten", () => {
  const recent = new RecentReadings(t0);
  recent.note([reading(1, t0)], t0 + 1);
  const others = Array.from({ length: 500_000 }, (_none, at) => reading(2, t0 + at));
  recent.note(others, t0 + 2);
  expect(recent.repeated([reading(1, t0)]).size).toBe(1);
  expect([recent.forgottenUntilMs, "those of before"]).toEqual([t0, "those of before"]);
  const more = others.map(({ atMs }) => reading(3, atMs));
  recent.note(more, t0 + 3);
  expect(recent.repeated([reading(1, t0)]).size).toBe(0);
  expect(recent.repeated(more).size).toBe(more.length);
  expect([recent.forgottenUntilMs, "until the others began"]).toEqual([t0 + 2, "until the others began"]);
});
