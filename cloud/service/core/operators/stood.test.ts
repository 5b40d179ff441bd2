/** Each operator alone, under a rule that begins anew now and then: what came is told to go, once. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { absence } from "./absence.ts";
import { accumulateOperator } from "./accumulate.ts";
import { countOperator } from "./count.ts";
import { begunAnew, type Frozen, type FrozenState, neverDriven, stepFrozen } from "./frozen.ts";
import type { Effect, Mark, MarkOperator, Phase } from "./operator.ts";
import { sequenceOperator } from "./sequence.ts";
import { trendOperator } from "./trend.ts";

/** Begins anew: true. */
type Turn = true | { role: number; gapMs: number };
const turns = fc.array(
  fc.oneof(
    { weight: 1, arbitrary: fc.constant(true as const) },
    { weight: 5, arbitrary: fc.record({ role: fc.nat(7), gapMs: fc.integer({ min: 1, max: 40 }) }) },
  ),
  { maxLength: 60 },
);

interface Run {
  anew(): void;
  take(atMs: number, role: number): readonly Effect[];
  /** Whatever makes the cause go. */
  end(atMs: number): readonly Effect[];
}

/** @returns how much came and went in all */
function clearsOnce(start: () => Run): number {
  let found = 0;
  fc.assert(
    fc.property(turns, (all: readonly Turn[]) => {
      const run = start();
      let [atMs, stands, isAnew] = [1_000, false, false];
      const look = (effects: readonly Effect[]) => {
        for (const { kind } of effects) {
          // It is told to go only where it came, and comes again only where it went or its rule must find it again.
          if (kind === "clear") expect(stands).toBe(true);
          else expect(stands && !isAnew).toBe(false);
          [stands, isAnew] = [kind === "raise", false];
          found += 1;
        }
      };
      for (const turn of all) {
        if (turn === true) {
          run.anew();
          isAnew = true;
        } else look(run.take((atMs += turn.gapMs), turn.role));
      }
      look(run.end(atMs + 1));
      expect(stands).toBe(false);
    }),
    { numRuns: 1_000 },
  );
  return found;
}

const begun = <S extends { phase: Phase }>(state: S): S =>
  state.phase === "holding" ? { ...state, phase: "idle", stood: true } : state;

/** @param ends roles of what makes the cause go, where time alone does not */
function marked<S extends { phase: Phase }>(operator: MarkOperator<S>, roles: readonly string[], ends?: string): Run {
  let state = operator.start;
  const elapse = (toMs: number): Effect[] => {
    const effects: Effect[] = [];
    for (let due = operator.dueMs(state); due !== null && due <= toMs; due = operator.dueMs(state)) {
      const stepped = operator.elapse(state, due);
      ({ state } = stepped);
      effects.push(...stepped.effects);
    }
    return effects;
  };
  const say = (atMs: number, role: string): Effect[] => {
    const mark: Mark = { id: `e${atMs}`, atMs, type: "t", roles: [role], amount: 1 };
    const before = elapse(atMs);
    const stepped = operator.step(state, mark);
    state = operator.schema.parse(JSON.parse(JSON.stringify(stepped.state)));
    return [...before, ...stepped.effects];
  };
  return {
    anew: () => void (state = begun(state)),
    take: (atMs, role) => say(atMs, roles[role % roles.length] ?? ""),
    end: (atMs) => (ends === undefined ? elapse(Infinity) : say(atMs, ends)),
  };
}

test("count: what came is told to go, once, however often its rule begins anew", () => {
  expect(clearsOnce(() => marked(countOperator({ count: 3, windowMs: 60, quietMs: 90 }), ["count"]))).toBeGreaterThan(
    100,
  );
});

test("sequence: the same", () => {
  expect(
    clearsOnce(() => marked(sequenceOperator({ places: 2, withinMs: 60, clearAfterMs: 100 }), ["0", "1", "without"])),
  ).toBeGreaterThan(100);
});

test("accumulate: the same", () => {
  expect(
    clearsOnce(() => marked(accumulateOperator({ limit: 3 }), ["add", "add", "add", "reset"], "reset")),
  ).toBeGreaterThan(100);
});

test("absence: the same", () => {
  expect(
    clearsOnce(() => {
      const operator = absence(25);
      let state = operator.start;
      const say = (atMs: number): readonly Effect[] => {
        const elapsed = operator.elapse(state, atMs - 1);
        const stepped = operator.step(elapsed.state, { id: "", atMs, type: "t", roles: ["seen"], amount: 1 });
        state = operator.schema.parse(JSON.parse(JSON.stringify(stepped.state)));
        return [...elapsed.effects, ...stepped.effects];
      };
      return { anew: () => void (state = begun(state)), take: say, end: say };
    }),
  ).toBeGreaterThan(100);
});

test("trend: the same", () => {
  const rule = { baselineEpisodes: 3, episodes: 2, share: 0.2, direction: "above", episodeMsMax: 300 } as const;
  expect(
    clearsOnce(() => {
      const operator = trendOperator(rule);
      let state = operator.start;
      const say = (atMs: number, value: number): readonly Effect[] => {
        state = { ...state, toMeasure: [{ fromMs: atMs - 1, toMs: atMs }] };
        const stepped = operator.measured(state, value);
        state = operator.schema.parse(JSON.parse(JSON.stringify(stepped.state)));
        return stepped.effects;
      };
      // A baseline of its own first.
      for (const atMs of [1, 2, 3]) say(atMs, 10);
      return {
        anew: () => void (state = begun(state)),
        take: (atMs, role) => say(atMs, role < 4 ? 20 : 10),
        end: (atMs) => [...say(atMs, 10), ...say(atMs + 1, 10)],
      };
    }),
  ).toBeGreaterThan(100);
});

test("frozen: the same", () => {
  const driver = { metric: "power_w", above: 500 };
  const rule: Frozen = { metric: "cavity_c", withinDelta: 0.5, holdMs: 80, driver, readingsMin: 3 };
  expect(
    clearsOnce(() => {
      let state: FrozenState = neverDriven;
      const say = (atMs: number, value: number): readonly Effect[] => {
        const stepped = stepFrozen(rule, state, { atMs, value, driver: 900 });
        ({ state } = stepped);
        return stepped.effects;
      };
      return {
        anew: () => void (state = begunAnew(state)),
        take: (atMs, role) => say(atMs, role === 0 ? 80 : 60),
        end: (atMs) => say(atMs, 100),
      };
    }),
  ).toBeGreaterThan(100);
});
