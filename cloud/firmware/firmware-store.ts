import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import type { Release, ReleaseNotes, ReleaseState } from "./release-shapes.ts";

/** Taken for the length of a transaction that adds or removes an image, so that a file and its row change together. */
const imageLock = 4_711_020;

export async function lockImages(tx: Db): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(${imageLock})`.execute(tx);
}

/** A release, and the family's metadata that was signed for it and is not published yet. */
export interface ReleaseRecord {
  release: Release;
  signedFamily: string | null;
}

interface ReleaseRow {
  id: string;
  state: ReleaseState;
  path: string;
  model: string;
  hardware_ids: string[];
  version: string;
  release_counter: number;
  min_counter: number;
  pass_through: boolean;
  kind: Release["kind"];
  notes: string;
  support_ends_at_ms: number | null;
  length: number;
  sha256: string;
  sha1: string | null;
  md5: string | null;
  signed_family: string | null;
  sbom_components: number | null;
  created_at_ms: number;
  created_by: string;
  published_at_ms: number | null;
  withdrawn_at_ms: number | null;
  withdrawn_reason: string | null;
  offered_at_ms: number | null;
}

const toRecord = (row: ReleaseRow): ReleaseRecord => ({
  signedFamily: row.signed_family,
  release: {
    id: row.id,
    state: row.state,
    path: row.path,
    model: row.model,
    hardwareIds: row.hardware_ids,
    version: row.version,
    releaseCounter: row.release_counter,
    minCounter: row.min_counter,
    passThrough: row.pass_through,
    kind: row.kind,
    notes: row.notes,
    supportEndsAtMs: row.support_ends_at_ms,
    length: row.length,
    sha256: row.sha256,
    sha1: row.sha1,
    md5: row.md5,
    components: row.sbom_components,
    createdAtMs: row.created_at_ms,
    createdBy: row.created_by,
    publishedAtMs: row.published_at_ms,
    withdrawnAtMs: row.withdrawn_at_ms,
    withdrawnReason: row.withdrawn_reason,
    offeredAtMs: row.offered_at_ms,
  },
});

/** A draft. A counter, a path or a version that is taken breaks one of the table's unique constraints. */
export async function insertDraft(tx: Db, release: Release): Promise<void> {
  await sql`
    INSERT INTO firmware_release (id, state, path, model, hardware_ids, version, release_counter, min_counter, pass_through, kind,
      notes, support_ends_at_ms, length, sha256, created_at_ms, created_by)
    VALUES (${release.id}, 'draft', ${release.path}, ${release.model}, ${release.hardwareIds}, ${release.version},
      ${release.releaseCounter}, ${release.minCounter}, ${release.passThrough}, ${release.kind}, ${release.notes},
      ${release.supportEndsAtMs}, ${release.length}, ${release.sha256}, ${release.createdAtMs}, ${release.createdBy})`.execute(
    tx,
  );
}

export async function findRelease(db: Db, id: string): Promise<ReleaseRecord | null> {
  const { rows } = await sql<ReleaseRow>`SELECT * FROM firmware_release WHERE id = ${id}`.execute(db);
  return rows[0] === undefined ? null : toRecord(rows[0]);
}

export async function lockRelease(tx: Db, id: string): Promise<ReleaseRecord | null> {
  const { rows } = await sql<ReleaseRow>`SELECT * FROM firmware_release WHERE id = ${id} FOR UPDATE`.execute(tx);
  return rows[0] === undefined ? null : toRecord(rows[0]);
}

export interface ReleaseQuery {
  model: string | null;
  state: ReleaseState | null;
  beforeId: string | null;
  limit: number;
}

/** Newest first, below `beforeId` where given. */
export async function listReleases(db: Db, query: ReleaseQuery): Promise<Release[]> {
  const { model, state, beforeId, limit } = query;
  const { rows } = await sql<ReleaseRow>`
    SELECT * FROM firmware_release
    WHERE (${model}::text IS NULL OR model = ${model}) AND (${state}::text IS NULL OR state = ${state})
      AND (${beforeId}::uuid IS NULL OR id < ${beforeId}::uuid)
    ORDER BY id DESC LIMIT ${limit}`.execute(db);
  return rows.map((row) => toRecord(row).release);
}

/** Most releases of one model that are looked at together. */
export const releasesPerModelMax = 5_000;

/** All releases of a model, by counter. */
export async function releasesOfModel(db: Db, model: string): Promise<Release[]> {
  const { rows } = await sql<ReleaseRow>`
    SELECT * FROM firmware_release WHERE model = ${model} ORDER BY release_counter LIMIT ${releasesPerModelMax}`.execute(
    db,
  );
  return rows.map((row) => toRecord(row).release);
}

/** Which counter a version has, of those that appliances may have got. */
export async function counterOfVersion(db: Db, model: string, version: string): Promise<number | null> {
  const { rows } = await sql<{ releaseCounter: number }>`
    SELECT release_counter AS "releaseCounter" FROM firmware_release
    WHERE model = ${model} AND version = ${version} AND state IN ('published', 'withdrawn')
    ORDER BY release_counter DESC LIMIT 1`.execute(db);
  return rows[0]?.releaseCounter ?? null;
}

export async function setImage(tx: Db, id: string, { sha1, md5 }: { sha1: string; md5: string }): Promise<void> {
  await sql`UPDATE firmware_release SET sha1 = ${sha1}, md5 = ${md5} WHERE id = ${id}`.execute(tx);
}

export async function setNotes(tx: Db, id: string, notes: ReleaseNotes): Promise<void> {
  await sql`
    UPDATE firmware_release SET kind = ${notes.kind}, pass_through = ${notes.passThrough}, notes = ${notes.notes},
      support_ends_at_ms = ${notes.supportEndsAtMs} WHERE id = ${id}`.execute(tx);
}

export async function setSigned(tx: Db, id: string, family: string): Promise<void> {
  await sql`UPDATE firmware_release SET state = 'signed', signed_family = ${family} WHERE id = ${id}`.execute(tx);
}

export async function setPublished(tx: Db, id: string, atMs: number): Promise<void> {
  await sql`
    UPDATE firmware_release SET state = 'published', signed_family = NULL, published_at_ms = ${atMs}
    WHERE id = ${id}`.execute(tx);
}

export async function setWithdrawn(tx: Db, id: string, atMs: number, reason: string): Promise<void> {
  await sql`
    UPDATE firmware_release SET state = 'withdrawn', withdrawn_at_ms = ${atMs}, withdrawn_reason = ${reason}
    WHERE id = ${id}`.execute(tx);
}

/** False where it is not published. Locks it against a withdrawal that has not committed. */
export async function setOffered(tx: Db, id: string, atMs: number): Promise<boolean> {
  const { rows } = await sql`
    UPDATE firmware_release SET offered_at_ms = coalesce(offered_at_ms, ${atMs})
    WHERE id = ${id} AND state = 'published' RETURNING id`.execute(tx);
  return rows.length > 0;
}

export async function deleteRelease(tx: Db, id: string): Promise<void> {
  await sql`DELETE FROM firmware_release WHERE id = ${id}`.execute(tx);
}

/** Whether any release has this image. */
export async function hasImage(db: Db, sha256: string): Promise<boolean> {
  const { rows } = await sql`
    SELECT 1 FROM firmware_release WHERE sha256 = ${sha256} AND sha1 IS NOT NULL LIMIT 1`.execute(db);
  return rows.length > 0;
}

/** Whether an image may be fetched: some published release is it. */
export async function isPublishedImage(db: Db, sha256: string): Promise<boolean> {
  const { rows } = await sql`
    SELECT 1 FROM firmware_release WHERE sha256 = ${sha256} AND state = 'published' LIMIT 1`.execute(db);
  return rows.length > 0;
}

/** The number of the next statement for a device. */
export async function nextSequence(tx: Db, deviceId: string): Promise<number> {
  const { rows } = await sql<{ seq: number }>`
    INSERT INTO director_sequence (device_id, seq) VALUES (${deviceId}, 1)
    ON CONFLICT (device_id) DO UPDATE SET seq = director_sequence.seq + 1 RETURNING seq`.execute(tx);
  if (rows[0] === undefined) throw new Error("a statement has no number");
  return rows[0].seq;
}
