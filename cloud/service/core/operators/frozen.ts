import { z } from "zod";
import { evidence, type Evidence, type Stepped, unchanged } from "./operator.ts";
import { isWithin, type Span, spans, withSpan } from "./spans.ts";

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
  z.strictObject({ phase: z.literal("idle"), lastAtMs: z.number(), stuck: spans.optional() }),
  z.strictObject({
    phase: z.literal("pending"),
    sinceMs: z.number(),
    lastAtMs: z.number(),
    min: z.number(),
    max: z.number(),
    count: z.number(),
    stuck: spans.optional(),
  }),
  z.strictObject({
    phase: z.literal("holding"),
    lastAtMs: z.number(),
    value: z.number(),
    first: evidence,
    stuck: spans.optional(),
  }),
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

/**
 * Whether a reading that came too late to be judged in order might have made another judgement: one at which the metric was driven, or
 * one at rest in the middle of a hold. At other times of rest the metric may do what it likes.
 *
 * @param judgedUntilMs the newest reading of the device that was there before
 */
export function missedDriven(
  rule: Frozen,
  state: FrozenState,
  { atMs, driver }: Driven,
  judgedUntilMs = state.lastAtMs,
): boolean {
  if (atMs >= Math.max(judgedUntilMs, state.lastAtMs)) return false;
  return driver > rule.driver.above || isWithin(holdsOf(state), atMs);
}

/** When the metric stood still: the hold that is under way, and those that came to something. */
export function holdsOf(state: FrozenState): Span[] {
  const { lastAtMs, stuck = [] } = state;
  if (state.phase === "idle") return stuck;
  const fromMs = state.phase === "pending" ? state.sinceMs : state.first.atMs;
  return withSpan(stuck, { fromMs, toMs: lastAtMs });
}

const remembered = (stuck: Span[] | undefined): { stuck?: Span[] } =>
  stuck === undefined || stuck.length === 0 ? {} : { stuck };

/** What one reading makes of the state. One at or before the last that was judged changes nothing. */
export function stepFrozen(rule: Frozen, state: FrozenState, reading: Driven): Stepped<FrozenState> {
  const { atMs, value } = reading;
  if (atMs <= state.lastAtMs) return unchanged(state);
  const isDriven = reading.driver > rule.driver.above;
  if (state.phase === "holding") {
    if (Math.abs(value - state.value) <= rule.withinDelta) return unchanged(state);
    const moved: Evidence = { atMs, metric: rule.metric, value };
    return {
      state: {
        phase: "idle",
        lastAtMs: atMs,
        stuck: withSpan(state.stuck ?? [], { fromMs: state.first.atMs, toMs: atMs }),
      },
      effects: [{ kind: "clear", atMs, trace: { readings: [state.first, moved], events: [] } }],
    };
  }
  // An appliance at rest stays the very same.
  const kept = remembered(state.stuck);
  if (!isDriven) return unchanged(state.phase === "idle" ? state : { phase: "idle", lastAtMs: atMs, ...kept });
  const sinceMs = atMs;
  const anew: FrozenState = { phase: "pending", sinceMs, lastAtMs: atMs, min: value, max: value, count: 1, ...kept };
  if (state.phase === "idle" || atMs - state.lastAtMs > gapMsMax(rule)) return unchanged(anew);
  const [min, max, count] = [Math.min(state.min, value), Math.max(state.max, value), state.count + 1];
  if (max - min > rule.withinDelta) return unchanged(anew);
  if (atMs - state.sinceMs < rule.holdMs || count < rule.readingsMin)
    return unchanged({ ...state, lastAtMs: atMs, min, max, count });
  const { metric, driver } = rule;
  const first: Evidence = { atMs: state.sinceMs, metric, value: state.min };
  const readings = [first, { atMs, metric, value }, { atMs, metric: driver.metric, value: reading.driver }];
  return {
    state: { phase: "holding", lastAtMs: atMs, value, first, ...kept },
    effects: [{ kind: "raise", atMs, trace: { readings, events: [] } }],
  };
}
