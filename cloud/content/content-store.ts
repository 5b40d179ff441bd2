import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import type { ContentClass } from "#protocol/content.ts";
import type { VersionEvent, VersionState } from "./core/version-life.ts";
import type { ContentKind, Locales, StoredImage } from "./content-shapes.ts";

/** What a version says and what is true of it in every language. */
export interface VersionContent {
  class: ContentClass;
  is_shareable: boolean;
  topics: string[];
  models: string[] | null;
  offer_key: string | null;
  image: StoredImage | null;
  locales: Locales;
}

/** What is written of a version. */
export type NewVersion = Omit<VersionContent, "image"> & {
  item_id: string;
  version: number;
  image_sha256: string | null;
  created_at_ms: number;
  created_by: string;
};

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
  /** Who saved the newest version. */
  version_by: string;
  version_at_ms: number;
  live_version: number | null;
}

/** A version with the item that it is of. */
export type ItemVersionRow = VersionRow & { id: string; kind: ContentKind };

/** Most versions that one answer holds, from the newest down. */
const versionsShownMax = 50;
const stepsShownMax = 100;

/** What is approved and not over: it may be sent by hand, and is withdrawn together. */
export const approvedStates: readonly VersionState[] = ["live", "scheduled", "approved"];

const contentColumns = `v.class, v.is_shareable, v.topics, v.models, v.offer_key, v.locales, (
    SELECT json_build_object('sha256', m.sha256, 'sizeBytes', m.size_bytes, 'mimeType', m.mime_type)
    FROM content_media m WHERE m.sha256 = v.image_sha256) AS image`;

export const versionColumns = sql.raw(`
  v.version, v.state, ${contentColumns}, v.feed_models, v.from_local, v.until_local, v.zone, v.from_ms, v.until_ms,
  v.created_at_ms, v.created_by`);

