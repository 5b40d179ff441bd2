import { sql } from "kysely";
import type { Db } from "../platform/database.ts";

/** The ids of somebody's test appliances, in the order in which they were added. */
export async function testDevicesOf(db: Db, person: string): Promise<string[]> {
  const { rows } = await sql<{ device_id: string }>`
    SELECT device_id FROM content_test_device WHERE person = ${person} ORDER BY added_at_ms, device_id`.execute(db);
  return rows.map(({ device_id }) => device_id);
}

export async function addTestDevice(tx: Db, person: string, deviceId: string, atMs: number): Promise<void> {
  await sql`
    INSERT INTO content_test_device (person, device_id, added_at_ms) VALUES (${person}, ${deviceId}, ${atMs})
    ON CONFLICT DO NOTHING`.execute(tx);
}

/** @returns whether it was there */
export async function removeTestDevice(tx: Db, person: string, deviceId: string): Promise<boolean> {
  const { rows } = await sql`
    DELETE FROM content_test_device WHERE person = ${person} AND device_id = ${deviceId} RETURNING 1 AS gone`.execute(
    tx,
  );
  return rows.length > 0;
}
