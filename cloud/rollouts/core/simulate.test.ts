import { expect, test } from "vitest";
import type { MaintenanceWindow } from "#protocol/maintenance-window.ts";
import { outcomeCount, startedCount } from "./gates.ts";
import { type Gate, memberStates, type Stage } from "./plan.ts";
import { type SimulatedBuild, simulate, type SimulationTerms } from "./simulate.ts";

const minuteMs = 60_000;
const fromMs = Date.UTC(2026, 5, 1, 12);
const terms = (seed: number): SimulationTerms => ({ seed, fromMs, toMs: fromMs + 48 * 60 * minuteMs, tickMs: 10_000 });

/**
 * Lines with room on both sides: three in a hundred lies well above what a good build loses, and far enough below one in ten that those
 * under way, who count as begun, do not hide it.
 */
const gate: Gate = { failureShareMax: 0.03, failuresMax: null, timeoutShareMax: 0.05, sampleMin: 300, metric: null };
const stages: Stage[] = [0.1, 0.3, 1].map((share, at) => ({
  name: `stage ${at}`,
  size: share === 1 ? { kind: "rest" } : { kind: "share", share },
  soakMs: 30 * minuteMs,
  gate,
  next: at === 0 ? "wait_for_approval" : "continue",
}));
const plan = { stages, windows: [], startsPerMinuteMax: 100, autoAssign: false };
const fleet = { devices: 5_000, timeZones: ["Europe/Berlin", "America/New_York"] };
const build: SimulatedBuild = {
  failureShare: 0.01,
  timeoutShare: 0.002,
  offlineShare: 0.1,
  updateMs: { min: 4 * minuteMs, max: 15 * minuteMs },
  failureMs: { min: 4 * minuteMs, max: 15 * minuteMs },
  silenceMs: 60 * minuteMs,
};
const seeds = (count: number) => Array.from({ length: count }, (_, at) => at + 1);

test("a build of which one in ten fails halts by itself within a minute of its gate's sample", () => {
  const afterSampleMs: number[] = [];
  const begun: number[] = [];
  for (const seed of seeds(60)) {
    const { state, stages: course } = simulate(plan, { ...build, failureShare: 0.1 }, fleet, terms(seed));
    expect([seed, state.kind]).toEqual([seed, "halted"]);
    if (state.kind !== "halted") continue;
    afterSampleMs.push(state.haltedAtMs - (course[state.stage]?.sampleAtMs ?? 0));
    begun.push(course.reduce((sum, { tally }) => sum + startedCount(tally), 0));
  }
  const late = afterSampleMs.filter((ms) => ms > minuteMs);
  console.log(
    `one in ten fails: ${afterSampleMs.length} of 60 halted, ${late.length} later than a minute after the sample`,
    `(longest ${Math.max(...afterSampleMs) / 1_000} s); at most ${Math.max(...begun)} of 5,000 had begun`,
  );
  expect(late).toEqual([]);
});

test("of two hundred rollouts of a good build at most two halt", () => {
  const ends: Record<string, number> = {};
  for (const seed of seeds(200)) {
    // Half a per cent to one fail.
    const failureShare = 0.005 + 0.005 * (seed / 200);
    const { state } = simulate(plan, { ...build, failureShare }, fleet, terms(seed));
    ends[state.kind] = (ends[state.kind] ?? 0) + 1;
  }
  console.log("good builds:", ends);
  expect(ends["halted"] ?? 0).toBeLessThanOrEqual(2);
  expect((ends["finished"] ?? 0) + (ends["halted"] ?? 0)).toBe(200);
});

test("a good build whose failures come before its successes is no bad build", () => {
  const early = { ...build, failureMs: { min: 1_000, max: 20_000 } };
  const halted = seeds(50).filter((seed) => simulate(plan, early, fleet, terms(seed)).state.kind === "halted");
  expect(halted).toEqual([]);
});

test("a course is the same for the same seed, loses nobody, and keeps to windows and rate", () => {
  const nights: MaintenanceWindow[] = [{ weekdays: [1, 2, 3, 4, 5, 6, 7], from: "01:00", to: "05:00" }];
  const inNights = { ...plan, windows: nights };
  const once = simulate(inNights, build, fleet, terms(7));
  expect(simulate(inNights, build, fleet, terms(7))).toEqual(once);
  expect(simulate(inNights, build, fleet, terms(8))).not.toEqual(once);
  for (const { members, tally } of once.stages) {
    expect(memberStates.reduce((sum, state) => sum + tally[state], 0)).toBe(members);
  }
  expect(once.stages.map(({ members }) => members)).toEqual([500, 1_500, 3_000]);
  // Noon in summer: Berlin opens eleven hours later, and until then nothing begins.
  const until = (hours: number) =>
    simulate(inNights, build, fleet, { ...terms(7), toMs: fromMs + hours * 60 * minuteMs }).stages;
  expect(until(11).map(({ tally }) => tally.waiting)).toEqual([500, 1_500, 3_000]);
  const [first] = until(11.05);
  expect(first?.tally.waiting).toBeLessThan(500);
  expect(first === undefined ? 0 : outcomeCount(first.tally)).toBe(0);
});
