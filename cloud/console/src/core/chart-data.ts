import type { RangePoint, RangeSeries, TelemetryRange } from "../api/shapes.ts";
import type { Span } from "./zoom.ts";

/** A column as uPlot reads it: a number, nothing measured here (undefined), or a gap in the line (null). */
type Column = (number | null | undefined)[];

interface SeriesColumns {
  deviceId: string;
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
type Silence = Span;

/** Appliances speak at least once a minute or two even at rest; what is shorter is never a silence. */
const silenceMsMin = 180_000;
/** In buckets: an empty one beside a full one is chance. */
const silenceBucketsMin = 2.5;
/** In steps of the neighbourhood. */
const silenceStepsMin = 3;

const stepAt = (points: readonly RangePoint[], at: number): number | null => {
  const [before, after] = [points[at - 1], points[at]];
  return before === undefined || after === undefined ? null : after[0] - before[0];
};

/**
 * Whether nothing came for so long before the point `at` that a line must not be drawn. An idle appliance speaks less often than one
 * at work, so what is long is told by the steps to either side.
 */
function isSilenceBefore(points: readonly RangePoint[], at: number, bucketMs: number): boolean {
  const step = stepAt(points, at);
  if (step === null) return false;
  const beside = [stepAt(points, at - 1), stepAt(points, at + 1)].filter((one) => one !== null);
  const usual = beside.length === 0 ? 0 : Math.min(...beside);
  return step > Math.max(silenceMsMin, silenceBucketsMin * bucketMs, silenceStepsMin * usual);
}

/** The times within a series in which nothing came. */
export const silencesOf = ({ points }: Pick<RangeSeries, "points">, bucketMs: number): Silence[] =>
  points.flatMap((point, at): Silence[] =>
    isSilenceBefore(points, at, bucketMs) ? [{ fromMs: points[at - 1]?.[0] ?? point[0], toMs: point[0] }] : [],
  );

const emptyColumn = (length: number): Column => Array.from<undefined>({ length });

/** Lays the series of an answer on one axis of time, with a gap wherever one of them was silent. */
export function chartData(answer: TelemetryRange): ChartData {
  const middle = (atMs: number) => atMs + answer.bucketMs / 2;
  const silences = answer.series.map((series) => silencesOf(series, answer.bucketMs));
  // A gap needs a place of its own on the axis, since no other series may have spoken then.
  const times = new Set(silences.flat().map(({ fromMs, toMs }) => middle((fromMs + toMs) / 2)));
  for (const { points } of answer.series) for (const point of points) times.add(middle(point[0]));
  const sorted = [...times].toSorted((a, b) => a - b);
  const placeOf = new Map(sorted.map((atMs, place) => [atMs, place]));
  const series = answer.series.map(({ deviceId, metric, label, unit, points }, at): SeriesColumns => {
    const columns = {
      deviceId,
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

/** The part of an answer that is one appliance's. */
export const ofDevice = (answer: TelemetryRange, deviceId: string): TelemetryRange => ({
  ...answer,
  series: answer.series.filter((series) => series.deviceId === deviceId),
});

/** The times in which anything of an answer lay outside what its model declares, each as long as it can be, oldest first. */
export function outsideSpans({ series, bucketMs }: TelemetryRange): Span[] {
  const begins = [...new Set(series.flatMap(({ outside }) => outside))].toSorted((a, b) => a - b);
  const spans: Span[] = [];
  for (const fromMs of begins) {
    const last = spans.at(-1);
    if (last !== undefined && last.toMs >= fromMs) last.toMs = fromMs + bucketMs;
    else spans.push({ fromMs, toMs: fromMs + bucketMs });
  }
  return spans;
}

/** The bucket of a series nearest to a time, or null where the series was silent then or had not begun. */
export function pointAt({ points }: Pick<RangeSeries, "points">, atMs: number, bucketMs: number): RangePoint | null {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((points[middle]?.[0] ?? 0) < atMs) low = middle + 1;
    else high = middle;
  }
  const [before, after] = [points[low - 1], points[low]];
  const distance = (point: RangePoint | undefined) =>
    point === undefined ? Number.POSITIVE_INFINITY : Math.abs(point[0] - atMs);
  const nearest = distance(before) <= distance(after) ? before : after;
  const onLine = before !== undefined && after !== undefined && !isSilenceBefore(points, low, bucketMs);
  return nearest !== undefined && (onLine || distance(nearest) <= silenceBucketsMin * bucketMs) ? nearest : null;
}
