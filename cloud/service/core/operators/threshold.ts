import { z } from "zod";
import { evidence, type Evidence, type Stepped, unchanged } from "./operator.ts";
import { isWithin, type Span, spans, withSpan } from "./spans.ts";

/**
 * A threshold with hysteresis and hold time, over event time, for one device.
 *
 *   idle --beyond the limit--> pending --still beyond after holdMs--> holding --back at clearAt--> idle
 *                                 |                                   (raise)                     (clear)
 *                                 +--not beyond--> idle
 *
 * Readings at or before the last one that was judged change nothing: devices send again what they are unsure of. `missed` says which of
 * them might have, had they come in time. `sinceMs` of what is over is where it was beyond the limit first, and `before` says when else
 * it was. Idle is the state of every healthy device and must cost nothing, so it does not move with each reading: it remembers the last
 * times that something happened, and whoever asks `missed` knows up to where readings were judged.
 *
 * A rule that begins anew is idle with what it held, and must find it again. That it stood is remembered: when it goes before it is found
 * again, that is told, so that the next time it comes is another time.
 */

/** What the core needs of a rule. */
export interface Threshold {
  metric: string;
  direction: "above" | "below";
  limit: number;
  clearAt: number;
  holdMs: number;
}

/** One value of the metric. */
export interface Value {
  atMs: number;
  value: number;
}

export const thresholdState = z.discriminatedUnion("phase", [
  z.strictObject({
    phase: z.literal("idle"),
    lastAtMs: z.number(),
    sinceMs: z.number().optional(),
    before: spans.optional(),
    stood: z.literal(true).optional(),
  }),
  z.strictObject({
    phase: z.literal("pending"),
    sinceMs: z.number(),
    lastAtMs: z.number(),
    evidence: z.array(evidence),
    before: spans.optional(),
    stood: z.literal(true).optional(),
  }),
  z.strictObject({
    phase: z.literal("holding"),
    raisedAtMs: z.number(),
    lastAtMs: z.number(),
    sinceMs: z.number().optional(),
    before: spans.optional(),
  }),
]);
export type ThresholdState = z.infer<typeof thresholdState>;

/** Where a device starts of which nothing is known. */
export const neverSeen: ThresholdState = { phase: "idle", lastAtMs: -Infinity };

/** Most readings kept as evidence: the first, and the last ones before the cause was raised. */
const evidenceMax = 20;

/** Whether a value is beyond the limit. For a device that is idle, `false` means that nothing happens: the hot path asks only this. */
export const isBeyond = (rule: Threshold, value: number): boolean =>
  rule.direction === "above" ? value > rule.limit : value < rule.limit;

const isBack = (rule: Threshold, value: number): boolean =>
  rule.direction === "above" ? value <= rule.clearAt : value >= rule.clearAt;

const withEvidence = (readings: readonly Evidence[], reading: Evidence): Evidence[] =>
  readings.length < evidenceMax ? [...readings, reading] : [...readings.slice(0, 1), ...readings.slice(2), reading];

/** What one reading makes of the state. Returns the very same state where nothing changed. */
export function evaluate(rule: Threshold, state: ThresholdState, reading: Value): Stepped<ThresholdState> {
  if (reading.atMs <= state.lastAtMs) return unchanged(state);
  const { atMs } = reading;
  switch (state.phase) {
    case "idle": {
      const { stood, sinceMs = atMs, before } = state;
      if (isBeyond(rule, reading.value))
        return begin(rule, { sinceMs: atMs, evidence: [], ...remembered(timesOf(state)), stood }, reading);
      return stood === true && isBack(rule, reading.value) ? end(rule, { sinceMs, before }, reading) : unchanged(state);
    }
    case "pending": {
      if (isBeyond(rule, reading.value)) return begin(rule, state, reading);
      const { sinceMs, before, stood } = state;
      if (stood === true && isBack(rule, reading.value)) return end(rule, { sinceMs, before }, reading);
      return unchanged({ phase: "idle", lastAtMs: atMs, sinceMs, ...remembered(before), ...whether(stood) });
    }
    case "holding": {
      if (!isBack(rule, reading.value)) return unchanged({ ...state, lastAtMs: atMs });
      const { sinceMs = state.raisedAtMs, before } = state;
      return end(rule, { sinceMs, before }, reading);
    }
  }
}

/**
 * Whether a reading that came too late to be judged in order might have made another judgement: one beyond the limit, or within it in
 * between.
 *
 * @param judgedUntilMs the newest reading of the device that was there before
 */
export function missed(
  rule: Threshold,
  state: ThresholdState,
  { atMs, value }: Value,
  judgedUntilMs = state.lastAtMs,
): boolean {
  if (atMs >= Math.max(judgedUntilMs, state.lastAtMs)) return false;
  return isBeyond(rule, value) || isWithin(timesOf(state), atMs);
}

/** When a device was beyond the limit, as far as it is remembered. */
export function timesOf(state: ThresholdState): Span[] {
  const { lastAtMs, before = [] } = state;
  const sinceMs = state.phase === "holding" ? (state.sinceMs ?? state.raisedAtMs) : state.sinceMs;
  return sinceMs === undefined ? before : withSpan(before, { fromMs: sinceMs, toMs: lastAtMs });
}

const remembered = (before: Span[] | undefined): { before?: Span[] } =>
  before === undefined || before.length === 0 ? {} : { before };

const whether = (stood: true | undefined): { stood?: true } => (stood === undefined ? {} : { stood });

interface Begun {
  sinceMs: number;
  evidence: readonly Evidence[];
  before?: Span[] | undefined;
  stood?: true | undefined;
}

/** A reading beyond the limit: raised once that has lasted long enough. */
function begin(
  rule: Threshold,
  { sinceMs, evidence: told, before, stood }: Begun,
  { atMs, value }: Value,
): Stepped<ThresholdState> {
  const readings = withEvidence(told, { atMs, metric: rule.metric, value });
  if (atMs - sinceMs < rule.holdMs)
    return unchanged({
      phase: "pending",
      sinceMs,
      lastAtMs: atMs,
      evidence: readings,
      ...remembered(before),
      ...whether(stood),
    });
  return {
    state: { phase: "holding", raisedAtMs: atMs, lastAtMs: atMs, sinceMs, ...remembered(before) },
    effects: [{ kind: "raise", atMs, trace: { readings, events: [] } }],
  };
}

/** A reading with which it went. */
function end(
  { metric }: Threshold,
  { sinceMs, before }: { sinceMs: number; before: Span[] | undefined },
  { atMs, value }: Value,
): Stepped<ThresholdState> {
  return {
    state: { phase: "idle", lastAtMs: atMs, sinceMs, ...remembered(before) },
    effects: [{ kind: "clear", atMs, trace: { readings: [{ atMs, metric, value }], events: [] } }],
  };
}
