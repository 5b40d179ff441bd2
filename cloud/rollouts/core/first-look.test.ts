import { expect, test } from "vitest";
import { startedCount } from "./gates.ts";
import { emptyTally, type Gate, type Tally } from "./plan.ts";
import { plan } from "./planner.ts";
import { simulate } from "./simulate.ts";

const gate: Gate = { failureShareMax: 0.05, failuresMax: null, timeoutShareMax: null, sampleMin: 100, metric: null };
const nowMs = Date.UTC(2026, 5, 1, 12);

/** How many of a stage of 10,000 the planner starts. */
function startedNow(
  tally: Partial<Tally>,
  over: { gate?: Gate | null; startsLastMinute?: number; members?: number; startsPerMinuteMax?: number } = {},
): number {
  const waiting = (over.members ?? 10_000) - Object.values(tally).reduce((sum, count) => sum + count, 0);
  const stage = {
    name: "all",
    size: { kind: "rest" as const },
    soakMs: 0,
    gate: over.gate === undefined ? gate : over.gate,
    next: "continue" as const,
  };
  const steps = plan(
    {
      plan: { windows: [], startsPerMinuteMax: over.startsPerMinuteMax ?? 1_000, autoAssign: false, stages: [stage] },
      state: { kind: "running", startedAtMs: 0, progress: { kind: "starting", stage: 0, sinceMs: 0 } },
    },
    {
      stages: [
        {
          tally: { ...emptyTally(), ...tally, waiting },
          waiting: [{ timeZone: "Europe/Berlin", country: "DE", count: waiting }],
          measured: null,
        },
      ],
      frozen: [],
      startsLastMinute: over.startsLastMinute ?? 0,
      withdrawn: null,
    },
    nowMs,
  );
  return steps.reduce((sum, step) => sum + (step.kind === "start" ? step.limit : 0), 0);
}

test("until the sample of its gate is known, no more of a stage start than a quarter above it", () => {
  expect(startedNow({})).toBe(125);
  expect(startedNow({ offered: 125 }, { startsLastMinute: 125 })).toBe(0);
  expect(startedNow({ started: 80, done: 20 })).toBe(25);
  expect(startedNow({ started: 26, done: 98, failed: 1 })).toBe(0);
  // What another stage started a moment ago, and who has begun since, is not waited for.
  expect(startedNow({}, { startsLastMinute: 500 })).toBe(125);
  expect(startedNow({ offered: 20, started: 60 }, { startsLastMinute: 80 })).toBe(45);
});

test("once it is known the rest start at the plan's rate, and so do those of a stage without a gate", () => {
  expect(startedNow({ started: 25, done: 99, failed: 1 })).toBe(1_000);
  expect(startedNow({}, { gate: null })).toBe(1_000);
});

test("appliances that were offered it and are switched off are not waited for", () => {
  expect(startedNow({ offered: 5_000, started: 3, done: 2 })).toBe(120);
});

test("a bad build is stopped soon after the sample also in a stage far larger than it, before most of it has begun", () => {
  const minuteMs = 60_000;
  const afterMs: number[] = [];
  const begun: number[] = [];
  for (let seed = 1; seed <= 100; seed += 1) {
    const stage = { name: "all", size: { kind: "rest" as const }, soakMs: 0, gate, next: "continue" as const };
    const { state, stages } = simulate(
      { stages: [stage], windows: [], startsPerMinuteMax: 1_000, autoAssign: false },
      {
        failureShare: 0.1,
        timeoutShare: 0.002,
        offlineShare: 0.3,
        updateMs: { min: 4 * minuteMs, max: 15 * minuteMs },
        failureMs: { min: minuteMs, max: 15 * minuteMs },
        silenceMs: 120 * minuteMs,
      },
      { devices: 6_000, timeZones: ["Europe/Berlin"] },
      { seed, fromMs: nowMs, toMs: nowMs + 2_880 * minuteMs, tickMs: 10_000 },
    );
    expect([seed, state.kind]).toEqual([seed, "halted"]);
    if (state.kind === "halted") afterMs.push(state.haltedAtMs - (stages[0]?.sampleAtMs ?? 0));
    begun.push(stages.reduce((sum, { tally }) => sum + startedCount(tally), 0));
  }
  const soon = afterMs.filter((ms) => ms <= minuteMs).length;
  const mean = Math.round(begun.reduce((sum, each) => sum + each, 0) / begun.length);
  console.info(
    `6,000 in one stage, one in ten fails: ${soon} of 100 halt within 60 s of the sample; ${mean} had begun`,
  );
  // By chance a sample of a hundred has five failures or fewer in about one of fifteen.
  expect(soon).toBeGreaterThanOrEqual(80);
  expect(mean).toBeLessThan(1_000);
});

test("however many may start, they do so by portions that one transaction can bear", () => {
  const everybody = { gate: null, members: 3_000_000, startsPerMinuteMax: 1_000_000 };
  expect(startedNow({}, everybody)).toBe(20_000);
  expect(startedNow({}, { ...everybody, startsLastMinute: 990_000 })).toBe(10_000);
});
