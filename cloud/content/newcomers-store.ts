import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import type { ItemVersionRow } from "./content-store.ts";
import { versionColumns } from "./content-store.ts";

export async function addNewcomers(tx: Db, deviceKeys: readonly number[]): Promise<void> {
  await sql`
    INSERT INTO content_newcomer (device_key) SELECT unnest(${[...deviceKeys]}::int[]) ORDER BY 1
    ON CONFLICT DO NOTHING`.execute(tx);
}

/** Takes some of them; they come back where the transaction does not go through. */
export async function takeNewcomers(tx: Db, limit: number): Promise<number[]> {
  const { rows } = await sql<{ device_key: number }>`
    DELETE FROM content_newcomer WHERE device_key IN (
      SELECT device_key FROM content_newcomer ORDER BY device_key LIMIT ${limit} FOR UPDATE SKIP LOCKED)
    RETURNING device_key`.execute(tx);
  return rows.map((row) => row.device_key);
}

export type SafetyNotice = ItemVersionRow & { notify_after_key: number | null; notify_models: string[] | null };

/** The safety notices that are out for any of these models, held: what is withdrawn meanwhile waits. */
export async function lockSafetyNotices(tx: Db, models: readonly string[]): Promise<SafetyNotice[]> {
  const { rows } = await sql<SafetyNotice>`
    SELECT i.id, i.kind, ${versionColumns}, v.notify_after_key, v.notify_models
    FROM content_version v JOIN content_item i ON i.id = v.item_id
    WHERE v.state = 'live' AND v.class = 'safety' AND i.kind = 'notice' AND v.feed_models && ${[...models]}::text[]
    ORDER BY v.item_id FOR UPDATE OF v`.execute(tx);
  return rows;
}
