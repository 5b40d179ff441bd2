import { metricValue, type StoredValues } from "./stored-values.ts";

/**
 * What one episode of a device's life says as a single number, from the readings in it: made so that neither what was cooked nor the
 * kitchen shows in it.
 */
export type Feature =
  /** Units a second from one level to another: crossed upwards, between readings along a straight line. */
  | { kind: "rise"; metric: string; from: number; to: number }
  /** The mean over time. */
  | { kind: "mean"; metric: string }
  /**
   * Growth of a counter an hour, divided by how far the mean of `per` lies above a level: the energy that it takes to hold each degree
   * above the kitchen's.
   */
  | { kind: "rate"; metric: string; per: { metric: string; above: number } };

export interface Episode {
  feature: Feature;
  /** Left out at the episode's beginning. */
  skipMs: number;
  /** What must be left at least, for the episode to say anything. */
  minMs: number;
  /** Readings that speak; the pairs of readings that both do are added up. */
  counts: (reading: StoredValues) => boolean;
}

/** A pause between two readings after which nobody knows what happened between them. */
const gapMsMax = 300_000;

/**
 * The episode's number, or null where it says nothing.
 *
 * @param readings of the episode, in the order of time
 */
export function featureOf(episode: Episode, fromMs: number, readings: readonly StoredValues[]): number | null {
  const kept = readings.filter(({ atMs }) => atMs >= fromMs + episode.skipMs);
  const { feature } = episode;
  const value = feature.kind === "rise" ? rise(feature, episode, kept) : overTime(feature, episode, kept);
  // Out of huge readings comes what is no number, and nobody could compare or keep it.
  return Number.isFinite(value) ? value : null;
}

/** A cavity that is heated and stands still for so long has a sensor that stands still, and says nothing about the heating. */
const standsStillMsMax = 60_000;
const standsStillDelta = 0.5;

/** A reading that does not count spoils the way up: a door that was opened cools what the element heats. */
function rise(
  feature: Extract<Feature, { kind: "rise" }>,
  episode: Episode,
  readings: readonly StoredValues[],
): number | null {
  let below: { atMs: number; value: number } | null = null;
  let startMs: number | null = null;
  let highest = { atMs: 0, value: -Infinity };
  for (const reading of readings) {
    const value = metricValue(reading, feature.metric);
    if (value === null) continue;
    const { atMs } = reading;
    if (value < feature.from || value > highest.value + standsStillDelta) highest = { atMs, value };
    else if (startMs !== null && atMs - highest.atMs > standsStillMsMax) return null;
    if (!episode.counts(reading) || (below !== null && atMs - below.atMs > gapMsMax)) {
      if (startMs !== null) return null;
      below = null;
    }
    const crossed = (level: number): number =>
      below === null || value === below.value
        ? atMs
        : below.atMs + ((level - below.value) / (value - below.value)) * (atMs - below.atMs);
    if (below !== null && below.value < feature.from && value >= feature.from) startMs = crossed(feature.from);
    if (startMs !== null && value >= feature.to) {
      const tookMs = crossed(feature.to) - startMs;
      return tookMs < Math.max(1, episode.minMs) ? null : ((feature.to - feature.from) * 1_000) / tookMs;
    }
    if (value < feature.from) startMs = null;
    below = { atMs, value };
  }
  return null;
}

function overTime(
  feature: Exclude<Feature, { kind: "rise" }>,
  episode: Episode,
  readings: readonly StoredValues[],
): number | null {
  let [lastedMs, sum, perSum] = [0, 0, 0];
  let before: { atMs: number; value: number; per: number } | null = null;
  for (const reading of readings) {
    const value = metricValue(reading, feature.metric);
    const per = feature.kind === "rate" ? metricValue(reading, feature.per.metric) : 0;
    if (value === null || per === null) continue;
    if (!episode.counts(reading)) {
      before = null;
      continue;
    }
    const { atMs } = reading;
    if (before !== null && atMs - before.atMs <= gapMsMax) {
      const ms = atMs - before.atMs;
      lastedMs += ms;
      perSum += ((per + before.per) / 2) * ms;
      sum += feature.kind === "rate" ? Math.max(0, value - before.value) : ((value + before.value) / 2) * ms;
    }
    before = { atMs, value, per };
  }
  if (lastedMs < Math.max(1, episode.minMs)) return null;
  if (feature.kind === "mean") return sum / lastedMs;
  const above = perSum / lastedMs - feature.per.above;
  return above <= 0 ? null : (sum * 3_600_000) / lastedMs / above;
}
