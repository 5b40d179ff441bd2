import type { RangePoint, RangeSeries, TelemetryRange } from "../api/shapes.ts";

/** A reading as the live stream tells it. */
export interface LiveReading {
  deviceId: string;
  atMs: number;
  receivedAtMs: number;
  metrics: Readonly<Record<string, number | boolean>>;
  outside: string[];
  clockSuspect: boolean;
}

/** Whether an appliance samples fast because it is watched, or why not. */
export interface Sampling {
  deviceId: string;
  sampling: "fast" | "usual";
  everyMs: number | null;
  reason: "not_asked" | "asked" | "offline" | "too_many" | "refused" | null;
}

/** How an appliance that is watched samples, in a sentence. */
export function samplingWords({ sampling, everyMs, reason }: Sampling): string {
  if (sampling === "fast")
    return `It samples every ${(everyMs ?? 1_000) / 1_000} s while you watch, and falls back by itself afterwards.`;
  switch (reason) {
    case "asked":
      return "It was asked to sample faster, and has not answered yet.";
    case "offline":
      return "It is away: what it says shows when it is back.";
    case "too_many":
      return "Others have all the places for fast sampling: it samples as usual.";
    case "refused":
      return "It does not sample faster: it samples as usual.";
    case "not_asked":
    case null:
      return "It samples as usual: this key may not ask for more.";
  }
}

const numberOf = (value: number | boolean): number => (typeof value === "number" ? value : value ? 1 : 0);

/** The readings of a metric in buckets that begin after the series' last one: those before are in the answer already. */
function laterPoints(series: RangeSeries, readings: readonly LiveReading[], bucketMs: number): RangePoint[] {
  const afterMs = series.points.at(-1)?.[0] ?? Number.NEGATIVE_INFINITY;
  const points: RangePoint[] = [];
  for (const { atMs, metrics } of readings) {
    const value = metrics[series.metric];
    const beginsMs = Math.floor(atMs / bucketMs) * bucketMs;
    if (value === undefined || beginsMs <= afterMs) continue;
    const number = numberOf(value);
    const last = points.at(-1);
    if (last?.[0] !== beginsMs) points.push([beginsMs, number, number, number, 1]);
    else {
      const [, min, mean, max, count] = last;
      const both = (mean * count + number) / (count + 1);
      points[points.length - 1] = [beginsMs, Math.min(min, number), both, Math.max(max, number), count + 1];
    }
  }
  return points;
}

/**
 * An answer with what has come since it was given. The range keeps its length and ends no earlier than the newest reading.
 *
 * @param readings oldest first, of the appliance `deviceId`
 */
export function withLive(answer: TelemetryRange, deviceId: string, readings: readonly LiveReading[]): TelemetryRange {
  const own = readings.filter((one) => one.deviceId === deviceId && !one.clockSuspect);
  const newestMs = own.at(-1)?.atMs;
  if (newestMs === undefined) return answer;
  const byMs = Math.max(0, newestMs + answer.bucketMs - answer.toMs);
  return {
    ...answer,
    fromMs: answer.fromMs + byMs,
    toMs: answer.toMs + byMs,
    series: answer.series.map((series) =>
      series.deviceId === deviceId
        ? { ...series, points: [...series.points, ...laterPoints(series, own, answer.bucketMs)] }
        : series,
    ),
  };
}

/** The newest readings, oldest first and each once, after a further word. */
export function withReadings(
  known: readonly LiveReading[],
  more: readonly LiveReading[],
  countMax: number,
): LiveReading[] {
  const byTime = new Map([...known, ...more].map((one) => [`${one.deviceId} ${one.atMs}`, one]));
  return [...byTime.values()].toSorted((a, b) => a.atMs - b.atMs).slice(-countMax);
}
