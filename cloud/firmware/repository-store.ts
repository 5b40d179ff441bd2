import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import type { AcceptedFile } from "./core/repository-check.ts";

/** Taken for the length of a transaction that moves the repository, so that each version follows from the one before it. */
const repositoryLock = 4_711_021;

export async function lockRepository(tx: Db): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(${repositoryLock})`.execute(tx);
}

export interface StoredFile extends AcceptedFile {
  storedAtMs: number;
}

interface FileRow {
  role: string;
  version: number;
  content: string;
  expires_at_ms: number;
  stored_at_ms: number;
}

const toFile = (row: FileRow): StoredFile => ({
  role: row.role,
  version: row.version,
  content: row.content,
  expiresAtMs: row.expires_at_ms,
  storedAtMs: row.stored_at_ms,
});

/** The newest version of each role. */
export async function newestFiles(db: Db): Promise<StoredFile[]> {
  const { rows } = await sql<FileRow>`
    SELECT DISTINCT ON (role) * FROM repository_file ORDER BY role, version DESC`.execute(db);
  return rows.map(toFile);
}

/** A version of a role; the newest where `version` is null. */
export async function findFile(db: Db, role: string, version: number | null): Promise<StoredFile | null> {
  const { rows } = await sql<FileRow>`
    SELECT * FROM repository_file WHERE role = ${role} AND (${version}::int IS NULL OR version = ${version}::int)
    ORDER BY version DESC LIMIT 1`.execute(db);
  return rows[0] === undefined ? null : toFile(rows[0]);
}

/** Stores new versions. Of timestamps only the newest is of any use, so those before it go. */
export async function insertFiles(tx: Db, files: readonly AcceptedFile[], atMs: number): Promise<void> {
  for (const { role, version, content, expiresAtMs } of files) {
    await sql`
      INSERT INTO repository_file (role, version, content, expires_at_ms, stored_at_ms)
      VALUES (${role}, ${version}, ${content}, ${expiresAtMs}, ${atMs})`.execute(tx);
    if (role === "timestamp") {
      await sql`DELETE FROM repository_file WHERE role = 'timestamp' AND version < ${version}`.execute(tx);
    }
  }
}
