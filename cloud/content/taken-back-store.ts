import { sql } from "kysely";
import type { Db } from "../platform/database.ts";

/** Has everything that was taken back of these looked at, from the first. */
export async function addItems(tx: Db, itemIds: readonly string[]): Promise<void> {
  if (itemIds.length === 0) return;
  await sql`
    INSERT INTO content_again (item_id) SELECT id FROM unnest(${[...itemIds]}::uuid[]) AS id ORDER BY id
    ON CONFLICT (item_id) DO UPDATE SET after_id = NULL`.execute(tx);
}

export async function firstItem(db: Db): Promise<string | null> {
  const { rows } = await sql<{ item_id: string }>`SELECT item_id FROM content_again ORDER BY item_id LIMIT 1`.execute(
    db,
  );
  return rows[0]?.item_id ?? null;
}

/** How far the looking has come, locked; undefined where it is over. */
export async function lockPlace(tx: Db, itemId: string): Promise<{ after_id: string | null } | undefined> {
  const { rows } = await sql<{ after_id: string | null }>`
    SELECT after_id FROM content_again WHERE item_id = ${itemId} FOR UPDATE`.execute(tx);
  return rows[0];
}

/** @param afterId what was looked at last; null: all was */
export async function notePlace(tx: Db, itemId: string, afterId: string | null): Promise<void> {
  await (
    afterId === null
      ? sql`DELETE FROM content_again WHERE item_id = ${itemId}`
      : sql`UPDATE content_again SET after_id = ${afterId} WHERE item_id = ${itemId}`
  ).execute(tx);
}
