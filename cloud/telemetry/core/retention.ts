/** How long each class of data is kept. Milliseconds. */
export interface Retention {
  readingsMs: number;
  /** Quarters of an hour as well. */
  minutesMs: number;
  hoursMs: number;
  daysMs: number;
  eventsMs: number;
}

/** How long is kept what, and which store keeps the readings. Null where that store decides. */
export interface Kept {
  store: "postgresql" | "influxdb";
  readingsMs: number | null;
  minutesMs: number | null;
  hoursMs: number | null;
  daysMs: number | null;
  eventsMs: number;
}

const dayMs = 86_400_000;

export const defaultRetention: Retention = {
  readingsMs: 90 * dayMs,
  minutesMs: 365 * dayMs,
  hoursMs: 1_825 * dayMs,
  daysMs: 3_650 * dayMs,
  eventsMs: 1_095 * dayMs,
};

/** The shortest bucket for which everything in a range that begins at `fromMs` is still there. */
export function leastBucketMs(fromMs: number, nowMs: number, kept: Retention): number {
  const ageMs = nowMs - fromMs;
  if (ageMs > kept.hoursMs) return dayMs;
  if (ageMs > kept.minutesMs) return 3_600_000;
  return ageMs > kept.readingsMs ? 60_000 : 1;
}
