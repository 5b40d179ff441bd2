/**
 * What the operators of rules have in common. An operator watches one device over the time of its events: state in, state and effects
 * out, no clock. Its cause stands (`holding`) from a raise to the clear that follows it.
 */
import { z } from "zod";

export const phases = ["idle", "pending", "holding"] as const;
export type Phase = (typeof phases)[number];

/**
 * Of a rule that began anew: that it held its cause before. It is idle, and must find the cause again; when the cause goes before that,
 * it is told all the same, so that the next time it comes is another time.
 */
export const stood = z.literal(true).optional();

/** Whether it is to be told when the cause goes. */
export const stands = (state: { phase: Phase; stood?: true | undefined }): boolean =>
  state.phase === "holding" || state.stood === true;

/** One value that spoke for a cause. */
export const evidence = z.strictObject({ atMs: z.number(), metric: z.string(), value: z.number() });
export type Evidence = z.infer<typeof evidence>;

/** One event that spoke for a cause. */
export const seen = z.strictObject({ id: z.string(), atMs: z.number(), type: z.string() });
export type Seen = z.infer<typeof seen>;

/** What an event is to a rule. Nothing else of it is kept. */
export const mark = seen.extend({
  /** The parts that it plays, in the operator's own words. */
  roles: z.array(z.string()),
  /** What it adds, where the rule adds something up. */
  amount: z.number(),
});
export type Mark = z.infer<typeof mark>;

/** What a device did before, and does now. */
export interface Baseline {
  median: number;
  /** Median of the distances from the median. */
  mad: number;
  episodes: number;
  last: { atMs: number; value: number }[];
}

/** Why a cause came or went: bounded by each operator. */
export interface Trace {
  readings: readonly Evidence[];
  events: readonly Seen[];
  baseline?: Baseline;
}

export interface Effect {
  kind: "raise" | "clear";
  atMs: number;
  trace: Trace;
}

/** `state` is the very same object where nothing changed. */
export interface Stepped<S> {
  state: S;
  effects: readonly Effect[];
  /** How much of what it was given came too late to make what it would have made in time; none where it is left out. */
  tooLate?: number;
}

/** An operator over marks, which it must be given in the order of their time. */
export interface MarkOperator<S> {
  /** Of the state as the database gives it back. */
  schema: z.ZodType<S>;
  /** Of a device of which nothing is known. */
  start: S;
  phase(state: S): Phase;
  step(state: S, mark: Mark): Stepped<S>;
  /** When time alone makes something of the state; null: never. */
  dueMs(state: S): number | null;
  /** What time makes of the state at the moment that `dueMs` named, which the result must name no more. */
  elapse(state: S, atMs: number): Stepped<S>;
  /** What a mark from before what was seen still makes of the state, where it does; null: it is too late, and changes nothing. */
  late?(state: S, mark: Mark): Stepped<S> | null;
}

const noEffects: readonly Effect[] = [];
export const unchanged = <S>(state: S): Stepped<S> => ({ state, effects: noEffects });

export const seenOf = ({ id, atMs, type }: Mark): Seen => ({ id, atMs, type });
