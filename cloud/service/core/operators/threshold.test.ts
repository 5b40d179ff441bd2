import fc from "fast-check";
import { expect, test } from "vitest";
import type { Effect } from "./operator.ts";
import { evaluate, missed, neverSeen, type Threshold, type ThresholdState, type Value } from "./threshold.ts";

const rule: Threshold = { metric: "cavity_c", direction: "above", limit: 290, clearAt: 270, holdMs: 20 };

// Values on and beside the limits, and times close enough together to meet each other and the hold time exactly.
const value = fc.oneof(fc.constantFrom(269, 270, 271, 289, 290, 291), fc.integer({ min: 200, max: 350 }));
const reading: fc.Arbitrary<Value> = fc.record({ atMs: fc.oneof(fc.nat(100), fc.nat(2_000)), value });

function run(readings: readonly Value[], start: ThresholdState = neverSeen) {
  let state = start;
  const effects: Effect[] = [];
  for (const next of readings) {
    const outcome = evaluate(rule, state, next);
    state = outcome.state;
    effects.push(...outcome.effects);
  }
  return { state, effects };
}

test("a cause is never raised twice without a clear between, nor cleared twice without a raise", () => {
  fc.assert(
    fc.property(fc.array(reading, { maxLength: 200 }), (readings) => {
      const kinds = run(readings).effects.map((effect) => effect.kind);
      for (const [at, kind] of kinds.entries()) expect(kind).toBe(at % 2 === 0 ? "raise" : "clear");
    }),
  );
});

test("a cause is raised only after readings beyond the limit, and none within it, for the whole hold time", () => {
  fc.assert(
    fc.property(fc.array(reading, { maxLength: 200 }), (readings) => {
      const inOrder = readings.toSorted((a, b) => a.atMs - b.atMs).filter((r, at, all) => all[at - 1]?.atMs !== r.atMs);
      for (const effect of run(inOrder).effects) {
        if (effect.kind !== "raise") continue;
        const since = effect.trace.readings[0]?.atMs ?? Infinity;
        expect(effect.atMs - since).toBeGreaterThanOrEqual(rule.holdMs);
        const between = inOrder.filter((r) => r.atMs >= since && r.atMs <= effect.atMs);
        expect(between.every((r) => r.value > rule.limit)).toBe(true);
      }
    }),
  );
});

test("what is sent again changes nothing, wherever it comes in between", () => {
  fc.assert(
    fc.property(
      fc.array(reading, { maxLength: 60 }),
      fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 60 }),
      (given, again) => {
        const readings = given.toSorted((a, b) => a.atMs - b.atMs).filter((r, at, all) => all[at - 1]?.atMs !== r.atMs);
        const repeated = [...readings];
        for (const [from, gap] of again) {
          const first = repeated[from % Math.max(1, repeated.length)];
          if (first === undefined) continue;
          // Behind its first appearance, at any distance.
          const place = repeated.indexOf(first) + 1;
          repeated.splice(place + (gap % (repeated.length - place + 1)), 0, first);
        }
        expect(run(repeated)).toEqual(run(readings));
      },
    ),
  );
});

test("a reading at or before the last one judged leaves the very same state", () => {
  fc.assert(
    fc.property(fc.array(reading, { maxLength: 60 }), reading, (readings, late) => {
      const { state } = run(readings);
      if (late.atMs <= state.lastAtMs) expect(evaluate(rule, state, late)).toEqual({ state, effects: [] });
    }),
  );
});

const at = (atMs: number, v: number): Value => ({ atMs, value: v });

test("a dip within the hold time starts it anew", () => {
  expect(run([at(0, 300), at(10, 300), at(15, 290), at(16, 300), at(35, 300)]).effects).toEqual([]);
  expect(run([at(0, 300), at(10, 300), at(15, 290), at(16, 300), at(36, 300)]).effects).toHaveLength(1);
});

test("a rule below its limit is the mirror of one above", () => {
  const below: Threshold = { metric: "cavity_c", direction: "below", limit: -290, clearAt: -270, holdMs: 20 };
  fc.assert(
    fc.property(fc.array(reading, { maxLength: 100 }), (readings) => {
      let [up, down]: [ThresholdState, ThresholdState] = [neverSeen, neverSeen];
      for (const r of readings) {
        const [a, b] = [evaluate(rule, up, r), evaluate(below, down, { ...r, value: -r.value })];
        expect(b.effects.map(({ kind }) => kind)).toEqual(a.effects.map(({ kind }) => kind));
        [up, down] = [a.state, b.state];
      }
    }),
  );
});

test("of one time beyond the limit, whatever is told too late and would have been judged otherwise is said to be missed", () => {
  const episode = fc.record({
    inTime: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 12 }),
    late: reading,
  });
  fc.assert(
    fc.property(episode, ({ inTime, late }) => {
      const beyond = [0, ...inTime].map((atMs) => ({ atMs, value: 291 }));
      const told = [...beyond.toSorted((a, b) => a.atMs - b.atMs), { atMs: 61, value: 269 }];
      const isKnown = told.some(({ atMs }) => atMs === late.atMs);
      fc.pre(!isKnown && late.atMs < 61);
      const whole = [...told, late].toSorted((a, b) => a.atMs - b.atMs);
      const kinds = (readings: readonly Value[]) => run(readings).effects.map(({ kind, atMs }) => [kind, atMs]);
      const differs = JSON.stringify(kinds(told)) !== JSON.stringify(kinds(whole));
      if (differs) expect(missed(rule, run(told).state, late)).toBe(true);
    }),
    { numRuns: 500 },
  );
});
