import { sql } from "kysely";
import type { ContentClass } from "#protocol/content.ts";
import type { Feed } from "#protocol/topics.ts";
import { unitsOfLocale } from "#protocol/units.ts";
import type { Db } from "../platform/database.ts";
import { type ContentKind, itemInLocale, type Locales, type StoredImage } from "./content-shapes.ts";
import type { FeedKey, IndexVersion, Publication } from "./core/feed-topics.ts";

/** The version of all feeds, locked: changes come one after the other, and a snapshot waits for the change under way. */
export async function lockFeedVersion(tx: Db, forChange: boolean): Promise<number> {
  const lock = sql.raw(forChange ? "FOR UPDATE" : "FOR SHARE");
  const { rows } = await sql<{ version: number }>`SELECT version FROM feed_version ${lock}`.execute(tx);
  const row = rows[0];
  if (row === undefined) throw new Error("feed_version has lost its row");
  return row.version;
}

/** The version of all feeds, as of now. */
export async function readFeedVersion(db: Db): Promise<number> {
  const { rows } = await sql<{ version: number }>`SELECT version FROM feed_version`.execute(db);
  return rows[0]?.version ?? 0;
}

export async function setFeedVersion(tx: Db, version: number): Promise<void> {
  await sql`UPDATE feed_version SET version = ${version}`.execute(tx);
}

/** The feeds of some models, or of all. */
export interface FeedScope {
  models: readonly string[];
  feed: Feed;
}

const within = (scope: FeedScope | null) =>
  scope === null ? sql`true` : sql`p.model = ANY(${scope.models}::text[]) AND p.feed = ${scope.feed}`;

interface PublicationRow {
  model: string;
  feed: Feed;
  locale: string;
  id: string;
  kind: ContentKind;
  version: number;
  class: ContentClass;
  text_locale: string;
  text: Record<string, unknown>;
  image: StoredImage | null;
  image_href: string | null;
}

/** What is on the feeds of `scope`, or on all. */
export async function publications(tx: Db, scope: FeedScope | null): Promise<Publication[]> {
  const { rows } = await sql<PublicationRow>`
    SELECT p.model, p.feed, p.locale, i.id, i.kind, p.version, v.class, p.text_locale, p.image_href,
      v.locales -> p.text_locale AS text, CASE WHEN m.sha256 IS NOT NULL
        THEN json_build_object('sha256', m.sha256, 'sizeBytes', m.size_bytes, 'mimeType', m.mime_type) END AS image
    FROM feed_publication p
    JOIN content_version v ON v.item_id = p.item_id AND v.version = p.version
    JOIN content_item i ON i.id = p.item_id
    LEFT JOIN content_media m ON m.sha256 = v.image_sha256
    WHERE ${within(scope)} ORDER BY p.model, p.feed, p.locale, p.item_id`.execute(tx);
  return rows.map(({ model, feed, locale, text_locale, text, image_href, ...of }) => {
    const locales: Locales = { [text_locale]: text };
    return {
      model,
      feed,
      locale,
      item: itemInLocale({ ...of, locales }, text_locale, { imageHref: image_href, units: unitsOfLocale(locale) }),
    };
  });
}

export async function indexVersions(tx: Db, scope: FeedScope | null): Promise<IndexVersion[]> {
  const { rows } = await sql<IndexVersion>`
    SELECT p.model, p.feed, p.locale, p.version FROM feed_index p
    WHERE ${within(scope)} ORDER BY p.model, p.feed, p.locale`.execute(tx);
  return rows;
}

export async function setIndexVersions(tx: Db, keys: readonly FeedKey[], version: number): Promise<void> {
  if (keys.length === 0) return;
  await sql`
    INSERT INTO feed_index (model, feed, locale, version)
    SELECT model, feed, locale, ${version}::bigint
    FROM json_to_recordset(${JSON.stringify(keys)}::json) AS k(model text, feed text, locale text)
    ON CONFLICT (model, feed, locale) DO UPDATE SET version = excluded.version`.execute(tx);
}

