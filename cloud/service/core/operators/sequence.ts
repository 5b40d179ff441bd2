import { z } from "zod";
import { type Mark, type MarkOperator, phases, seen, seenOf, stands, stood, unchanged } from "./operator.ts";

/**
 * Events one after the other within a time, and optionally none of another kind between them. A mark's roles are the places that it may
 * take, `"0"` the first, and `without` for what must not come between.
 *
 * Of several beginnings the latest is taken at each place, so a sequence is found wherever there is one that is short enough.
 */
export interface Sequence {
  places: number;
  withinMs: number;
  /** The cause clears when no other whole sequence followed for so long. */
  clearAfterMs: number;
}

const stateSchema = z.strictObject({
  phase: z.enum(phases),
  /** For each place but the last, the events that lead up to it. */
  begun: z.array(z.array(seen)),
  lastMs: z.number(),
  stood,
});
export type SequenceState = z.infer<typeof stateSchema>;

export function sequenceOperator({ places, withinMs, clearAfterMs }: Sequence): MarkOperator<SequenceState> {
  const none = Array.from({ length: places - 1 }, () => []);
  /** What leads up to `place` and is still young enough when `mark` comes; null where nothing does. */
  const before = (state: SequenceState, place: number, mark: Mark) => {
    if (place === 0) return [];
    const events = state.begun[place - 1] ?? [];
    const [first] = events;
    return first === undefined || mark.atMs - first.atMs > withinMs ? null : events;
  };
  return {
    schema: stateSchema,
    start: { phase: "idle", begun: none, lastMs: 0 },
    phase: (state) => state.phase,
    step(state, mark) {
      // What ends a sequence may also be what must not come between; it ends it.
      const begun = state.begun.map((events, place) => {
        const led = mark.roles.includes(String(place)) ? before(state, place, mark) : null;
        return led === null ? (mark.roles.includes("without") ? [] : events) : [...led, seenOf(mark)];
      });
      const last = mark.roles.includes(String(places - 1)) ? before(state, places - 1, mark) : null;
      if (last === null) return unchanged({ ...state, begun });
      const events = [...last, seenOf(mark)];
      const found: SequenceState = { phase: "holding", begun: none, lastMs: mark.atMs };
      if (state.phase === "holding") return unchanged(found);
      return { state: found, effects: [{ kind: "raise", atMs: mark.atMs, trace: { readings: [], events } }] };
    },
    dueMs: (state) => (stands(state) ? state.lastMs + clearAfterMs : null),
    elapse: (state, atMs) => ({
      state: { ...state, phase: "idle", stood: undefined },
      effects: [{ kind: "clear", atMs, trace: { readings: [], events: [] } }],
    }),
  };
}
