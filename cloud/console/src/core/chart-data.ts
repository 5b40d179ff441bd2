import type { RangePoint, RangeSeries, TelemetryRange } from "../api/shapes.ts";

/** A column as uPlot reads it: a number, nothing measured here (undefined), or a gap in the line (null). */
type Column = (number | null | undefined)[];

interface SeriesColumns {
  metric: string;
  label: string;
  unit: string;
  min: Column;
  mean: Column;
  max: Column;
}

export interface ChartData {
  /** Epoch seconds, ascending. */
  xs: number[];
  series: SeriesColumns[];
  /** Buckets that hold something, over all series. */
  points: number;
}

/** A time in which nothing came. */
export interface Silence {
  fromMs: number;
  toMs: number;
}

const silenceMsMin = 60_000;

/**
 * How long nothing may come before it counts as silence: three times what is usual in this answer, since an idle appliance speaks
 * less often than one at work.
 */
export function silenceMsOf({ bucketMs, series }: TelemetryRange): number {
  const steps = series.flatMap(({ points }) => points.slice(1).map((point, at) => point[0] - (points[at]?.[0] ?? 0)));
  const usual = steps.toSorted((a, b) => a - b)[Math.floor(steps.length * 0.9)] ?? 0;
  return Math.max(silenceMsMin, 3 * usual, 2.5 * bucketMs);
}

/** The times within a series in which nothing came. */
export function silencesOf(series: RangeSeries, silenceMs: number): Silence[] {
  return series.points.flatMap((point, at): Silence[] => {
    const next = series.points[at + 1];
    return next !== undefined && next[0] - point[0] > silenceMs ? [{ fromMs: point[0], toMs: next[0] }] : [];
  });
}

const emptyColumn = (length: number): Column => Array.from<undefined>({ length });

/** Lays the series of an answer on one axis of time, with a gap wherever one of them was silent. */
export function chartData(answer: TelemetryRange): ChartData {
  const silenceMs = silenceMsOf(answer);
  const middle = (atMs: number) => atMs + answer.bucketMs / 2;
  const silences = answer.series.map((series) => silencesOf(series, silenceMs));
  // A gap needs a place of its own on the axis, since no other series may have spoken then.
  const times = new Set(silences.flat().map(({ fromMs, toMs }) => middle((fromMs + toMs) / 2)));
  for (const { points } of answer.series) for (const point of points) times.add(middle(point[0]));
  const sorted = [...times].toSorted((a, b) => a - b);
  const placeOf = new Map(sorted.map((atMs, place) => [atMs, place]));
  const series = answer.series.map(({ metric, label, unit, points }, at): SeriesColumns => {
    const columns = {
      metric,
      label,
      unit,
      min: emptyColumn(sorted.length),
      mean: emptyColumn(sorted.length),
      max: emptyColumn(sorted.length),
    };
    const put = (place: number, min: number | null, mean: number | null, max: number | null) => {
      columns.min[place] = min;
      columns.mean[place] = mean;
      columns.max[place] = max;
    };
    for (const { fromMs, toMs } of silences[at] ?? []) {
      // Every place within the silence is part of the gap: uPlot ends a line at the neighbour of the first null.
      const [first, last] = [placeOf.get(middle(fromMs)) ?? 0, placeOf.get(middle(toMs)) ?? 0];
      for (let place = first + 1; place < last; place += 1) put(place, null, null, null);
    }
    for (const [atMs, min, mean, max] of points) put(placeOf.get(middle(atMs)) ?? 0, min, mean, max);
    return columns;
  });
  return {
    xs: sorted.map((atMs) => atMs / 1_000),
    series,
    points: answer.series.reduce((sum, one) => sum + one.points.length, 0),
  };
}

/** The bucket of a series nearest to a time, or null where it was silent then. */
export function pointAt(series: RangeSeries, atMs: number, withinMs: number): RangePoint | null {
  const { points } = series;
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((points[middle]?.[0] ?? 0) < atMs) low = middle + 1;
    else high = middle;
  }
  const distance = (point: RangePoint | undefined) =>
    point === undefined ? Number.POSITIVE_INFINITY : Math.abs(point[0] - atMs);
  const [before, after] = [points[low - 1], points[low]];
  const nearest = distance(before) <= distance(after) ? before : after;
  return nearest !== undefined && distance(nearest) <= withinMs ? nearest : null;
}
