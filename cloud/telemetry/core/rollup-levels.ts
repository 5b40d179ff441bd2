/** The lengths of time for which it is kept what metrics did, coarsest first. Each is made from the one after it, the last from readings. */
export const rollupLevels = [
  { level: "day", table: "rollup_day", ms: 86_400_000 },
  { level: "hour", table: "rollup_hour", ms: 3_600_000 },
  // So that a chart of a month in a thousand points reads three rows for each and not forty-five.
  { level: "quarter", table: "rollup_quarter", ms: 900_000 },
  { level: "minute", table: "rollup_minute", ms: 60_000 },
] as const;

export type RollupLevel = (typeof rollupLevels)[number]["level"];

/** Rollups are right or wrong by the hour: that is the grain in which it is noted that readings came. */
export const hourMs = 3_600_000;

/** The beginning of the `lengthMs` that a time is in. */
export const floorTo = (atMs: number, lengthMs: number): number => Math.floor(atMs / lengthMs) * lengthMs;
