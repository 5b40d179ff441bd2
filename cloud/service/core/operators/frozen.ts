import { z } from "zod";
import { evidence, type Evidence, type Stepped, unchanged } from "./operator.ts";

/**
 * A metric that does not move while another says that it should: the cavity stays where it is and the element heats.
 *
 *   idle --driven--> pending --driven for holdMs without a move--> holding --the metric moves--> idle
 *                      |  ^
 *                      |  +--it moved: from here on anew
 *                      +--not driven, or a gap between readings--> idle
 *
 * `pending` changes with almost every reading of an appliance at work. So it lives in memory, and is found again from stored readings;
 * what is written is only when a cause comes and goes.
 */
export interface Frozen {
  metric: string;
  /** What counts as not moving: the highest value less the lowest. */
  withinDelta: number;
  holdMs: number;
  /** The metric is driven while this is so. */
  driver: { metric: string; above: number };
  /** Readings that the hold time must hold at least. */
  readingsMin: number;
}

export const frozenState = z.discriminatedUnion("phase", [
  z.strictObject({ phase: z.literal("idle"), lastAtMs: z.number() }),
  z.strictObject({
    phase: z.literal("pending"),
    sinceMs: z.number(),
    lastAtMs: z.number(),
    min: z.number(),
    max: z.number(),
    count: z.number(),
  }),
  z.strictObject({ phase: z.literal("holding"), lastAtMs: z.number(), value: z.number(), first: evidence }),
]);
export type FrozenState = z.infer<typeof frozenState>;

export const neverDriven: FrozenState = { phase: "idle", lastAtMs: 0 };

/** One reading of both metrics. */
export interface Driven {
  atMs: number;
  value: number;
  driver: number;
}

/** The longest pause between two readings of one hold: longer, and nobody knows what the metric did meanwhile. */
const gapMsMax = (rule: Frozen) => rule.holdMs / 2;

/** Whether a reading that came too late to be judged might have made another judgement. At rest the metric may do what it likes. */
export const missedDriven = (rule: Frozen, state: FrozenState, { atMs, driver }: Driven): boolean =>
  atMs < state.lastAtMs && driver > rule.driver.above;

/** What one reading makes of the state. One at or before the last that was judged changes nothing. */
export function stepFrozen(rule: Frozen, state: FrozenState, reading: Driven): Stepped<FrozenState> {
  const { atMs, value } = reading;
  if (atMs <= state.lastAtMs) return unchanged(state);
  const isDriven = reading.driver > rule.driver.above;
  if (state.phase === "holding") {
    if (Math.abs(value - state.value) <= rule.withinDelta) return unchanged(state);
    const moved: Evidence = { atMs, metric: rule.metric, value };
    return {
      state: { phase: "idle", lastAtMs: atMs },
      effects: [{ kind: "clear", atMs, trace: { readings: [state.first, moved], events: [] } }],
    };
  }
  // An appliance at rest stays the very same.
  if (!isDriven) return state.phase === "idle" ? unchanged(state) : unchanged({ phase: "idle", lastAtMs: atMs });
  const anew: FrozenState = { phase: "pending", sinceMs: atMs, lastAtMs: atMs, min: value, max: value, count: 1 };
  if (state.phase === "idle" || atMs - state.lastAtMs > gapMsMax(rule)) return unchanged(anew);
  const [min, max, count] = [Math.min(state.min, value), Math.max(state.max, value), state.count + 1];
  if (max - min > rule.withinDelta) return unchanged(anew);
  if (atMs - state.sinceMs < rule.holdMs || count < rule.readingsMin)
    return unchanged({ ...state, lastAtMs: atMs, min, max, count });
  const { metric, driver } = rule;
  const first: Evidence = { atMs: state.sinceMs, metric, value: state.min };
  const readings = [first, { atMs, metric, value }, { atMs, metric: driver.metric, value: reading.driver }];
  return {
    state: { phase: "holding", lastAtMs: atMs, value, first },
    effects: [{ kind: "raise", atMs, trace: { readings, events: [] } }],
  };
}
