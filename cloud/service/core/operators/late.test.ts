/** Each operator alone: what comes late makes what it makes in time, or is said to be too late. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { absence } from "./absence.ts";
import { accumulateOperator } from "./accumulate.ts";
import { countOperator } from "./count.ts";
import { evaluateFault, type FaultSignal, neverFaulty } from "./fault.ts";
import {
  type Driven,
  type Frozen,
  frozenState,
  type FrozenState,
  missedDriven,
  neverDriven,
  stepFrozen,
} from "./frozen.ts";
import type { Effect, Mark, MarkOperator } from "./operator.ts";
import { ordered } from "./ordered.ts";
import { sequenceOperator } from "./sequence.ts";
import { isWithin, type Span, spansMax, withSpan } from "./spans.ts";
import { evaluate, missed, neverSeen, thresholdState, type Threshold, type Value } from "./threshold.ts";
import { missedEpisode, trendOperator } from "./trend.ts";

interface Found {
  effects: readonly (readonly [string, number])[];
  tooLate: number;
}

const told = (effects: readonly Effect[]) => effects.map(({ kind, atMs }) => [kind, atMs] as const);
const inOrderOf = (effects: Found["effects"]) => effects.toSorted(([, a], [, b]) => a - b);

/** Things of distinct times, and the places at which they come: mostly in order. */
const arrivals = <T extends object>(of: fc.Arbitrary<T>, gapMsMax: number) =>
  fc
    .array(fc.tuple(of, fc.integer({ min: 1, max: gapMsMax }), fc.oneof(fc.constant(0), fc.constant(0), fc.nat(30))), {
      maxLength: 40,
    })
    .map((items) => {
      let atMs = 1_000;
      const inTime = items.map(([one, gapMs, delay], place) => ({
        ...one,
        atMs: (atMs += gapMs),
        order: place + delay + 0.5 * Math.sign(delay),
      }));
      return { inTime, late: inTime.toSorted((a, b) => a.order - b.order) };
    });

/** The same as in time; or told as too late, and in time nothing is. */
function sameOrSaid<T>(run: (given: readonly T[]) => Found, { inTime, late }: { inTime: T[]; late: T[] }): void {
  const [expected, actual] = [run(inTime), run(late)];
  expect(expected.tooLate).toBe(0);
  if (actual.tooLate === 0) expect(inOrderOf(actual.effects)).toEqual(inOrderOf(expected.effects));
}

test("threshold: however late, and of however many times beyond the limit", () => {
  const rule: Threshold = { metric: "cavity_c", direction: "above", limit: 290, clearAt: 270, holdMs: 20 };
  const run = (given: readonly Value[]): Found => {
    let [state, judgedUntilMs, tooLate] = [neverSeen, 0, 0];
    const effects: Effect[] = [];
    for (const reading of given) {
      if (missed(rule, state, reading, judgedUntilMs)) tooLate += 1;
      const stepped = evaluate(rule, state, reading);
      state =
        stepped.state.lastAtMs === -Infinity
          ? stepped.state
          : thresholdState.parse(JSON.parse(JSON.stringify(stepped.state)));
      effects.push(...stepped.effects);
      judgedUntilMs = Math.max(judgedUntilMs, reading.atMs);
    }
    return { effects: told(effects), tooLate };
  };
  const value = fc.record({ value: fc.constantFrom(260, 270, 280, 290, 291, 300, 300) });
  fc.assert(
    fc.property(arrivals(value, 15), (given) => sameOrSaid(run, given)),
    { numRuns: 3_000 },
  );
});

