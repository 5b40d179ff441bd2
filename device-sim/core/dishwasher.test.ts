import { expect, test } from "vitest";
import { isReading } from "#protocol/reading.ts";
import {
  advanceDishwasher,
  dishwasherMetrics,
  newDishwasher,
  refillDishwasher,
  startDishwasher,
} from "./dishwasher.ts";
import { breakPart } from "./machine.ts";
import type { MachineEvent } from "./machine-event.ts";

const fromMs = Date.UTC(2026, 2, 1, 20);

function wash(program: "Eco50" | "Intensiv70" | "Quick45", before = newDishwasher(3, fromMs)) {
  const outcome = startDishwasher(before, { program });
  if (outcome.kind === "refused") throw new Error(outcome.rule);
  let washer = outcome.state;
  const events: MachineEvent[] = [...outcome.events];
  const water: number[] = [];
  for (let minute = 1; minute <= 240; minute += 1) {
    const moved = advanceDishwasher(washer, before.atMs + minute * 60_000);
    washer = moved.state;
    events.push(...moved.events);
    water.push(washer.water_c);
    expect(isReading({ atMs: washer.atMs, m: dishwasherMetrics(washer) })).toBe(true);
  }
  return { washer, events, hottest_c: Math.max(...water) };
}

test.each([
  ["Eco50", 50],
  ["Intensiv70", 70],
  ["Quick45", 50],
] as const)("%s heats its water to %i °C, ends, and uses salt and rinse aid", (program, celsius) => {
  const before = newDishwasher(3, fromMs);
  const { washer, events, hottest_c } = wash(program, before);
  expect(hottest_c).toBeGreaterThan(celsius - 2);
  expect(hottest_c).toBeLessThan(celsius + 2);
  expect(events.map(({ type }) => type)).toEqual(["program.started", "program.finished"]);
  expect(washer.salt_pct).toBeLessThan(before.salt_pct);
  expect(washer.rinseAid_pct).toBeLessThan(before.rinseAid_pct);
  expect(events.at(-1)?.data["energy_wh"]).toBeGreaterThan(200);
});

const codes = (events: MachineEvent[], type: string) =>
  events.filter((event) => event.type === type).map(({ data }) => data["code"]);

test("salt that runs low is told once, and cleared when a person fills it up", () => {
  const first = wash("Quick45", { ...newDishwasher(3, fromMs), salt_pct: 11, rinseAid_pct: 90 });
  expect(codes(first.events, "fault.raised")).toEqual(["salt_low"]);
  const second = wash("Quick45", first.washer);
  expect(codes(second.events, "fault.raised")).toEqual([]);
  const filled = refillDishwasher(second.washer);
  expect(codes(filled.events, "fault.cleared")).toEqual(["salt_low"]);
  expect(filled.state.salt_pct).toBe(100);
});

test.each(["no_water", "drain_blocked"] as const)(
  "%s is raised when the phase needs it, and ends the program",
  (fault) => {
    const broken = breakPart(newDishwasher(3, fromMs), fault);
    if (broken.kind !== "dishwasher") throw new Error(broken.kind);
    const { washer, events } = wash("Intensiv70", broken);
    expect(events.map(({ type }) => type)).toEqual(["program.started", "fault.raised", "program.aborted"]);
    expect(events[1]?.data["code"]).toBe(fault);
    expect(startDishwasher(washer, { program: "Eco50" })).toEqual({ kind: "refused", rule: "fault_active" });
  },
);
