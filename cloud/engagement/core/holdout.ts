import { hash } from "node:crypto";

/** The quarter of a moment, by UTC: all households change it at once. */
export function quarterOf(nowMs: number): string {
  const at = Temporal.Instant.fromEpochMilliseconds(nowMs).toZonedDateTimeISO("UTC");
  return `${at.year}-Q${Math.ceil(at.month / 3)}`;
}

/** Where a household stands in a quarter's draw: 0 up to 1. The first 32 bits of md5(quarter ':' household), the same in SQL. */
export const holdoutDraw = (quarter: string, householdId: string): number =>
  Number.parseInt(hash("md5", `${quarter}:${householdId}`).slice(0, 8), 16) / 2 ** 32;
