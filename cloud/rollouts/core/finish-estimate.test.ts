import fc from "fast-check";
import { expect, test } from "vitest";
import { type MaintenanceWindow, windowState } from "#protocol/maintenance-window.ts";
import { type EstimateTerms, type ExpectedFinish, expectedFinish, finishWhy } from "./finish-estimate.ts";
import { type Freeze, frozenCountries, isFrozen } from "./freeze.ts";
import { emptyTally, type Gate, type Stage } from "./plan.ts";
import type { PlannedRollout, StageFleet, WaitingGroup } from "./planner.ts";
import type { RolloutState } from "./rollout.ts";

const at = (text: string): number => Temporal.Instant.from(text).epochMilliseconds;
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const everyDay = [1, 2, 3, 4, 5, 6, 7];
const nights: MaintenanceWindow[] = [{ weekdays: everyDay, from: "01:00", to: "05:00" }];
const now = at("2026-06-01T12:00Z");

const stage = (over: Partial<Stage> = {}): Stage => ({
  name: "all",
  size: { kind: "rest" },
  soakMs: 0,
  gate: null,
  next: "continue",
  ...over,
});
const gateOf = (sampleMin: number): Gate => ({
  failureShareMax: 0.05,
  failuresMax: null,
  timeoutShareMax: null,
  sampleMin,
  metric: null,
});
const running = (of: number, kind: "starting" | "soaking" | "waiting" = "starting", sinceMs = now): RolloutState => ({
  kind: "running",
  startedAtMs: sinceMs,
  progress: { kind, stage: of, sinceMs },
});
const rolloutOf = (
  stages: Stage[],
  state: RolloutState = running(0),
  windows: MaintenanceWindow[] = [],
  startsPerMinuteMax = 100,
): PlannedRollout => ({ plan: { stages, windows, startsPerMinuteMax, autoAssign: false }, state });
const fleet = (waiting: WaitingGroup[], others: Partial<StageFleet["tally"]> = {}): StageFleet => ({
  tally: { ...emptyTally(), ...others, waiting: waiting.reduce((sum, { count }) => sum + count, 0) },
  waiting,
  measured: null,
});
const berlin = (count: number, country: string | null = "DE"): WaitingGroup => ({
  timeZone: "Europe/Berlin",
  country,
  count,
});
const terms: EstimateTerms = { model: "oven-x200", freezes: [], outcomeMs: 10 * minuteMs };
const frozen = (over: Partial<Freeze>): EstimateTerms => ({
  ...terms,
  freezes: [{ id: "f", countries: [], models: [], fromMs: 0, toMs: 0, reason: "r", ...over }],
});

test("without windows a stage takes what its start rate needs, then its outcomes and its soak", () => {
  const rollout = rolloutOf([stage({ soakMs: hourMs, gate: gateOf(1_000) })]);
  expect(expectedFinish(rollout, [fleet([berlin(6_000)])], terms, now)).toEqual({
    kind: "at",
    // The thousandth begins after 10 minutes and is known after 20, when starting is not over.
    finishAtMs: now + 60 * minuteMs + hourMs,
    stageEndsAtMs: [now + 60 * minuteMs + hourMs],
  });
  const strict = rolloutOf([stage({ soakMs: hourMs, gate: gateOf(6_000) })]);
  expect(expectedFinish(strict, [fleet([berlin(6_000)])], terms, now)).toMatchObject({
    finishAtMs: now + 70 * minuteMs + hourMs,
  });
});

const finishOfNights = (from: string, count: number) => {
  const rollout = rolloutOf([stage()], { kind: "scheduled", startAtMs: at(from), approvedBy: null }, nights);
  const found = expectedFinish(rollout, [fleet([berlin(count)])], { ...terms, outcomeMs: 0 }, at(from));
  return found.kind === "at" ? Temporal.Instant.fromEpochMilliseconds(found.finishAtMs).toString() : found.why;
};

test("a night that is too short for all goes on in the next, and in the night of a change of clocks it is as long as it is", () => {
  // 100 a minute in 4 hours: 24,000 a night.
  expect(finishOfNights("2026-06-01T12:00Z", 24_000)).toBe("2026-06-02T03:00:00Z");
  expect(finishOfNights("2026-06-01T12:00Z", 30_000)).toBe("2026-06-03T00:00:00Z");
  // Three hours on 29 March, five on 25 October.
  expect(finishOfNights("2026-03-28T12:00Z", 18_000)).toBe("2026-03-29T03:00:00Z");
  expect(finishOfNights("2026-03-28T12:00Z", 24_000)).toBe("2026-03-30T00:00:00Z");
  expect(finishOfNights("2026-10-24T12:00Z", 30_000)).toBe("2026-10-25T04:00:00Z");
});

