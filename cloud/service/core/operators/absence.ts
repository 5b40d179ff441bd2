import { z } from "zod";
import { type Mark, phases, seen, seenOf, type Stepped, unchanged } from "./operator.ts";

/**
 * Nothing of a kind for a time, from its first appearance on. The clock raises it; whatever appears with a newer time clears it. The
 * newest time decides, so the order in which things come does not matter, and nothing is ever too late.
 */
const stateSchema = z.strictObject({ phase: z.enum(phases), last: seen.nullable() });
export type AbsenceState = z.infer<typeof stateSchema>;

export const absence = (forMs: number) => ({
  schema: stateSchema,
  start: { phase: "idle", last: null } satisfies AbsenceState as AbsenceState,
  step(state: AbsenceState, mark: Mark): Stepped<AbsenceState> {
    if (state.last !== null && mark.atMs <= state.last.atMs) return unchanged(state);
    const appeared: AbsenceState = { phase: "idle", last: seenOf(mark) };
    if (state.phase !== "holding") return unchanged(appeared);
    return {
      state: appeared,
      effects: [{ kind: "clear", atMs: mark.atMs, trace: { readings: [], events: [seenOf(mark)] } }],
    };
  },
  dueMs: (state: AbsenceState): number | null =>
    state.last === null || state.phase === "holding" ? null : state.last.atMs + forMs,
  elapse(state: AbsenceState, nowMs: number): Stepped<AbsenceState> {
    const { last } = state;
    if (last === null || state.phase === "holding" || last.atMs + forMs > nowMs) return unchanged(state);
    return {
      state: { phase: "holding", last },
      effects: [{ kind: "raise", atMs: last.atMs + forMs, trace: { readings: [], events: [last] } }],
    };
  },
});
