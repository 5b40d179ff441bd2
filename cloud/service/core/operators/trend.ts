import { z } from "zod";
import {
  type Baseline,
  type Mark,
  type MarkOperator,
  phases,
  seen,
  stands,
  type Stepped,
  stood,
  unchanged,
} from "./operator.ts";
import { isWithin, span, type Span, spans, withSpan } from "./spans.ts";

/**
 * A device against itself: one number for each episode (`from` to `to`), the first of them its baseline.
 *
 *   from .. to --> an episode to be measured --> number --> baseline of the first N
 *                                                       --> compared with it: raised when each of the last k deviates,
 *                                                           cleared when none of the last k does
 *
 * Median and MAD, so that one odd episode in the baseline moves nothing. The numbers are measured outside, from stored readings:
 * nothing here moves with a reading, and one that comes once its episode was measured is too late. Roles: `from`, `to`.
 */
export interface Trend {
  /** Episodes of the baseline. */
  baselineEpisodes: number;
  /** Episodes in a row that must deviate. */
  episodes: number;
  /** Share of the baseline's median that an episode must deviate by. Where the device scatters more by itself, that decides. */
  share: number;
  direction: "below" | "above";
  /** Longest episode; what lasts longer is none. */
  episodeMsMax: number;
}

export type Window = Span;
const measured = z.strictObject({ atMs: z.number(), value: z.number() });

const stateSchema = z.strictObject({
  phase: z.enum(phases),
  open: seen.nullable(),
  /** Episodes that are over and not measured yet, oldest first. */
  toMeasure: z.array(span),
  /** Episodes that were measured, some of them as one with what lies between. */
  measured: spans.optional(),
  baseline: z.array(z.number()),
  last: z.array(measured),
  stood,
});
export type TrendState = z.infer<typeof stateSchema>;

/** Episodes of a device that wait to be measured at most. A device that returns after months says more of its last ones. */
export const toMeasureMax = 50;

/** Whether a reading comes too late to be measured with its episode. */
export const missedEpisode = (state: TrendState, atMs: number): boolean => isWithin(state.measured, atMs);

export interface TrendOperator extends MarkOperator<TrendState> {
  /** The oldest episode was measured: `value` null where it says nothing. */
  measured(state: TrendState, value: number | null): Stepped<TrendState>;
}

const madToSigma = 1.4826;
/** Nothing within so many standard deviations of a device's own scatter is a deviation. */
const sigmas = 3;

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const high = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? high) + high) / 2;
}

function baselineOf(state: TrendState): Baseline {
  const middle = median(state.baseline);
  const mad = median(state.baseline.map((value) => Math.abs(value - middle)));
  return { median: middle, mad, episodes: state.baseline.length, last: state.last };
}

export function trendOperator(rule: Trend): TrendOperator {
  const deviates = (baseline: Baseline, value: number): boolean => {
    const by = rule.direction === "below" ? baseline.median - value : value - baseline.median;
    return by > Math.max(rule.share * Math.abs(baseline.median), sigmas * madToSigma * baseline.mad);
  };
  return {
    schema: stateSchema,
    start: { phase: "idle", open: null, toMeasure: [], baseline: [], last: [] },
    phase: (state) => state.phase,
    step(state, mark: Mark) {
      const begins = mark.roles.includes("from");
      const over = state.open !== null && mark.roles.includes("to") ? state.open : null;
      if (over === null && !begins) return unchanged(state);
      const counts = over !== null && mark.atMs - over.atMs <= rule.episodeMsMax;
      const toMeasure = counts
        ? [...state.toMeasure, { fromMs: over.atMs, toMs: mark.atMs }].slice(-toMeasureMax)
        : state.toMeasure;
      const open = begins ? { id: mark.id, atMs: mark.atMs, type: mark.type } : null;
      return unchanged({ ...state, open, toMeasure });
    },
    dueMs: () => null,
    elapse: unchanged,
    measured(state, value) {
      const [episode, ...toMeasure] = state.toMeasure;
      if (episode === undefined) return unchanged(state);
      const after: TrendState = { ...state, toMeasure, measured: withSpan(state.measured ?? [], episode) };
      if (value === null) return unchanged(after);
      if (state.baseline.length < rule.baselineEpisodes)
        return unchanged({ ...after, baseline: [...state.baseline, value] });
      const last = [...state.last, { atMs: episode.toMs, value }].slice(-rule.episodes);
      const next: TrendState = { ...after, last };
      const baseline = baselineOf(next);
      const count = last.filter((one) => deviates(baseline, one.value)).length;
      const comes = state.phase !== "holding" && count === rule.episodes;
      const goes = stands(state) && count === 0 && last.length === rule.episodes;
      if (!comes && !goes) return unchanged(next);
      return {
        state: { ...next, phase: comes ? "holding" : "idle", stood: undefined },
        effects: [
          { kind: comes ? "raise" : "clear", atMs: episode.toMs, trace: { readings: [], events: [], baseline } },
        ],
      };
    },
  };
}