test("frozen: however late, of a sensor that moves by more than its noise", () => {
  const rule: Frozen = {
    metric: "cavity_c",
    withinDelta: 0.5,
    holdMs: 40,
    driver: { metric: "power_w", above: 500 },
    readingsMin: 3,
  };
  const run = (given: readonly Driven[]): Found => {
    let state: FrozenState = neverDriven;
    let [judgedUntilMs, tooLate] = [0, 0];
    const effects: Effect[] = [];
    for (const reading of given) {
      if (missedDriven(rule, state, reading, judgedUntilMs)) tooLate += 1;
      const stepped = stepFrozen(rule, state, reading);
      state = frozenState.parse(JSON.parse(JSON.stringify(stepped.state)));
      effects.push(...stepped.effects);
      judgedUntilMs = Math.max(judgedUntilMs, reading.atMs);
    }
    return { effects: told(effects), tooLate };
  };
  const driven = fc.record({ value: fc.constantFrom(60, 60, 60, 80), driver: fc.constantFrom(0, 900, 900, 900) });
  fc.assert(
    fc.property(arrivals(driven, 15), (given) => sameOrSaid(run, given)),
    { numRuns: 3_000 },
  );
});

const faults = (given: readonly FaultSignal[]): Found => {
  let [state, tooLate] = [neverFaulty, 0];
  const effects: [string, number][] = [];
  for (const signal of given) {
    const stepped = evaluateFault(state, signal);
    ({ state } = stepped);
    tooLate += stepped.tooLate ?? 0;
    if (stepped.effect !== null) effects.push([stepped.effect, signal.atMs]);
  }
  return { effects, tooLate };
};

test("fault: an older word than the newest is too late", () => {
  const signal = fc.record({ kind: fc.constantFrom<FaultSignal["kind"]>("raised", "cleared") });
  fc.assert(fc.property(arrivals(signal, 15), (given) => sameOrSaid(faults, given)));
});

test("absence: the clock looks at every moment, and what it could not know is said", () => {
  const operator = absence(50);
  interface Come {
    atMs: number;
    comesMs: number;
  }
  const run = (given: readonly Come[]): Found => {
    let { start: state } = operator;
    let tooLate = 0;
    const effects: Effect[] = [];
    const take = (stepped: ReturnType<typeof operator.step>) => {
      state = operator.schema.parse(JSON.parse(JSON.stringify(stepped.state)));
      effects.push(...stepped.effects);
      tooLate += stepped.tooLate ?? 0;
    };
    for (const { atMs, comesMs } of given.toSorted((a, b) => a.comesMs - b.comesMs)) {
      take(operator.elapse(state, comesMs - 1));
      take(operator.step(state, { id: `e${atMs}`, atMs, type: "t", roles: ["seen"], amount: 1 }));
    }
    take(operator.elapse(state, 1e6));
    return { effects: told(effects), tooLate };
  };
  const come = fc.tuple(fc.integer({ min: 1, max: 120 }), fc.oneof(fc.constant(0), fc.constant(0), fc.nat(400)));
  fc.assert(
    fc.property(fc.array(come, { maxLength: 30 }), (items) => {
      let atMs = 1_000;
      const late = items.map(([gapMs, delayMs]): Come => ({ atMs: (atMs += gapMs), comesMs: atMs + delayMs }));
      const inTime = late.map((one) => ({ ...one, comesMs: one.atMs }));
      sameOrSaid(run, { inTime, late });
    }),
    { numRuns: 2_000 },
  );
});

const markOperators: [string, string[], MarkOperator<unknown>][] = [
  ["count", ["count"], countOperator({ count: 3, windowMs: 60, quietMs: 90 })],
  ["sequence", ["0", "1", "2", "without"], sequenceOperator({ places: 3, withinMs: 90, clearAfterMs: 200 })],
  ["accumulate", ["add", "add", "add", "reset"], accumulateOperator({ limit: 5 })],
];

/** What an operator makes of marks in the order in which they come. */
function ofMarks(operator: MarkOperator<unknown>, given: readonly Mark[]): Found {
  const machine = ordered(operator, 20);
  let { start: state } = machine;
  const effects: Effect[] = [];
  for (const mark of given) {
    const stepped = machine.step(state, mark, 1_000);
    ({ state } = stepped);
    effects.push(...stepped.effects);
  }
  for (let due = machine.dueMs(state); due !== null; due = machine.dueMs(state)) {
    const stepped = machine.elapse(state, due);
    ({ state } = stepped);
    effects.push(...stepped.effects);
  }
  return { effects: told(effects), tooLate: state.tooLate };
}

