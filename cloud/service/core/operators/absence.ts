import { z } from "zod";
import { type Mark, phases, seen, seenOf, stands, type Stepped, stood, unchanged } from "./operator.ts";
import { isWithin, spans, withSpan } from "./spans.ts";

/**
 * Nothing of a kind for a time, from its first appearance on. The clock raises it; whatever appears with a newer time clears it. The
 * newest time decides, so the order in which things come does not matter; but what would have had it raised, or not raised, had it come
 * in time, is too late.
 */
export const absenceState = z.strictObject({
  phase: z.enum(phases),
  last: seen.nullable(),
  /** Its first appearance: only from then on can it be absent. */
  firstMs: z.number().optional(),
  /** When it was absent, as far as anybody knew. */
  absent: spans.optional(),
  stood,
});
export type AbsenceState = z.infer<typeof absenceState>;

export const absence = (forMs: number) => {
  /** Whether a word from before the last one would have changed what was found. */
  const missed = ({ last, firstMs, absent }: AbsenceState, atMs: number): boolean =>
    last !== null && atMs < last.atMs && (isWithin(absent, atMs) || (firstMs !== undefined && atMs < firstMs - forMs));

  /** A word from before the last one. */
  function older(state: AbsenceState, { atMs }: Mark): Stepped<AbsenceState> {
    if (missed(state, atMs)) return { ...unchanged(state), tooLate: 1 };
    return unchanged(state.firstMs !== undefined && atMs < state.firstMs ? { ...state, firstMs: atMs } : state);
  }

  return {
    schema: absenceState,
    missed,
    start: { phase: "idle", last: null } satisfies AbsenceState as AbsenceState,
    step(state: AbsenceState, mark: Mark): Stepped<AbsenceState> {
      const { last, absent } = state;
      if (last === null) return unchanged({ phase: "idle", last: seenOf(mark), firstMs: mark.atMs });
      if (mark.atMs <= last.atMs) return older(state, mark);
      const appeared: AbsenceState = { ...state, phase: "idle", last: seenOf(mark), stood: undefined };
      const wasAbsent = mark.atMs > last.atMs + forMs;
      // That it was absent is over before the clock found it.
      if (!stands(state)) return { ...unchanged(appeared), tooLate: wasAbsent ? 1 : 0 };
      return {
        state: { ...appeared, absent: withSpan(absent ?? [], { fromMs: last.atMs, toMs: mark.atMs }) },
        effects: [{ kind: "clear", atMs: mark.atMs, trace: { readings: [], events: [seenOf(mark)] } }],
        tooLate: wasAbsent ? 0 : 1,
      };
    },
    dueMs: (state: AbsenceState): number | null =>
      state.last === null || state.phase === "holding" ? null : state.last.atMs + forMs,
    elapse(state: AbsenceState, nowMs: number): Stepped<AbsenceState> {
      const { last } = state;
      if (last === null || state.phase === "holding" || last.atMs + forMs > nowMs) return unchanged(state);
      return {
        state: { ...state, phase: "holding", stood: undefined },
        effects: [{ kind: "raise", atMs: last.atMs + forMs, trace: { readings: [], events: [last] } }],
      };
    },
  };
};
