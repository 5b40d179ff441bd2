import { z } from "zod";
import { phases, seen, seenOf, type MarkOperator, unchanged } from "./operator.ts";

/**
 * So many events within a window. The cause clears when none came for the quiet time.
 *
 *   idle --the count is reached--> holding --quiet--> idle
 */
export interface Count {
  count: number;
  windowMs: number;
  quietMs: number;
}

const stateSchema = z.strictObject({ phase: z.enum(phases), events: z.array(seen) });
export type CountState = z.infer<typeof stateSchema>;

export function countOperator({ count, windowMs, quietMs }: Count): MarkOperator<CountState> {
  const lastMs = (state: CountState) => state.events.at(-1)?.atMs ?? 0;
  return {
    schema: stateSchema,
    start: { phase: "idle", events: [] },
    phase: (state) => state.phase,
    step(state, mark) {
      const events = [...state.events, seenOf(mark)].slice(-count);
      const inWindow = events.filter(({ atMs }) => atMs > mark.atMs - windowMs);
      if (state.phase === "holding") return unchanged({ phase: "holding", events });
      if (inWindow.length < count) return unchanged({ phase: "idle", events: inWindow });
      return {
        state: { phase: "holding", events },
        effects: [{ kind: "raise", atMs: mark.atMs, trace: { readings: [], events } }],
      };
    },
    // While idle, what left the window is dropped when the next event comes.
    dueMs: (state) => (state.phase === "holding" ? lastMs(state) + quietMs : null),
    elapse: (state, atMs) => ({
      state: { phase: "idle", events: [] },
      effects: [{ kind: "clear", atMs, trace: { readings: [], events: state.events.slice(-1) } }],
    }),
  };
}
