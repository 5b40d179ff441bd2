import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import type { StoredImage } from "./content-shapes.ts";

export async function findMedia(db: Db, sha256: string): Promise<StoredImage | null> {
  const { rows } = await sql<StoredImage>`
    SELECT sha256, size_bytes AS "sizeBytes", mime_type AS "mimeType" FROM content_media WHERE sha256 = ${sha256}`.execute(
    db,
  );
  return rows[0] ?? null;
}

/** @returns whether it was new */
export async function insertMedia(tx: Db, image: StoredImage & { atMs: number; by: string }): Promise<boolean> {
  const { rows } = await sql`
    INSERT INTO content_media (sha256, size_bytes, mime_type, created_at_ms, created_by)
    VALUES (${image.sha256}, ${image.sizeBytes}, ${image.mimeType}, ${image.atMs}, ${image.by})
    ON CONFLICT (sha256) DO NOTHING RETURNING 1 AS made`.execute(tx);
  return rows.length > 0;
}

/** How many pictures there are, and how many bytes they take. */
export async function mediaSize(db: Db): Promise<{ count: number; bytes: number }> {
  const { rows } = await sql<{ count: number; bytes: number }>`
    SELECT count(*) AS count, coalesce(sum(size_bytes), 0)::bigint AS bytes FROM content_media`.execute(db);
  return rows[0] ?? { count: 0, bytes: 0 };
}
