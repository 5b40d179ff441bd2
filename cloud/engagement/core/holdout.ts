import { createHash } from "node:crypto";

/** The quarter of a moment, by UTC: all households change it at once. */
export function quarterOf(nowMs: number): string {
  const at = Temporal.Instant.fromEpochMilliseconds(nowMs).toZonedDateTimeISO("UTC");
  return `${at.year}-Q${Math.ceil(at.month / 3)}`;
}

/** Where a household stands in a quarter's draw: 0 up to 1. The first 32 bits of md5(quarter ':' household), the same in SQL. */
export const holdoutDraw = (quarter: string, householdId: string): number =>
  createHash("md5").update(`${quarter}:${householdId}`).digest().readUInt32BE(0) / 2 ** 32;