const withNewest = sql.raw(`
  SELECT i.id, i.kind, i.version, i.created_at_ms, i.created_by, v.state, v.created_by AS version_by, v.created_at_ms AS version_at_ms, ${contentColumns},
    (SELECT l.version FROM content_version l WHERE l.item_id = i.id AND l.state = 'live') AS live_version
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
export async function insertVersion(tx: Db, row: NewVersion): Promise<void> {
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
  // By itself: a join that waited for the lock still looks for the newest version among those of before. Rows that refer to the item may come
  // meanwhile: who stores a model's limits has the feeds and notes recipes, and who schedules one has the item and waits for the feeds.
  await sql`SELECT 1 FROM content_item WHERE id = ${id} FOR NO KEY UPDATE`.execute(tx);
  return findItem(tx, id);
}

export interface ListQuery {
  kind: ContentKind | null;
  state: VersionState | null;
  class: ContentClass | null;
  locale: string | null;
  /** Part of a title in any language. */
  title: string | null;
  beforeId: string | null;
  limit: number;
}

/** Newest first, below `beforeId` where given. State and class are the newest version's. */
export async function listItems(db: Db, query: ListQuery): Promise<ItemRow[]> {
  const { kind, state, locale, title, beforeId, limit } = query;
  const { rows } = await sql<ItemRow>`
    ${withNewest}
    WHERE (${kind}::text IS NULL OR i.kind = ${kind}) AND (${beforeId}::uuid IS NULL OR i.id < ${beforeId}::uuid)
      AND (${state}::text IS NULL OR v.state = ${state}) AND (${query.class}::text IS NULL OR v.class = ${query.class})
      AND (${locale}::text IS NULL OR v.locales ? ${locale}::text)
      AND (${title}::text IS NULL OR EXISTS (
        SELECT 1 FROM jsonb_each(v.locales) t
        WHERE position(lower(${title}::text) IN lower(t.value ->> 'title')) > 0))
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

export async function findVersion(db: Db, id: string, version: number): Promise<ItemVersionRow | null> {
  const { rows } = await sql<ItemVersionRow>`
    SELECT i.id, i.kind, ${versionColumns} FROM content_version v JOIN content_item i ON i.id = v.item_id
    WHERE v.item_id = ${id} AND v.version = ${version}`.execute(db);
  return rows[0] ?? null;
}

/** The versions of an item that are in one of some states, the newest first. */
export async function versionsIn(db: Db, id: string, states: readonly VersionState[]): Promise<ItemVersionRow[]> {
  const { rows } = await sql<ItemVersionRow>`
    SELECT i.id, i.kind, ${versionColumns} FROM content_version v JOIN content_item i ON i.id = v.item_id
    WHERE v.item_id = ${id} AND v.state = ANY(${states}::text[]) ORDER BY v.version DESC`.execute(db);
  return rows;
}

/** Who wrote what a version says: of all that was saved since the version before it that was approved. */
export async function authorsOf(tx: Db, id: string, version: number): Promise<string[]> {
  const { rows } = await sql<{ by: string }>`
    SELECT DISTINCT created_by AS by FROM content_version
    WHERE item_id = ${id} AND version <= ${version} AND version > coalesce((
      SELECT max(version) FROM content_version
      WHERE item_id = ${id} AND version < ${version} AND state NOT IN ('draft', 'in_review')), 0)`.execute(tx);
  return rows.map(({ by }) => by);
}

export async function setState(tx: Db, id: string, version: number, state: VersionState): Promise<void> {
  await sql`
    UPDATE content_version SET state = ${state} WHERE item_id = ${id} AND version = ${version}`.execute(tx);
}

export async function setSchedule(tx: Db, id: string, version: number, schedule: VersionSchedule): Promise<void> {
  await sql`
    UPDATE content_version SET feed_models = ${schedule.feed_models}::text[], from_local = ${schedule.from_local},
      until_local = ${schedule.until_local}, zone = ${schedule.zone}, from_ms = ${schedule.from_ms}, until_ms = ${schedule.until_ms}
    WHERE item_id = ${id} AND version = ${version}`.execute(tx);
}

export interface StepRow {
  version: number;
  at_ms: number;
  event: VersionEvent;
  state: VersionState;
  by: string;
  note: string | null;
}

export async function insertStep(tx: Db, id: string, step: StepRow): Promise<void> {
  await sql`
    INSERT INTO content_step (item_id, version, at_ms, event, state, by, note)
    VALUES (${id}, ${step.version}, ${step.at_ms}, ${step.event}, ${step.state}, ${step.by}, ${step.note})`.execute(tx);
}

/** From the newest down. */
export async function stepsOf(db: Db, id: string): Promise<StepRow[]> {
  const { rows } = await sql<StepRow>`
    SELECT version, at_ms, event, state, by, note FROM content_step
    WHERE item_id = ${id} ORDER BY id DESC LIMIT ${stepsShownMax}`.execute(db);
  return rows;
}

/** What is due: scheduled versions whose time has come, and versions whose time is over. */
export async function dueVersions(
  db: Db,
  nowMs: number,
  limit: number,
): Promise<{ id: string; version: number; event: "start" | "expire" }[]> {
  const { rows } = await sql<{ id: string; version: number; event: "start" | "expire" }>`
    (SELECT item_id AS id, version, 'expire' AS event FROM content_version
      WHERE state IN ('scheduled', 'live') AND until_ms IS NOT NULL AND until_ms <= ${nowMs} ORDER BY until_ms LIMIT ${limit})
    UNION ALL
    (SELECT item_id, version, 'start' FROM content_version
      WHERE state = 'scheduled' AND from_ms <= ${nowMs} AND (until_ms IS NULL OR until_ms > ${nowMs})
      ORDER BY from_ms LIMIT ${limit})`.execute(db);
  return rows;
}

/** The texts of some items, as the newest version of each has them. */
export async function newestTexts(db: Db, ids: readonly string[]): Promise<Pick<ItemVersionRow, "id" | "locales">[]> {
  if (ids.length === 0) return [];
  const { rows } = await sql<Pick<ItemVersionRow, "id" | "locales">>`
    SELECT DISTINCT ON (item_id) item_id AS id, locales FROM content_version WHERE item_id = ANY(${[...ids]}::uuid[])
    ORDER BY item_id, version DESC`.execute(db);
  return rows;
}

/** Recipes that are out, each with whether it is on a model's feed now and whether its author wants it there. */
export async function recipesOut(
  tx: Db,
  model: string,
): Promise<(ItemVersionRow & { is_wanted: boolean; is_there: boolean })[]> {
  const { rows } = await sql<ItemVersionRow & { is_wanted: boolean; is_there: boolean }>`
    SELECT i.id, i.kind, ${versionColumns}, ${model} = ANY(v.feed_models) AS is_wanted,
      EXISTS (SELECT FROM feed_publication p WHERE p.item_id = v.item_id AND p.model = ${model}) AS is_there
    FROM content_version v JOIN content_item i ON i.id = v.item_id
    WHERE v.state = 'live' AND i.kind = 'recipe' ORDER BY i.id`.execute(tx);
  return rows;
}

/** Versions of recipes that somebody may be sent: those that are out, and those that nobody has sent out yet. */
export async function recipesToSend(tx: Db): Promise<ItemVersionRow[]> {
  const { rows } = await sql<ItemVersionRow>`
    SELECT i.id, i.kind, ${versionColumns} FROM content_version v JOIN content_item i ON i.id = v.item_id
    WHERE v.state = ANY(${approvedStates}::text[]) AND i.kind = 'recipe' ORDER BY i.id, v.version`.execute(tx);
  return rows;
}

/** Puts a scheduled version off: it could not start. */
export async function putOff(tx: Db, id: string, version: number, untilMs: number): Promise<void> {
  await sql`
    UPDATE content_version SET from_ms = ${untilMs} WHERE item_id = ${id} AND version = ${version}`.execute(tx);
}

/** Versions that are planned or out in a window, the earliest first. */
export async function calendar(db: Db, fromMs: number, toMs: number, limit: number): Promise<ItemVersionRow[]> {
  const { rows } = await sql<ItemVersionRow>`
    SELECT i.id, i.kind, ${versionColumns} FROM content_version v JOIN content_item i ON i.id = v.item_id
    WHERE v.from_ms IS NOT NULL AND v.state IN ('scheduled', 'live', 'expired') AND v.from_ms < ${toMs}
      AND (v.until_ms IS NULL OR v.until_ms >= ${fromMs})
    ORDER BY v.from_ms, i.id LIMIT ${limit}`.execute(db);
  return rows;
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

export async function isAnyRecipe(db: Db, ids: readonly string[]): Promise<boolean> {
  const { rows } = await sql`
    SELECT FROM content_item WHERE id = ANY(${ids}::uuid[]) AND kind = 'recipe' LIMIT 1`.execute(db);
  return rows.length > 0;
}

// Safety notices on their way to every appliance

/** Marks a version whose notice goes to every appliance of these models, and of those that are still to be told. */
export async function startNotifying(tx: Db, id: string, version: number, models: readonly string[]): Promise<void> {
  await sql`
    UPDATE content_version SET notify_after_key = 0,
      notify_models = ${[...models]}::text[] || CASE WHEN notify_after_key IS NOT NULL THEN coalesce(notify_models, '{}') ELSE '{}' END
    WHERE item_id = ${id} AND version = ${version}`.execute(tx);
}

/** One version whose notice is still under way, locked; null where there is none that nobody else is at. */
export async function lockNotifying(
  tx: Db,
): Promise<(ItemVersionRow & { notify_after_key: number; notify_models: string[] | null }) | null> {
  const { rows } = await sql<ItemVersionRow & { notify_after_key: number; notify_models: string[] | null }>`
    SELECT i.id, i.kind, ${versionColumns}, v.notify_after_key, v.notify_models
    FROM content_version v JOIN content_item i ON i.id = v.item_id
    WHERE v.notify_after_key IS NOT NULL AND v.state = 'live'
    ORDER BY v.item_id LIMIT 1 FOR UPDATE OF v SKIP LOCKED`.execute(tx);
  return rows[0] ?? null;
}

export async function noteNotified(tx: Db, id: string, version: number, afterKey: number | null): Promise<void> {
  await sql`
    UPDATE content_version SET notify_after_key = ${afterKey} WHERE item_id = ${id} AND version = ${version}`.execute(
    tx,
  );
}
