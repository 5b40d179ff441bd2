import { z } from "zod";
import {
  type Mark,
  type MarkOperator,
  phases,
  seen,
  seenOf,
  stands,
  type Stepped,
  stood,
  unchanged,
} from "./operator.ts";

/** A sum of what events add (one each, or a number that they carry) since the last event that resets it. Roles: `add`, `reset`. */
const stateSchema = z.strictObject({ phase: z.enum(phases), total: z.number(), resetAt: seen.nullable(), stood });
export type AccumulateState = z.infer<typeof stateSchema>;

/** A sum stops here: an appliance that says huge numbers must not make one that no database can keep. */
const totalMax = Number.MAX_SAFE_INTEGER;

export function accumulateOperator({ limit }: { limit: number }): MarkOperator<AccumulateState> {
  function step(state: AccumulateState, mark: Mark): Stepped<AccumulateState> {
    if (mark.roles.includes("reset")) {
      const reset: AccumulateState = { phase: "idle", total: 0, resetAt: seenOf(mark) };
      if (!stands(state)) return unchanged(reset);
      return {
        state: reset,
        effects: [{ kind: "clear", atMs: mark.atMs, trace: { readings: [], events: [seenOf(mark)] } }],
      };
    }
    const total = Math.min(totalMax, state.total + mark.amount);
    if (state.phase === "holding" || total < limit) return unchanged({ ...state, total });
    const events = [...(state.resetAt === null ? [] : [state.resetAt]), seenOf(mark)];
    return {
      state: { ...state, phase: "holding", total, stood: undefined },
      effects: [{ kind: "raise", atMs: mark.atMs, trace: { readings: [], events } }],
    };
  }

  return {
    schema: stateSchema,
    start: { phase: "idle", total: 0, resetAt: null },
    phase: (state) => state.phase,
    step,
    // A sum that is not full does not mind the order. When it was full it does; and a reset that comes late takes what was added since
    // with it, which errs on the side of silence.
    late(state, mark) {
      if (mark.atMs <= (state.resetAt?.atMs ?? 0)) return null;
      const stepped = step(state, mark);
      const isReset = mark.roles.includes("reset");
      const asInTime = isReset ? state.total === 0 : stepped.state.phase === "idle";
      return { ...stepped, tooLate: asInTime ? 0 : 1 };
    },
    dueMs: () => null,
    elapse: unchanged,
  };
}