/** The models on whose feeds an item is. */
export async function modelsOfItem(tx: Db, itemId: string): Promise<string[]> {
  const { rows } = await sql<{ model: string }>`
    SELECT DISTINCT model FROM feed_publication WHERE item_id = ${itemId} ORDER BY model`.execute(tx);
  return rows.map(({ model }) => model);
}

export interface PublishedItem {
  id: string;
  version: number;
  publishedAtMs: number;
  imageHref: string | null;
}

/** A feed, and the locale whose text it gets: its own, or the one that its readers fall back to. */
export interface FeedPlace extends FeedKey {
  textLocale: string;
}

/** Puts an item on exactly these feeds, and on no others. */
export async function replacePublications(tx: Db, item: PublishedItem, keys: readonly FeedPlace[]): Promise<void> {
  await sql`DELETE FROM feed_publication WHERE item_id = ${item.id}`.execute(tx);
  if (keys.length === 0) return;
  await sql`
    INSERT INTO feed_publication (model, feed, locale, text_locale, item_id, version, published_at_ms, image_href)
    SELECT model, feed, locale, "textLocale", ${item.id}::uuid, ${item.version}::int, ${item.publishedAtMs}::bigint,
      ${item.imageHref}::text
    FROM json_to_recordset(${JSON.stringify(keys)}::json) AS k(model text, feed text, locale text, "textLocale" text)`.execute(
    tx,
  );
}

/** Takes items off the feeds of one model. */
export async function removePublications(
  tx: Db,
  { models, feed }: FeedScope,
  itemIds: readonly string[],
): Promise<void> {
  await sql`
    DELETE FROM feed_publication
    WHERE model = ANY(${[...models]}::text[]) AND feed = ${feed} AND item_id = ANY(${[...itemIds]}::uuid[])`.execute(
    tx,
  );
}

/** Puts an item on further feeds, beside those on which it is. */
export async function addPublications(
  tx: Db,
  { places, ...item }: PublishedItem & { places: readonly FeedPlace[] },
): Promise<void> {
  const each = places.map((place) => ({ ...item, ...place }));
  await sql`
    INSERT INTO feed_publication (model, feed, locale, text_locale, item_id, version, published_at_ms, image_href)
    SELECT model, feed, locale, "textLocale", id, version, "publishedAtMs", "imageHref"
    FROM json_to_recordset(${JSON.stringify(each)}::json) AS k(model text, feed text, locale text, "textLocale" text, id uuid,
      version int, "publishedAtMs" bigint, "imageHref" text)
    ON CONFLICT DO NOTHING`.execute(tx);
}

/** How many items other than this one are on all feeds together, and on the fullest of the given ones. */
export async function feedSizesWithout(
  tx: Db,
  itemId: string,
  keys: readonly FeedKey[],
): Promise<{ total: number; fullest: number }> {
  const { rows } = await sql<{ total: number; fullest: number }>`
    SELECT coalesce(sum(n), 0)::bigint AS total, coalesce(max(n) FILTER (WHERE wanted), 0) AS fullest
    FROM (
      SELECT model, feed, locale, count(*) AS n FROM feed_publication WHERE item_id <> ${itemId} GROUP BY model, feed, locale
    ) AS feeds
    LEFT JOIN (
      SELECT *, true AS wanted FROM json_to_recordset(${JSON.stringify(keys)}::json) AS k(model text, feed text, locale text)
    ) AS given USING (model, feed, locale)`.execute(tx);
  return rows[0] ?? { total: 0, fullest: 0 };
}

/** Where each of some items is published. */
export async function publishedTo(db: Db, itemIds: readonly string[]): Promise<Map<string, string[]>> {
  const { rows } = await sql<{ item_id: string; models: string[] }>`
    SELECT item_id, array_agg(DISTINCT model ORDER BY model) AS models
    FROM feed_publication WHERE item_id = ANY(${itemIds}::uuid[]) GROUP BY item_id`.execute(db);
  return new Map(rows.map((row) => [row.item_id, row.models]));
}
