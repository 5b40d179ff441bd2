import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import type { ContentClass } from "#protocol/content.ts";
import type { VersionState } from "./core/version-life.ts";
import type { ContentKind, Locales } from "./content-shapes.ts";

/** What a version says and what is true of it in every language. */
export interface VersionContent {
  class: ContentClass;
  is_shareable: boolean;
  topics: string[];
  models: string[] | null;
  offer_key: string | null;
  image_sha256: string | null;
  locales: Locales;
}

/** Where a version goes, and when. */
export interface VersionSchedule {
  feed_models: string[];
  from_local: string | null;
  until_local: string | null;
  zone: string | null;
  from_ms: number | null;
  until_ms: number | null;
}

export interface VersionRow extends VersionContent, VersionSchedule {
  version: number;
  state: VersionState;
  created_at_ms: number;
  created_by: string;
}

/** An item with its newest version. */
export interface ItemRow extends VersionContent {
  id: string;
  kind: ContentKind;
  version: number;
  created_at_ms: number;
  created_by: string;
  state: VersionState;
}

/** A version with the item that it is of. */
export type ItemVersionRow = VersionRow & { id: string; kind: ContentKind };

/** Most versions that one answer holds, from the newest down. */
const versionsShownMax = 50;

const contentColumns = "v.class, v.is_shareable, v.topics, v.models, v.offer_key, v.image_sha256, v.locales";

const versionColumns = sql.raw(`
  v.version, v.state, ${contentColumns}, v.feed_models, v.from_local, v.until_local, v.zone, v.from_ms, v.until_ms,
  v.created_at_ms, v.created_by`);

const withNewest = sql.raw(`
  SELECT i.id, i.kind, i.version, i.created_at_ms, i.created_by, v.state, ${contentColumns}
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
  row: VersionContent & { item_id: string; version: number; created_at_ms: number; created_by: string },
): Promise<void> {
  await sql`
    INSERT INTO content_version (
      item_id, version, state, class, is_shareable, topics, models, offer_key, image_sha256, locales, created_at_ms, created_by
    ) VALUES (
      ${row.item_id}, ${row.version}, 'draft', ${row.class}, ${row.is_shareable}, ${row.topics}::text[], ${row.models}::text[],
      ${row.offer_key}, ${row.image_sha256}, ${JSON.stringify(row.locales)}::jsonb, ${row.created_at_ms}, ${row.created_by}
    )`.execute(tx);
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
    SELECT ${versionColumns} FROM content_version v
    WHERE v.item_id = ${id} ORDER BY v.version DESC LIMIT ${versionsShownMax}`.execute(db);
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

/** Of each item the version that households get: the one that is live, or else the one that is scheduled. */
export async function sendableVersions(db: Db, ids: readonly string[]): Promise<ItemVersionRow[]> {
  const { rows } = await sql<ItemVersionRow>`
    SELECT DISTINCT ON (v.item_id) i.id, i.kind, ${versionColumns}
    FROM content_version v JOIN content_item i ON i.id = v.item_id
    WHERE v.item_id = ANY(${ids}::uuid[]) AND v.state IN ('live', 'scheduled')
    ORDER BY v.item_id, v.state`.execute(db);
  return rows;
}
