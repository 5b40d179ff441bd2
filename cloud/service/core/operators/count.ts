import { z } from "zod";
import { type Mark, type MarkOperator, phases, type Seen, seen, seenOf, stands, stood, unchanged } from "./operator.ts";

/**
 * So many events within a window. The cause clears when none came for the quiet time.
 *
 *   idle --the count is reached--> holding --quiet--> idle
 *
 * Where two kinds of events may tell of one happening, the gateway of a connection that was lost and the appliance of the same, it counts
 * once: what lies near an event of another type is taken for its other word, whichever of them comes first, and however late the other.
 */
export interface Count {
  count: number;
  windowMs: number;
  quietMs: number;
  alsoToldBy?: { withinMs: number } | undefined;
}

/** An event that counts, and the other types that told of it. */
const counted = seen.extend({ also: z.array(z.string()).optional() });
type Counted = z.infer<typeof counted>;

const stateSchema = z.strictObject({ phase: z.enum(phases), events: z.array(counted), stood });
export type CountState = z.infer<typeof stateSchema>;

const plain = ({ id, atMs, type }: Counted): Seen => ({ id, atMs, type });

export function countOperator({ count, windowMs, quietMs, alsoToldBy }: Count): MarkOperator<CountState> {
  const lastMs = (state: CountState) => state.events.at(-1)?.atMs ?? 0;

  /** The state after another word for what counts already; null where it is none. */
  function asOtherWord(state: CountState, { atMs, type }: Mark): CountState | null {
    if (alsoToldBy === undefined) return null;
    const distance = (event: Counted) => Math.abs(event.atMs - atMs);
    const [nearest] = state.events
      .filter((event) => event.type !== type && event.also?.includes(type) !== true)
      .filter((event) => distance(event) <= alsoToldBy.withinMs)
      .toSorted((a, b) => distance(a) - distance(b));
    if (nearest === undefined) return null;
    const events = state.events.map((event) =>
      event === nearest ? { ...event, also: [...(event.also ?? []), type] } : event,
    );
    return { ...state, events };
  }

  return {
    schema: stateSchema,
    start: { phase: "idle", events: [] },
    phase: (state) => state.phase,
    step(state, mark) {
      const told = asOtherWord(state, mark);
      if (told !== null) return unchanged(told);
      const events = [...state.events, seenOf(mark)].slice(-count);
      const inWindow = events.filter(({ atMs }) => atMs > mark.atMs - windowMs);
      if (state.phase === "holding") return unchanged({ phase: "holding", events });
      if (inWindow.length < count) return unchanged({ ...state, events: inWindow });
      return {
        state: { phase: "holding", events },
        effects: [{ kind: "raise", atMs: mark.atMs, trace: { readings: [], events: events.map(plain) } }],
      };
    },
    // While idle, what left the window is dropped when the next event comes.
    dueMs: (state) => (stands(state) ? lastMs(state) + quietMs : null),
    elapse: (state, atMs) => ({
      state: { phase: "idle", events: [] },
      effects: [{ kind: "clear", atMs, trace: { readings: [], events: state.events.slice(-1).map(plain) } }],
    }),
    late(state, mark) {
      const told = asOtherWord(state, mark);
      return told === null ? null : unchanged(told);
    },
  };
}