test.each(markOperators)(
  "%s: what is later than it waits for is said where it is not taken as in time",
  (_name, roles, operator) => {
    const run = (given: readonly Mark[]) => ofMarks(operator, given);
    const mark = fc
      .record({ role: fc.constantFrom(...roles), amount: fc.integer({ min: 1, max: 3 }), id: fc.uuid() })
      .map(({ role, ...rest }) => ({ ...rest, type: "t", roles: [role] }));
    fc.assert(
      fc.property(arrivals(mark, 30), (given) => sameOrSaid(run, given)),
      { numRuns: 1_000 },
    );
  },
);

test("count: of what two tell of, however late the second, it counts each once, at the time that the first of them said", () => {
  const withinMs = 10;
  const operator = countOperator({ count: 3, windowMs: 200, quietMs: 90, alsoToldBy: { withinMs } });
  const happening = fc.record({
    gapMs: fc.integer({ min: 35, max: 80 }),
    alsoMs: fc.option(fc.integer({ min: 1 - withinMs, max: withinMs - 1 })),
    delay: fc.oneof(fc.constant(0), fc.nat(6)),
  });
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 12 }), (all) => {
      let atMs = 1_000;
      const marks = all.flatMap(({ gapMs, alsoMs, delay }, place) => {
        atMs += gapMs;
        const one = { atMs, id: `a${place}`, type: "a", roles: ["count"], amount: 1, order: place };
        const other = { ...one, id: `b${place}`, type: "b", order: place + delay + 0.5 };
        return alsoMs === null ? [one] : [one, { ...other, atMs: atMs + alsoMs }];
      });
      const expected = ofMarks(
        operator,
        marks.toSorted((a, b) => a.atMs - b.atMs),
      );
      const actual = ofMarks(
        operator,
        marks.toSorted((a, b) => a.order - b.order),
      );
      expect(expected.tooLate).toBe(0);
      if (actual.tooLate > 0) return;
      expect(actual.effects.map(([kind]) => kind)).toEqual(expected.effects.map(([kind]) => kind));
      for (const [place, [, foundMs]] of actual.effects.entries())
        expect(Math.abs(foundMs - (expected.effects[place]?.[1] ?? 0))).toBeLessThan(withinMs);
    }),
    { numRuns: 1_000 },
  );
});

test("trend: a reading is too late for every episode that was measured, and for none that was not", () => {
  const operator = trendOperator({
    baselineEpisodes: 3,
    episodes: 2,
    share: 0.2,
    direction: "below",
    episodeMsMax: 300,
  });
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 2, maxLength: 60 }), (gaps) => {
      let { start: state } = operator;
      let atMs = 1_000;
      const ends = gaps.map((gapMs) => (atMs += gapMs));
      for (const [at, end] of ends.entries()) {
        const roles = [at % 2 === 0 ? "from" : "to"];
        ({ state } = operator.step(state, { id: `e${at}`, atMs: end, type: "t", roles, amount: 1 }));
      }
      const waiting = state.toMeasure;
      for (const { fromMs } of waiting) expect(missedEpisode(state, fromMs)).toBe(false);
      while (state.toMeasure.length > 0) ({ state } = operator.measured(state, 1));
      for (const { fromMs, toMs } of waiting)
        for (const one of [fromMs, toMs, (fromMs + toMs) / 2]) expect(missedEpisode(state, one)).toBe(true);
      expect(missedEpisode(state, atMs + 1)).toBe(false);
    }),
  );
});

test("spans: their number is bounded, and nothing that was in one is in none", () => {
  const span = fc.record({ fromMs: fc.nat(10_000), length: fc.nat(300) });
  fc.assert(
    fc.property(fc.array(span, { maxLength: 40 }), (given) => {
      const all = given.map(({ fromMs, length }): Span => ({ fromMs, toMs: fromMs + length }));
      const known = all.reduce<Span[]>((before, next) => withSpan(before, next), []);
      expect(known.length).toBeLessThanOrEqual(spansMax);
      for (const { fromMs, toMs } of all)
        expect([isWithin(known, fromMs), isWithin(known, toMs)]).toEqual([true, true]);
    }),
  );
});
