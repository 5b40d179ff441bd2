import { sql } from "kysely";
import type { Db } from "../platform/database.ts";

export interface KeyRow {
  key_id: string;
  public_key: Buffer;
  name: string;
  created_at_ms: number;
  created_by: string;
}

export interface ReleaseRow {
  id: string;
  model: string;
  hardware_ids: string[];
  version: string;
  release_counter: number;
  length: number;
  sha256: string;
  sha1: string;
  md5: string;
  key_id: string;
  payload: string;
  signature: string;
  created_at_ms: number;
  created_by: string;
}

/** Most keys of one installation. */
const keysMax = 100;

/** Taken for the length of a transaction that adds or removes an image, so that a file and its row change together. */
const imageLock = 4_711_002;

export async function lockImages(tx: Db): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(${imageLock})`.execute(tx);
}

/** False where the key is there already. */
export async function insertKey(tx: Db, row: KeyRow): Promise<boolean> {
  const { rows } = await sql`
    INSERT INTO firmware_key (key_id, public_key, name, created_at_ms, created_by)
    VALUES (${row.key_id}, ${row.public_key}, ${row.name}, ${row.created_at_ms}, ${row.created_by})
    ON CONFLICT (key_id) DO NOTHING RETURNING key_id`.execute(tx);
  return rows.length > 0;
}

export async function listKeys(db: Db): Promise<KeyRow[]> {
  const { rows } = await sql<KeyRow>`
    SELECT * FROM firmware_key ORDER BY created_at_ms, key_id LIMIT ${keysMax}`.execute(db);
  return rows;
}

/** The highest counter that a model's releases have, or 0. */
export async function highestCounter(db: Db, model: string): Promise<number> {
  const { rows } = await sql<{ counter: number | null }>`
    SELECT max(release_counter) AS counter FROM firmware_release WHERE model = ${model}`.execute(db);
  return rows[0]?.counter ?? 0;
}

export async function insertRelease(tx: Db, row: ReleaseRow): Promise<void> {
  await sql`
    INSERT INTO firmware_release (id, model, hardware_ids, version, release_counter, length, sha256, sha1, md5, key_id, payload,
      signature, created_at_ms, created_by)
    VALUES (${row.id}, ${row.model}, ${row.hardware_ids}, ${row.version}, ${row.release_counter}, ${row.length}, ${row.sha256},
      ${row.sha1}, ${row.md5}, ${row.key_id}, ${row.payload}, ${row.signature}, ${row.created_at_ms}, ${row.created_by})`.execute(
    tx,
  );
}

export async function findRelease(db: Db, id: string): Promise<ReleaseRow | null> {
  const { rows } = await sql<ReleaseRow>`SELECT * FROM firmware_release WHERE id = ${id}`.execute(db);
  return rows[0] ?? null;
}

/** Newest first, below `beforeId` where given. */
export async function listReleases(
  db: Db,
  query: { model: string | null; beforeId: string | null; limit: number },
): Promise<ReleaseRow[]> {
  const { model, beforeId, limit } = query;
  const { rows } = await sql<ReleaseRow>`
    SELECT * FROM firmware_release
    WHERE (${model}::text IS NULL OR model = ${model}) AND (${beforeId}::uuid IS NULL OR id < ${beforeId}::uuid)
    ORDER BY id DESC LIMIT ${limit}`.execute(db);
  return rows;
}

export async function hasImage(db: Db, sha256: string): Promise<boolean> {
  const { rows } = await sql`SELECT 1 FROM firmware_release WHERE sha256 = ${sha256} LIMIT 1`.execute(db);
  return rows.length > 0;
}
