import { type RawBuilder, sql } from "kysely";
import type { Db } from "../platform/database.ts";

/** An appliance while a household had it, or has it. */
export interface TenureSpan {
  deviceKey: number;
  deviceId: string;
  model: string;
  fromMs: number;
  /** Exclusive; null while it is theirs. */
  toMs: number | null;
  /** No later than `toMs`: the end of the readings that had come when it left. Null while it is theirs. */
  readingsToMs: number | null;
}

/**
 * A clock may run so far ahead and be believed: what an appliance said as it left may bear a time that was still to come. So does what it
 * says after that, when it is nobody's. Of readings, which are kept without the time of their receipt, it is noted as the appliance leaves
 * how far they go; one that was on its way then, by a clock that runs ahead, may go further, and is nobody's.
 */
const aheadMs = 300_000;
/** Beyond every time that can be. */
const neverMs = 9_000_000_000_000_000;

/**
 * Every appliance that a household has or had, for statements over what it said then: a table expression with `device_key`, `device_id`,
 * `model`, `from_ms` and `to_ms`, by the appliance's clock, and `left_ms`, by ours: what was received before it was theirs. Both ends are
 * exclusive. Spans of two households never overlap: one ends where the next begins, and which is next is told by when appliances left,
 * since a span begins ahead of now where the clock does. What the gateway itself notes as an appliance leaves, with the address where it
 * was, comes after `left_ms` and goes by `to_ms`. `reached_ms` is how far readings went when it left, null where nobody noted it.
 */
export const tenureSpans = (householdId: string): RawBuilder<unknown> => sql`(
  SELECT t.device_key, d.id AS device_id, d.model, t.from_ms,
    least(t.to_ms + ${sql.lit(aheadMs)}, coalesce(
      (SELECT min(n.from_ms) FROM device_tenure n WHERE n.device_key = t.device_key AND n.to_ms > t.to_ms),
      CASE WHEN d.household_id IS NOT NULL THEN d.household_since_ms END,
      t.to_ms + ${sql.lit(aheadMs)})) AS to_ms,
    t.to_ms AS left_ms, t.reached_ms
  FROM device_tenure t JOIN device d ON d.key = t.device_key WHERE t.household_id = ${householdId}::uuid
  UNION ALL
  SELECT key, id, model, coalesce(household_since_ms, 0), ${sql.lit(neverMs)}, ${sql.lit(neverMs)}, NULL
  FROM device WHERE household_id = ${householdId}::uuid)`;

export async function tenureSpansOf(db: Db, householdId: string): Promise<TenureSpan[]> {
  const { rows } = await sql<TenureSpan>`
    SELECT device_key AS "deviceKey", device_id AS "deviceId", model, from_ms AS "fromMs",
      nullif(to_ms, ${sql.lit(neverMs)}) AS "toMs", nullif(least(to_ms, reached_ms), ${sql.lit(neverMs)}) AS "readingsToMs"
    FROM ${tenureSpans(householdId)} AS t ORDER BY from_ms, device_key`.execute(db);
  return rows;
}
