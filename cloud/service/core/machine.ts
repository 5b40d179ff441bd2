import type { z } from "zod";
import { absence } from "./operators/absence.ts";
import { accumulateOperator } from "./operators/accumulate.ts";
import { countOperator } from "./operators/count.ts";
import type { Effect, Mark, MarkOperator, Phase, Stepped } from "./operators/operator.ts";
import { ordered, type Ordered } from "./operators/ordered.ts";
import { sequenceOperator } from "./operators/sequence.ts";
import { missedEpisode, type TrendOperator, trendOperator, type TrendState, type Window } from "./operators/trend.ts";
import type { MarkRule } from "./marks.ts";

/** A rule's state with a device after a step: what is written, and what follows. */
export interface Moved {
  /** False: the state is what it was. */
  changed: boolean;
  /** Plain JSON. */
  state: unknown;
  phase: Phase;
  /** When the clock must look at it again; null: only when something comes. */
  dueMs: number | null;
  effects: readonly Effect[];
  /** How much came too late to count with this step. */
  tooLate: number;
}

/** A rule over marks, ready. States go in as the database gives them, `undefined` where there is none yet. */
export interface Machine {
  step(state: unknown, mark: Mark, arrivedMs: number): Moved;
  elapse(state: unknown, nowMs: number): Moved;
  /** Trends: the episodes to measure, oldest first, as far as their readings should be there. */
  toMeasure(state: unknown, nowMs: number): readonly Window[];
  /** Trends: the oldest of them was measured. */
  measured(state: unknown, value: number | null): Moved;
  /** How many readings of these times come too late to make what they would have made. */
  missed(state: unknown, times: readonly number[]): number;
}

export function machineOf(rule: MarkRule): Machine {
  switch (rule.kind) {
    case "count":
      return inOrder(countOperator(rule), rule.latenessMs);
    case "sequence":
      return inOrder(sequenceOperator({ ...rule, places: rule.events.length }), rule.latenessMs);
    case "accumulate":
      return inOrder(accumulateOperator(rule), rule.latenessMs);
    case "trend":
      return trendMachine(trendOperator(rule), rule.latenessMs);
    case "absence":
      return absenceMachine(rule.of.kind === "metric" ? rule.forMs + touchMs(rule.forMs) : rule.forMs);
  }
}

/** How often at most the appearance of a metric is noted: the time that its absence is noticed late by. */
export const touchMs = (forMs: number): number => Math.ceil(forMs / 4);

function reader<S>(schema: z.ZodType<S>, start: S): (state: unknown) => S {
  return (state) => (state === undefined ? start : schema.parse(state));
}

const notMeasured = (): never => {
  throw new TypeError("only trends are measured");
};

function inOrder<S>(operator: MarkOperator<S>, latenessMs: number): Machine {
  const machine = ordered(operator, latenessMs);
  const read = reader(machine.schema, machine.start);
  const moved = (before: Ordered<S>, { state, effects }: Stepped<Ordered<S>>): Moved => ({
    changed: state !== before,
    state,
    phase: machine.phase(state),
    dueMs: machine.dueMs(state),
    effects,
    tooLate: state.tooLate - before.tooLate,
  });
  return {
    step(raw, mark, arrivedMs) {
      const before = read(raw);
      return moved(before, machine.step(before, mark, arrivedMs));
    },
    elapse(raw, nowMs) {
      const before = read(raw);
      return moved(before, machine.elapse(before, nowMs));
    },
    toMeasure: () => [],
    measured: notMeasured,
    missed: () => 0,
  };
}

function trendMachine(operator: TrendOperator, latenessMs: number): Machine {
  const machine = inOrder(operator, latenessMs);
  const { schema, start } = ordered(operator, latenessMs);
  const read = reader<Ordered<TrendState>>(schema, start);
  /**
   * What waits to be measured is due once its marks have waited for the lateness, and its last reading has, too: of a device whose
   * clock runs ahead a little later. So who comes no more than the lateness after its own time is measured with its episode.
   */
  const withDue = (moved: Moved): Moved => {
    const { inner, arrivedMs } = read(moved.state);
    const [first] = inner.toMeasure;
    if (first === undefined) return moved;
    return { ...moved, dueMs: Math.min(moved.dueMs ?? Infinity, Math.max(arrivedMs, first.toMs) + latenessMs) };
  };
  return {
    step: (raw, mark, arrivedMs) => withDue(machine.step(raw, mark, arrivedMs)),
    elapse: (raw, nowMs) => withDue(machine.elapse(raw, nowMs)),
    toMeasure: (raw, nowMs) => read(raw).inner.toMeasure.filter(({ toMs }) => toMs + latenessMs <= nowMs),
    missed: (raw, times) => times.filter((atMs) => missedEpisode(read(raw).inner, atMs)).length,
    measured(raw, value) {
      const before = read(raw);
      const { state: inner, effects } = operator.measured(before.inner, value);
      const state = { ...before, inner };
      const dueMs = state.waiting.length === 0 ? null : state.arrivedMs + latenessMs;
      return withDue({ changed: true, state, phase: inner.phase, dueMs, effects, tooLate: 0 });
    },
  };
}

function absenceMachine(forMs: number): Machine {
  const operator = absence(forMs);
  const read = reader(operator.schema, operator.start);
  type State = ReturnType<typeof read>;
  const moved = (before: State, { state, effects, tooLate = 0 }: Stepped<State>): Moved => ({
    changed: state !== before,
    state,
    phase: state.phase,
    dueMs: operator.dueMs(state),
    effects,
    tooLate,
  });
  return {
    step(raw, mark) {
      const before = read(raw);
      return moved(before, operator.step(before, mark));
    },
    elapse(raw, nowMs) {
      const before = read(raw);
      return moved(before, operator.elapse(before, nowMs));
    },
    toMeasure: () => [],
    measured: notMeasured,
    missed: (raw, times) => times.filter((atMs) => operator.missed(read(raw), atMs)).length,
  };
}
