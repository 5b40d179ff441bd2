import { z } from "zod";
import { type Effect, mark as markSchema, type Mark, type MarkOperator, type Phase, type Stepped } from "./operator.ts";

/**
 * Puts the marks of one device in the order of their time before an operator sees them.
 *
 *   mark --> waiting --newest - lateness passes it, or nothing came for the lateness--> operator
 *              |
 *              +-- it lies before what the operator has seen --> too late: counted, and nothing else
 *
 * So marks that come in any order, none more than the lateness behind the newest, make what they make in order. What is late some
 * operators still take, and say whether it made what it would have made in time.
 */
export interface Ordered<S> {
  waiting: Mark[];
  /** Time of the newest mark. */
  newestMs: number;
  /** When the last mark came, by the clock of whoever received it. */
  arrivedMs: number;
  /** Up to where the operator has seen. */
  doneMs: number;
  /** Marks that came too late to count. */
  tooLate: number;
  inner: S;
}

/** Marks of one device that wait at most; the oldest goes on early where one more comes. */
export const waitingMax = 64;

export interface OrderedOperator<S> {
  schema: z.ZodType<Ordered<S>>;
  start: Ordered<S>;
  phase(state: Ordered<S>): Phase;
  /** @param arrivedMs when it came, by the clock that `elapse` goes by */
  step(state: Ordered<S>, mark: Mark, arrivedMs: number): Stepped<Ordered<S>>;
  /** By the clock on the wall. */
  dueMs(state: Ordered<S>): number | null;
  /** What the clock makes of the state. */
  elapse(state: Ordered<S>, nowMs: number): Stepped<Ordered<S>>;
}

const neverMs = 0;

export function ordered<S>(operator: MarkOperator<S>, latenessMs: number): OrderedOperator<S> {
  const schema = z.strictObject({
    waiting: z.array(markSchema),
    newestMs: z.number(),
    arrivedMs: z.number(),
    doneMs: z.number(),
    tooLate: z.number(),
    inner: operator.schema,
  });
  const start: Ordered<S> = {
    waiting: [],
    newestMs: neverMs,
    arrivedMs: neverMs,
    doneMs: neverMs,
    tooLate: 0,
    inner: operator.start,
  };

  /** Lets the operator see whatever lies before `toMs`, marks and timers in the order of their time. */
  function release(from: Ordered<S>, toMs: number): Stepped<Ordered<S>> {
    let { inner, doneMs } = from;
    const effects: Effect[] = [];
    const take = (stepped: Stepped<S>, atMs: number): void => {
      inner = stepped.state;
      effects.push(...stepped.effects);
      doneMs = Math.max(doneMs, atMs);
    };
    const elapseTo = (limitMs: number): void => {
      for (let due = operator.dueMs(inner); due !== null && due <= limitMs; due = operator.dueMs(inner))
        take(operator.elapse(inner, due), due);
    };
    const ready = from.waiting.filter(({ atMs }) => atMs < toMs);
    for (const next of ready) {
      elapseTo(next.atMs);
      take(operator.step(inner, next), next.atMs);
    }
    elapseTo(toMs - 1);
    if (ready.length === 0 && inner === from.inner) return { state: from, effects };
    return { state: { ...from, waiting: from.waiting.slice(ready.length), inner, doneMs }, effects };
  }

  return {
    schema,
    start,
    phase: (state) => operator.phase(state.inner),
    step(state, next, arrivedMs) {
      if (next.atMs < state.doneMs) {
        const taken = operator.late?.(state.inner, next) ?? null;
        if (taken === null) return { state: { ...state, tooLate: state.tooLate + 1 }, effects: [] };
        const tooLate = state.tooLate + (taken.tooLate ?? 0);
        return { state: { ...state, tooLate, inner: taken.state }, effects: taken.effects };
      }
      const waiting = [...state.waiting, next].toSorted((a, b) => a.atMs - b.atMs || (a.id < b.id ? -1 : 1));
      const newestMs = Math.max(state.newestMs, next.atMs);
      const overflowMs = waiting.length > waitingMax ? (waiting[0]?.atMs ?? 0) + 1 : 0;
      const arrived = { ...state, waiting, newestMs, arrivedMs: Math.max(state.arrivedMs, arrivedMs) };
      return release(arrived, Math.max(newestMs - latenessMs, overflowMs));
    },
    dueMs({ waiting, arrivedMs, inner }) {
      if (waiting.length > 0) return arrivedMs + latenessMs;
      const due = operator.dueMs(inner);
      return due === null ? null : Math.max(due + latenessMs, arrivedMs + latenessMs);
    },
    elapse(state, nowMs) {
      if (nowMs < state.arrivedMs + latenessMs) return { state, effects: [] };
      const newest = state.waiting.at(-1);
      // Nothing came for the lateness, so what waits is complete, however far its own time lies from the clock's.
      return release(state, Math.max(nowMs - latenessMs + 1, newest === undefined ? 0 : newest.atMs + 1));
    },
  };
}
