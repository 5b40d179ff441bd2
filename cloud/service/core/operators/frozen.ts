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
 *
 * A rule that begins anew is idle with what it held, and must find it again. Where the metric stood then is remembered: when it moves
 * from there before that, it is told.
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

/** Where a metric stood still, and since when. */
const stand = z.strictObject({ value: z.number(), first: evidence });

export const frozenState = z.discriminatedUnion("phase", [
  z.strictObject({
    phase: z.literal("idle"),
    lastAtMs: z.number(),
    stuck: spans.optional(),
    stood: stand.optional(),
  }),
  z.strictObject({
    phase: z.literal("pending"),
    sinceMs: z.number(),
    lastAtMs: z.number(),
    min: z.number(),
    max: z.number(),
    count: z.number(),
    stuck: spans.optional(),
    stood: stand.optional(),
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
  const at = standsAt(state);
  const held = at === null ? stuck : withSpan(stuck, { fromMs: at.first.atMs, toMs: lastAtMs });
  return state.phase === "pending" ? withSpan(held, { fromMs: state.sinceMs, toMs: lastAtMs }) : held;
}

/** Where the metric stands still and is to be told to move; null: nowhere. */
export const standsAt = (state: FrozenState): z.infer<typeof stand> | null =>
  (state.phase === "holding" ? state : state.stood) ?? null;

/** Whether a reading of an appliance at rest is nothing to it. */
export const isAtRest = (state: FrozenState): boolean => state.phase === "idle" && standsAt(state) === null;

/** The state of a rule that begins anew. */
export function begunAnew(state: FrozenState): FrozenState {
  const { lastAtMs, stuck } = state;
  const at = standsAt(state);
  return { phase: "idle", lastAtMs, stuck, stood: at === null ? undefined : { value: at.value, first: at.first } };
}

/** What one reading makes of the state. One at or before the last that was judged changes nothing. */
export function stepFrozen(rule: Frozen, state: FrozenState, reading: Driven): Stepped<FrozenState> {
  const { atMs, value } = reading;
  if (atMs <= state.lastAtMs) return unchanged(state);
  const isDriven = reading.driver > rule.driver.above;
  const at = standsAt(state);
  if (at !== null && Math.abs(value - at.value) > rule.withinDelta) {
    const moved: Evidence = { atMs, metric: rule.metric, value };
    const stuck = withSpan(state.stuck ?? [], { fromMs: at.first.atMs, toMs: atMs });
    return {
      state: { phase: "idle", lastAtMs: atMs, stuck },
      effects: [{ kind: "clear", atMs, trace: { readings: [at.first, moved], events: [] } }],
    };
  }
  if (state.phase === "holding") return unchanged(state);
  const { stuck, stood } = state;
  // An appliance at rest stays the very same.
  if (!isDriven) return unchanged(state.phase === "idle" ? state : { phase: "idle", lastAtMs: atMs, stuck, stood });
  const pending = (sinceMs: number, min: number, max: number, count: number): Stepped<FrozenState> =>
    unchanged({ phase: "pending", sinceMs, lastAtMs: atMs, min, max, count, stuck, stood });
  if (state.phase === "idle" || atMs - state.lastAtMs > gapMsMax(rule)) return pending(atMs, value, value, 1);
  const { sinceMs } = state;
  const min = Math.min(state.min, value);
  const max = Math.max(state.max, value);
  const count = state.count + 1;
  if (max - min > rule.withinDelta) return pending(atMs, value, value, 1);
  if (atMs - sinceMs < rule.holdMs || count < rule.readingsMin) return pending(sinceMs, min, max, count);
  const { metric, driver } = rule;
  const first: Evidence = { atMs: sinceMs, metric, value: state.min };
  const readings = [first, { atMs, metric, value }, { atMs, metric: driver.metric, value: reading.driver }];
  return {
    state: { phase: "holding", lastAtMs: atMs, value, first, stuck },
    effects: [{ kind: "raise", atMs, trace: { readings, events: [] } }],
  };
}