test("a freeze is waited out by those whom it reaches, and by nobody else", () => {
  const rollout = rolloutOf([stage()]);
  const toMs = now + 48 * hourMs;
  const finish = (country: string | null, of: Partial<Freeze>) => {
    const found = expectedFinish(rollout, [fleet([berlin(100, country)])], frozen({ toMs, ...of }), now);
    return found.kind === "at" ? found.finishAtMs - terms.outcomeMs - minuteMs : found.why;
  };
  expect(finish("DE", {})).toBe(toMs);
  expect(finish("DE", { countries: ["DE"] })).toBe(toMs);
  expect(finish("FR", { countries: ["DE"] })).toBe(now);
  expect(finish(null, { countries: ["DE"] })).toBe(now);
  expect(finish("DE", { models: ["hob-i60"] })).toBe(now);
  expect(finish("DE", { toMs: now + 400 * 24 * hourMs })).toBe("never_opens");
});

const why = (found: ExpectedFinish) => (found.kind === "unknown" ? [found.why, found.stage] : found.kind);

test("where nobody can say, the reason and the stage are given", () => {
  const stages = [stage({ next: "wait_for_approval" }), stage()];
  const there = [fleet([berlin(100)]), fleet([berlin(100)])];
  const of = (state: RolloutState) => why(expectedFinish(rolloutOf(stages, state), there, terms, now));
  expect(of({ kind: "draft" })).toEqual(["waits_for_approval", 0]);
  expect(of({ kind: "awaiting_approval", submittedBy: "staff:1", submittedAtMs: now })).toEqual([
    "waits_for_approval",
    null,
  ]);
  expect(of({ kind: "scheduled", startAtMs: null, approvedBy: null })).toEqual(["waits_for_start", null]);
  expect(of(running(0, "waiting"))).toEqual(["waits_for_approval", 0]);
  expect(of(running(1))).toBe("at");
  expect(of({ kind: "finished", startedAtMs: 0, finishedAtMs: now })).toEqual(["over", null]);
  expect(of({ kind: "aborted", abortedAtMs: now, by: "staff:1", reason: "r" })).toEqual(["over", null]);

  const never = rolloutOf([stage(), stage()], running(0), [{ weekdays: [1], from: "03:00", to: "03:00" }]);
  expect(why(expectedFinish(never, there, terms, now))).toEqual(["never_opens", 0]);
  // A minute a week at one a minute.
  const slow = rolloutOf([stage()], running(0), [{ weekdays: [1], from: "03:00", to: "03:01" }], 1);
  expect(why(expectedFinish(slow, there, terms, now))).toEqual(["too_far", 0]);
  const many = [fleet([berlin(1_000_000)])];
  expect(why(expectedFinish(rolloutOf([stage()], running(0), nights, 1), many, terms, now))).toEqual(["too_far", 0]);
  // What comes before the stage that waits for a person is known.
  expect(expectedFinish(rolloutOf(stages), there, terms, now).stageEndsAtMs).toEqual([now + minuteMs, null]);
});

test("the reason is a sentence that names the stage", () => {
  const stages = [stage({ name: "ring 0", next: "wait_for_approval" }), stage()];
  const found = expectedFinish(rolloutOf(stages), [fleet([berlin(1)]), fleet([berlin(1)])], terms, now);
  expect(finishWhy(found, stages)).toBe('The rollout waits for an approval at the stage "ring 0".');
  expect(finishWhy({ kind: "unknown", why: "over", stage: null, stageEndsAtMs: [] }, stages)).toBe(
    "The rollout is over.",
  );
});

test("a stage that soaks is watched from when it began to", () => {
  const rollout = (sinceMs: number) => rolloutOf([stage({ soakMs: hourMs })], running(0, "soaking", sinceMs));
  const there = [fleet([], { done: 100 })];
  expect(expectedFinish(rollout(now - 20 * minuteMs), there, terms, now)).toMatchObject({
    finishAtMs: now + 40 * minuteMs,
  });
  expect(expectedFinish(rollout(now - 2 * hourMs), there, terms, now)).toMatchObject({ finishAtMs: now });
  // Somebody still installs: the rollout is not over before.
  const busy = [fleet([], { done: 100, started: 1 })];
  expect(expectedFinish(rollout(now - 2 * hourMs), busy, terms, now)).toMatchObject({
    finishAtMs: now + 10 * minuteMs,
  });
});

test("a soak of months and twenty stages are no work", () => {
  const soakMs = 90 * 24 * hourMs;
  const stages = Array.from({ length: 20 }, () => stage({ soakMs }));
  const there = stages.map(() => fleet([berlin(100)]));
  expect(expectedFinish(rolloutOf(stages), there, terms, now)).toMatchObject({
    kind: "at",
    finishAtMs: now + 20 * (soakMs + minuteMs),
  });
});

