import fc from "fast-check";
import { expect, test } from "vitest";
import { absence } from "./absence.ts";
import { accumulateOperator } from "./accumulate.ts";
import { countOperator } from "./count.ts";
import { type Frozen, type FrozenState, neverDriven, stepFrozen } from "./frozen.ts";
import type { Effect, Mark, MarkOperator } from "./operator.ts";
import { ordered } from "./ordered.ts";
import { sequenceOperator } from "./sequence.ts";
import { median, trendOperator } from "./trend.ts";

const mark = (atMs: number, ...roles: string[]): Mark => ({ id: `e${atMs}`, atMs, type: "t", roles, amount: 1 });
const times = fc.uniqueArray(fc.nat(600), { maxLength: 40 }).map((all) => all.toSorted((a, b) => a - b));

function run<S>(operator: MarkOperator<S>, marks: readonly Mark[]): Effect[] {
  let { start: state } = operator;
  const effects: Effect[] = [];
  for (const next of marks) {
    for (let due = operator.dueMs(state); due !== null && due <= next.atMs; due = operator.dueMs(state)) {
      const elapsed = operator.elapse(state, due);
      ({ state } = elapsed);
      effects.push(...elapsed.effects);
    }
    const stepped = operator.step(state, next);
    ({ state } = stepped);
    effects.push(...stepped.effects);
  }
  return effects;
}

test("count: a cause comes with the first event that completes its window, and goes when it was quiet", () => {
  const [count, windowMs, quietMs] = [3, 60, 90];
  fc.assert(
    fc.property(times, (all) => {
      // By the definition, and slowly.
      const expected: [string, number][] = [];
      let [since, holding] = [-Infinity, false];
      for (const [place, atMs] of all.entries()) {
        const lastMs = all[place - 1] ?? -Infinity;
        if (holding && atMs >= lastMs + quietMs) {
          expected.push(["clear", lastMs + quietMs]);
          [holding, since] = [false, lastMs];
        }
        const within = all.filter((one) => one > atMs - windowMs && one <= atMs && one > since).length;
        if (!holding && within >= count) {
          expected.push(["raise", atMs]);
          holding = true;
        }
      }
      const effects = run(
        countOperator({ count, windowMs, quietMs }),
        all.map((atMs) => mark(atMs, "count")),
      );
      expect(effects.map(({ kind, atMs }) => [kind, atMs])).toEqual(expected);
    }),
  );
});

/** Connections that were lost, far enough apart to be told apart: when the gateway noticed, and when the appliance told of it. */
const drops = fc.array(
  fc
    .record({
      apart: fc.integer({ min: 12, max: 40 }),
      noticed: fc.option(fc.integer({ min: 0, max: 5 })),
      told: fc.option(fc.integer({ min: 0, max: 11 })),
    })
    .filter(({ noticed, told }) => noticed !== null || told !== null),
  { maxLength: 12 },
);

const kindsOf = (found: readonly Effect[]) => found.map(({ kind }) => kind);

test("count: a happening that two tell of counts once, whoever tells first, and however late the other", () => {
  const rule = { count: 3, windowMs: 100, quietMs: 120, alsoToldBy: { withinMs: 5 } };
  fc.assert(
    fc.property(drops, fc.nat(4), (all, latenessMs) => {
      const arrivals: { mark: Mark; arrivedMs: number }[] = [];
      const once: Mark[] = [];
      let atMs = 1_000;
      for (const { apart, noticed, told } of all) {
        atMs += apart;
        const by = (type: string, at: number): Mark => ({ ...mark(at, "count"), id: `${type} ${at}`, type });
        if (noticed !== null) arrivals.push({ mark: by("closed", atMs + noticed), arrivedMs: atMs + noticed });
        // It says so when it is back, and means when it was lost.
        if (told !== null) arrivals.push({ mark: by("restored", atMs), arrivedMs: atMs + told });
        once.push(mark(told === null ? atMs + (noticed ?? 0) : atMs, "count"));
      }
      const operator = ordered(countOperator(rule), latenessMs);
      let { start: state } = operator;
      const effects: Effect[] = [];
      for (const { mark: next, arrivedMs } of arrivals.toSorted((a, b) => a.arrivedMs - b.arrivedMs)) {
        const stepped = operator.step(state, next, arrivedMs);
        ({ state } = stepped);
        effects.push(...stepped.effects);
      }
      effects.push(...operator.elapse(state, 1e6).effects);
      const expected = run(countOperator(rule), [...once, mark(1e6, "count")]);
      expect(kindsOf(effects)).toEqual(kindsOf(expected));
      expect(state.tooLate).toBe(0);
    }),
    { numRuns: 500 },
  );
});

test("sequence: it is found exactly where three events follow one another in time with nothing forbidden between", () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.constantFrom("0", "1", "2", "without")), {
    maxLength: 14,
  });
  fc.assert(
    fc.property(steps, (items) => {
      let atMs = 0;
      const marks = items.map(([gapMs, role]) => mark((atMs += gapMs), role));
      const first = marks.findIndex((third, c) =>
        marks.some((one, a) =>
          marks.some((two, b) => {
            const played = [one, two, third].map(({ roles: [role] }) => role).join("");
            const between = marks.slice(a, c).every(({ roles }) => !roles.includes("without"));
            return a < b && b < c && played === "012" && between && third.atMs - one.atMs <= 90;
          }),
        ),
      );
      const effects = run(sequenceOperator({ places: 3, withinMs: 90, clearAfterMs: 1e9 }), marks);
      expect(effects.map((effect) => effect.atMs)).toEqual(first === -1 ? [] : [marks[first]?.atMs]);
    }),
    { numRuns: 500 },
  );
});

