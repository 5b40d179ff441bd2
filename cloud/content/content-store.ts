import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import type { VersionState } from "./core/version-life.ts";
import type { ContentKind, Locales } from "./content-shapes.ts";

export interface ItemRow {
  id: string;
  kind: ContentKind;
  version: number;
  created_at_ms: number;
  created_by: string;
  /** Of the newest version. */
  state: VersionState;
  locales: Locales;
}

export interface VersionRow {
  version: number;
  state: VersionState;
  locales: Locales;
  created_at_ms: number;
  created_by: string;
}

/** Most versions that one answer holds, from the newest down. */
const versionsShownMax = 50;

const withNewest = sql.raw(`
  SELECT i.id, i.kind, i.version, i.created_at_ms, i.created_by, v.state, v.locales
  FROM content_item i JOIN content_version v ON v.item_id = i.id AND v.version = i.version`);

export async function insertItem(
  tx: Db,
  row: { id: string; kind: ContentKind; created_at_ms: number; created_by: string },
): Promise<void> {
  await sql`
    INSERT INTO content_item (id, kind, version, created_at_ms, created_by)
    VALUES (${row.id}, ${row.kind}, 1, ${row.created_at_ms}, ${row.created_by})`.execute(tx);
}

/** Adds a version, as a draft, and makes it the item's newest. */
export async function insertVersion(
  tx: Db,
  row: { item_id: string; version: number; locales: Locales; created_at_ms: number; created_by: string },
): Promise<void> {
  await sql`
    INSERT INTO content_version (item_id, version, locales, state, created_at_ms, created_by)
    VALUES (${row.item_id}, ${row.version}, ${JSON.stringify(row.locales)}::jsonb, 'draft', ${row.created_at_ms}, ${row.created_by})`.execute(
    tx,
  );
  await sql`UPDATE content_item SET version = ${row.version} WHERE id = ${row.item_id}`.execute(tx);
}

export async function findItem(db: Db, id: string): Promise<ItemRow | null> {
  const { rows } = await sql<ItemRow>`${withNewest} WHERE i.id = ${id}`.execute(db);
  return rows[0] ?? null;
}

/** The item, locked: whoever changes an item changes it alone. */
export async function lockItem(tx: Db, id: string): Promise<ItemRow | null> {
  const { rows } = await sql<ItemRow>`${withNewest} WHERE i.id = ${id} FOR UPDATE OF i`.execute(tx);
  return rows[0] ?? null;
}

/** Newest first, below `beforeId` where given. */
export async function listItems(
  db: Db,
  query: { kind: ContentKind | null; beforeId: string | null; limit: number },
): Promise<ItemRow[]> {
  const { kind, beforeId, limit } = query;
  const { rows } = await sql<ItemRow>`
    ${withNewest}
    WHERE (${kind}::text IS NULL OR i.kind = ${kind}) AND (${beforeId}::uuid IS NULL OR i.id < ${beforeId}::uuid)
    ORDER BY i.id DESC LIMIT ${limit}`.execute(db);
  return rows;
}

/** From the newest down. */
export async function versionsOf(db: Db, id: string): Promise<VersionRow[]> {
  const { rows } = await sql<VersionRow>`
    SELECT version, state, locales, created_at_ms, created_by FROM content_version
    WHERE item_id = ${id} ORDER BY version DESC LIMIT ${versionsShownMax}`.execute(db);
  return rows;
}

/** The version that is on feeds, or null. */
export async function liveVersion(tx: Db, id: string): Promise<{ version: number; state: VersionState } | null> {
  const { rows } = await sql<{ version: number; state: VersionState }>`
    SELECT version, state FROM content_version WHERE item_id = ${id} AND state = 'live'`.execute(tx);
  return rows[0] ?? null;
}

export async function setState(tx: Db, id: string, version: number, state: VersionState): Promise<void> {
  await sql`UPDATE content_version SET state = ${state} WHERE item_id = ${id} AND version = ${version}`.execute(tx);
}