/** The same, minute by minute: slow, and simple enough to be believed. */
function simulated(
  rollout: PlannedRollout,
  stages: readonly StageFleet[],
  { freezes, model, outcomeMs }: EstimateTerms,
): number {
  const { plan } = rollout;
  const perMs = plan.startsPerMinuteMax / minuteMs;
  const known = new Map<string, { open: boolean; untilMs: number }>();
  const isOpen = (zone: string, ms: number) => {
    let state = known.get(zone);
    if (state === undefined || ms >= state.untilMs) {
      const { open, changesAtMs } = windowState(plan.windows, zone, ms);
      state = { open, untilMs: changesAtMs ?? ms + minuteMs };
      known.set(zone, state);
    }
    return state.open;
  };
  let ms = now;
  let lastOutcomeMs = now;
  for (const [index, { soakMs, gate }] of plan.stages.entries()) {
    const left = (stages[index]?.waiting ?? []).map((group) => ({ ...group }));
    const all = left.reduce((sum, { count }) => sum + count, 0);
    const wanted = gate === null ? 0 : Math.min(gate.sampleMin, all);
    let [begun, sampleMs, lastMs] = [0, ms, ms];
    while (left.some(({ count }) => count > 0)) {
      const endMs = Math.floor(ms / minuteMs) * minuteMs + minuteMs;
      const frozenNow = frozenCountries(freezes, model, Math.floor(ms));
      const able = left.filter(
        ({ timeZone, country, count }) =>
          count > 0 && isOpen(timeZone, Math.floor(ms)) && !isFrozen(frozenNow, country),
      );
      const sum = able.reduce((total, { count }) => total + count, 0);
      // What rounding leaves of an appliance does not wait for the next night.
      const room = perMs * (endMs - ms);
      const taken = sum <= room + 1e-6 ? sum : room;
      if (taken > 0 && begun < wanted && begun + taken >= wanted - 1e-6) sampleMs = ms + (wanted - begun) / perMs;
      if (taken > 0) lastMs = ms + taken / perMs;
      begun += taken;
      for (const group of able) group.count = taken === sum ? 0 : group.count * (1 - taken / sum);
      ms = taken === sum && left.every(({ count }) => count === 0) ? lastMs : endMs;
    }
    if (all > 0) lastOutcomeMs = Math.max(lastOutcomeMs, lastMs + outcomeMs);
    ms = Math.max(lastMs, wanted > 0 ? sampleMs + outcomeMs : ms) + soakMs;
  }
  return Math.max(ms, lastOutcomeMs);
}

const zones = ["Europe/Berlin", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Australia/Lord_Howe"];
const anyWindow = fc.constantFrom<MaintenanceWindow>(
  { weekdays: everyDay, from: "01:00", to: "05:00" },
  { weekdays: [1, 3, 5], from: "23:30", to: "00:45" },
  { weekdays: everyDay, from: "02:00", to: "02:10" },
  { weekdays: [6, 7], from: "00:00", to: "24:00" },
);
const anyGroup = fc.record({
  timeZone: fc.constantFrom(...zones),
  country: fc.constantFrom("DE", "FR", null),
  count: fc.nat(3_000),
});
const anyStage = fc.record({
  waiting: fc.array(anyGroup, { maxLength: 4 }),
  soakMs: fc.nat(3 * 24 * 60).map((minutes) => minutes * minuteMs),
  sampleMin: fc.option(fc.nat(2_000)),
});
const anyFreeze = fc
  .record({
    countries: fc.subarray(["DE", "FR"]),
    models: fc.constantFrom<string[]>([], ["oven-x200"], ["hob-i60"]),
    fromMinutes: fc.integer({ min: -1_000, max: 10_000 }),
    minutes: fc.integer({ min: 1, max: 4_000 }),
  })
  .map(({ countries, models, fromMinutes, minutes }): Freeze => {
    const fromMs = now + fromMinutes * minuteMs;
    return { id: "f", countries, models, fromMs, toMs: fromMs + minutes * minuteMs, reason: "r" };
  });

test("what is expected is what a minute-by-minute simulation gives", () => {
  fc.assert(
    fc.property(
      fc.array(anyStage, { minLength: 1, maxLength: 3 }),
      fc.array(anyWindow, { maxLength: 2 }),
      fc.array(anyFreeze, { maxLength: 3 }),
      fc.integer({ min: 5, max: 500 }),
      fc.nat(120),
      (parts, windows, freezes, rate, outcomeMinutes) => {
        const stages = parts.map(({ soakMs, sampleMin }) =>
          stage({ soakMs, gate: sampleMin === null ? null : gateOf(sampleMin) }),
        );
        const there = parts.map(({ waiting }) => fleet(waiting));
        const rollout = rolloutOf(stages, running(0), windows, rate);
        const of = { ...terms, freezes, outcomeMs: outcomeMinutes * minuteMs };
        const found = expectedFinish(rollout, there, of, now);
        if (found.kind === "unknown") throw new Error(`nobody can say: ${found.why}`);
        expect(Math.abs(found.finishAtMs - simulated(rollout, there, of))).toBeLessThan(5);
      },
    ),
    { numRuns: 100 },
  );
});