test("absence: whatever the order in which things appear, the newest decides, and the clock raises it once", () => {
  const silence = absence(100);
  fc.assert(
    fc.property(fc.array(fc.nat(1_000), { minLength: 1 }), (all) => {
      let state = silence.start;
      for (const atMs of all) ({ state } = silence.step(state, mark(atMs, "seen")));
      const newestMs = Math.max(...all);
      expect(silence.dueMs(state)).toBe(newestMs + 100);
      expect(silence.elapse(state, newestMs + 99).effects).toEqual([]);
      const raised = silence.elapse(state, newestMs + 5_000);
      expect(raised.effects).toMatchObject([{ kind: "raise", atMs: newestMs + 100 }]);
      expect(silence.dueMs(raised.state)).toBeNull();
      expect(silence.elapse(raised.state, newestMs + 9_000).effects).toEqual([]);
      expect(silence.step(raised.state, mark(newestMs, "seen")).effects).toEqual([]);
      expect(silence.step(raised.state, mark(newestMs + 1, "seen")).effects).toMatchObject([{ kind: "clear" }]);
    }),
  );
});

const frozenRule: Frozen = {
  metric: "cavity_c",
  withinDelta: 0.5,
  holdMs: 100,
  driver: { metric: "power_w", above: 1_000 },
  readingsMin: 4,
};

test("frozen: it is raised only after readings that did not move and were driven all the hold time, without a gap", () => {
  const reading = fc.record({
    gapMs: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.constantFrom(50, 51)),
    value: fc.constantFrom(180, 180.5, 181),
    driver: fc.constantFrom(2_000, 2_000, 2_000, 0),
  });
  let raised = 0;
  fc.assert(
    fc.property(fc.array(reading, { maxLength: 60 }), (items) => {
      let [atMs, state]: [number, FrozenState] = [0, neverDriven];
      const all = items.map(({ gapMs, ...rest }) => ({ ...rest, atMs: (atMs += gapMs) }));
      const kinds: string[] = [];
      for (const next of all) {
        const outcome = stepFrozen(frozenRule, state, next);
        expect(stepFrozen(frozenRule, outcome.state, next)).toEqual({ state: outcome.state, effects: [] });
        ({ state } = outcome);
        kinds.push(...outcome.effects.map(({ kind }) => kind));
        const [effect] = outcome.effects;
        if (effect?.kind !== "raise") continue;
        raised += 1;
        const sinceMs = effect.trace.readings[0]?.atMs ?? 0;
        const held = all.filter((one) => one.atMs >= sinceMs && one.atMs <= next.atMs);
        expect(next.atMs - sinceMs).toBeGreaterThanOrEqual(frozenRule.holdMs);
        expect(held.length).toBeGreaterThanOrEqual(frozenRule.readingsMin);
        expect(held.every(({ driver }) => driver > 1_000)).toBe(true);
        const values = held.map(({ value }) => value);
        expect(Math.max(...values) - Math.min(...values)).toBeLessThanOrEqual(0.5);
        for (const [place, one] of held.slice(1).entries())
          expect(one.atMs - (held[place]?.atMs ?? 0)).toBeLessThanOrEqual(50);
      }
      expect(kinds).toEqual(kinds.map((_kind, place) => (place % 2 === 0 ? "raise" : "clear")));
    }),
    { numRuns: 1_000 },
  );
  expect(raised).toBeGreaterThan(20);
});

const trendRule = {
  baselineEpisodes: 5,
  episodes: 3,
  share: 0.2,
  direction: "below",
  episodeMsMax: 1_000,
} as const;

/** Episodes with these numbers, one after the other. */
function measureAll(values: readonly (number | null)[]): Effect[] {
  const operator = trendOperator(trendRule);
  let { start: state } = operator;
  const effects: Effect[] = [];
  for (const [place, value] of values.entries()) {
    for (const next of [mark(place * 1_000 + 1, "from"), mark(place * 1_000 + 500, "to")])
      ({ state } = operator.step(state, next));
    const outcome = operator.measured(state, value);
    ({ state } = outcome);
    effects.push(...outcome.effects);
  }
  return effects;
}

test("trend: it is raised only when each of the last episodes deviates from the baseline's median by the share", () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer({ min: 50, max: 120 })), { maxLength: 40 }), (values) => {
      const told = values.filter((value) => value !== null);
      const middle = median(told.slice(0, 5));
      for (const { kind, trace } of measureAll(values)) {
        expect(trace.baseline).toMatchObject({ median: middle, episodes: 5 });
        const below = trace.baseline?.last.filter(({ value }) => value < middle * 0.8).length ?? -1;
        // A device that scatters widely by itself is given more room than the share.
        if (kind === "raise") expect(below).toBe(3);
      }
    }),
  );
  const sound = [100, 101, 99, 100, 240];
  expect(measureAll([...sound, 100, 70, 70, 100, 70])).toEqual([]);
  expect(measureAll([...sound, 70, null, 70, 70, 70]).map(({ kind }) => kind)).toEqual(["raise"]);
  expect(measureAll([...sound, 70, 70, 70, 99, 98, 97]).map(({ kind }) => kind)).toEqual(["raise", "clear"]);
});

test("accumulate: numbers as huge as a double can be leave a state that comes back from the database as it was", () => {
  const operator = accumulateOperator({ limit: 100 });
  const marks = [1e308, 1e308, Number.MAX_VALUE].map((amount, at) => ({ ...mark(at, "add"), amount }));
  let { start: state } = operator;
  for (const next of marks) ({ state } = operator.step(state, next));
  expect(operator.schema.parse(JSON.parse(JSON.stringify(state)))).toEqual(state);
});
