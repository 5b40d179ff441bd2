import { sql } from "kysely";
import type { DeviceRef } from "../devices/devices.ts";
import type { Db } from "../platform/database.ts";

/**
 * What speaks for a cause are readings and events of the household that had the appliance then: they go with it, from the firings of
 * rules, from incidents and from back-tests. That something was found stays.
 *
 * @param devices those that the household has, as they were
 */
export async function forgetTraces(tx: Db, devices: readonly DeviceRef[]): Promise<void> {
  if (devices.length === 0) return;
  const keys = devices.map(({ key }) => key);
  const theirs = sql`unnest(${keys}::int[], ${devices.map(({ householdSinceMs }) => householdSinceMs ?? 0)}::bigint[])
    AS t(device_key, since_ms)`;
  await sql`UPDATE rule_firing f SET trace = '{}' FROM ${theirs}
    WHERE f.device_key = t.device_key AND f.at_ms >= t.since_ms`.execute(tx);
  await sql`DELETE FROM rule_late l USING ${theirs}
    WHERE l.device_key = t.device_key AND l.to_ms >= t.since_ms`.execute(tx);
  await sql`UPDATE incident_member m SET evidence = NULL FROM ${theirs}
    WHERE m.device_key = t.device_key AND m.raised_at_ms >= t.since_ms AND m.evidence IS NOT NULL`.execute(tx);
  await sql`UPDATE backtest_device SET firings = '[]' WHERE device_key = ANY(${keys}::int[])`.execute(tx);
}
