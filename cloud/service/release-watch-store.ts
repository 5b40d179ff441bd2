import { sql } from "kysely";
import { deviceFacts } from "../devices/devices.ts";
import type { Db } from "../platform/database.ts";
import { releaseGraceMs } from "./core/case.ts";

/** The clock on the wall plays no part here, so no household is asked for it. */
const noHouseholds = sql`(SELECT NULL::uuid AS id, NULL::text AS time_zone WHERE false)`;

/** The counter of the release that each device confirmed last; null of one that never did. */
export async function releaseCounters(db: Db, deviceKeys: readonly number[]): Promise<Map<number, number | null>> {
  const { rows } = await sql<{ key: number; counter: number | null }>`
    SELECT key, counter FROM ${deviceFacts(noHouseholds)} AS d WHERE key = ANY(${[...deviceKeys]}::int[])`.execute(db);
  return new Map(rows.map(({ key, counter }) => [key, counter]));
}

/**
 * Cases that wait for a release which their device has confirmed, or a newer one; `stands` where a rule in force still holds the cause.
 * One whose cause stands is told once when the release comes, and then when its grace is over.
 *
 * @param limit most cases in one call; the caller repeats until fewer come back
 */
export async function confirmedReleases(
  tx: Db,
  nowMs: number,
  limit: number,
): Promise<Map<string, { stands: boolean }>> {
  const { rows } = await sql<{ id: string; stands: boolean }>`
    SELECT id, stands FROM (
      SELECT c.id, c.release_confirmed_at_ms, EXISTS (
        SELECT FROM rule_state s WHERE s.device_key = c.device_key AND s.cause = c.cause AND s.phase = 'holding' AND (
          SELECT r.definition ->> 'mode' FROM service_rule r WHERE r.id = s.rule_id ORDER BY r.version DESC LIMIT 1) = 'live'
      ) AS stands
      FROM service_case c JOIN ${deviceFacts(noHouseholds)} AS d ON d.key = c.device_key
      WHERE c.status = 'waiting_for_release' AND d.counter >= c.fixed_in_counter
    ) AS found
    WHERE NOT stands OR release_confirmed_at_ms IS NULL OR release_confirmed_at_ms <= ${nowMs - releaseGraceMs}
    LIMIT ${limit}`.execute(tx);
  return new Map(rows.map(({ id, stands }) => [id, { stands }]));
}
