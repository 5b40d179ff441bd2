import fc from "fast-check";
import { expect, test } from "vitest";
import { accumulateOperator } from "./accumulate.ts";
import { countOperator } from "./count.ts";
import type { Effect, Mark, MarkOperator } from "./operator.ts";
import { ordered, type Ordered, waitingMax } from "./ordered.ts";
import { sequenceOperator } from "./sequence.ts";
import { trendOperator } from "./trend.ts";

const latenessMs = 50;

/** Times close enough together to meet windows, timers and the lateness itself. */
const marks = (roles: string[]) =>
  fc
    .array(
      fc.record({
        gapMs: fc.oneof(fc.nat(30), fc.constantFrom(0, 49, 50, 51, 100, 400)),
        roles: fc.subarray(roles, { minLength: 1, maxLength: 1 }),
        amount: fc.integer({ min: 1, max: 3 }),
      }),
      { maxLength: 40 },
    )
    .map((items) => {
      let atMs = 1_000;
      return items.map(({ gapMs, roles: played, amount }, at): Mark => {
        atMs += gapMs;
        return { id: `e${String(at).padStart(3, "0")}`, atMs, type: "t", roles: played, amount };
      });
    });

/** The same marks in an order in which none lies more than the lateness behind the newest before it. */
function shuffled(given: readonly Mark[], places: readonly number[]): Mark[] {
  const rest = [...given];
  const out: Mark[] = [];
  let newestMs = 0;
  for (let turn = 0; rest.length > 0; turn += 1) {
    const oldestMs = rest[0]?.atMs ?? 0;
    const possible = rest.filter(({ atMs }) => Math.max(newestMs, atMs) - oldestMs <= latenessMs);
    const next = possible[(places[turn] ?? 0) % possible.length];
    if (next === undefined) throw new Error("the oldest can always come");
    rest.splice(rest.indexOf(next), 1);
    newestMs = Math.max(newestMs, next.atMs);
    out.push(next);
  }
  return out;
}

/** Everything arrives at once, and then nothing more comes for ever. */
function run<S>(operator: MarkOperator<S>, arrivals: readonly Mark[]): { effects: Effect[]; state: Ordered<S> } {
  const machine = ordered(operator, latenessMs);
  let { start: state } = machine;
  const effects: Effect[] = [];
  const take = (outcome: { state: Ordered<S>; effects: readonly Effect[] }) => {
    // What is written to the database is read back as it was.
    state = machine.schema.parse(JSON.parse(JSON.stringify(outcome.state)));
    effects.push(...outcome.effects);
  };
  for (const mark of arrivals) take(machine.step(state, mark, 1_000));
  for (let due = machine.dueMs(state); due !== null; due = machine.dueMs(state)) take(machine.elapse(state, due));
  return { effects, state };
}

/** The operator alone, given marks in order, and time. */
function inOrder<S>(operator: MarkOperator<S>, given: readonly Mark[]): Effect[] {
  let { start: state } = operator;
  const effects: Effect[] = [];
  const take = (outcome: { state: S; effects: readonly Effect[] }) => {
    ({ state } = outcome);
    effects.push(...outcome.effects);
  };
  const elapse = (toMs: number) => {
    for (let due = operator.dueMs(state); due !== null && due <= toMs; due = operator.dueMs(state))
      take(operator.elapse(state, due));
  };
  for (const mark of given) {
    elapse(mark.atMs);
    take(operator.step(state, mark));
  }
  elapse(Infinity);
  return effects;
}

const trend = { baselineEpisodes: 3, episodes: 2, share: 0.2, direction: "below", episodeMsMax: 300 } as const;
const operators: [string, string[], MarkOperator<unknown>][] = [
  ["count", ["count"], countOperator({ count: 3, windowMs: 60, quietMs: 90 })],
  ["sequence", ["0", "1", "2", "without"], sequenceOperator({ places: 3, withinMs: 90, clearAfterMs: 200 })],
  ["accumulate", ["add", "add", "reset"], accumulateOperator({ limit: 5 })],
  ["trend", ["from", "to"], trendOperator(trend)],
];

test.each(operators)(
  "%s: marks in any order within the lateness, and one by one through the database, fire what they fire in order",
  (_name, roles, operator) => {
    fc.assert(
      fc.property(marks(roles), fc.array(fc.nat(), { minLength: 40, maxLength: 40 }), (given, places) => {
        const { effects, state } = run(operator, shuffled(given, places));
        expect(effects).toEqual(inOrder(operator, given));
        expect(state.tooLate).toBe(0);
        const kinds = effects.map(({ kind }) => kind);
        expect(kinds).toEqual(kinds.map((_kind, at) => (at % 2 === 0 ? "raise" : "clear")));
      }),
      { numRuns: 300 },
    );
  },
);

const at = (atMs: number, id = `e${atMs}`): Mark => ({ id, atMs, type: "t", roles: ["count"], amount: 1 });

test("a mark from before what was seen is counted as too late and changes nothing else", () => {
  const { effects, state } = run(countOperator({ count: 2, windowMs: 500, quietMs: 500 }), [
    at(1_000),
    at(2_000),
    at(2_100),
    at(1_100),
  ]);
  expect(state.tooLate).toBe(1);
  expect(effects.map(({ kind, atMs }) => [kind, atMs])).toEqual([
    ["raise", 2_100],
    ["clear", 2_600],
  ]);
});

test("a sum takes what is late all the same", () => {
  const { effects, state } = run(
    accumulateOperator({ limit: 3 }),
    [5_000, 9_000, 1_000].map((atMs) => ({ ...at(atMs), roles: ["add"] })),
  );
  expect(state.tooLate).toBe(0);
  expect(effects).toHaveLength(1);
});

test("however many marks wait, their number is bounded, and none is lost", () => {
  const many = Array.from({ length: 500 }, (_none, n) => at(10_000, `e${String(n).padStart(3, "0")}`));
  const machine = ordered(accumulateOperator({ limit: 500 }), latenessMs);
  let { start: state } = machine;
  for (const mark of many.map((one) => ({ ...one, roles: ["add"] }))) {
    ({ state } = machine.step(state, mark, 1));
    expect(state.waiting.length).toBeLessThanOrEqual(waitingMax);
  }
  expect(machine.elapse(state, 10_000).effects).toHaveLength(1);
});
