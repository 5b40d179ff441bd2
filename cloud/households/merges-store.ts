import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import type { OwnerRole } from "../staff/staff.ts";
import type { HouseholdMerge, Reference } from "./core/merge.ts";
import type { Merged } from "./home-rows.ts";

interface MergeRow {
  id: string;
  from_id: string;
  into_id: string;
  proof: HouseholdMerge["proof"];
  reason: string | null;
  moved_members: MovedMember[];
  at_ms: number;
  by_principal: string;
  undone_at_ms: number | null;
  undone_by: string | null;
  undone_reason: string | null;
}

/** A member who moved, as they were before. */
export interface MovedMember {
  id: string;
  role: OwnerRole;
}

const toMerge = (row: MergeRow): HouseholdMerge & { movedMembers: MovedMember[] } => ({
  id: row.id,
  from: row.from_id,
  into: row.into_id,
  proof: row.proof,
  reason: row.reason,
  atMs: row.at_ms,
  by: row.by_principal,
  movedMembers: row.moved_members,
  undone:
    row.undone_at_ms === null
      ? null
      : { atMs: row.undone_at_ms, by: row.undone_by ?? "", reason: row.undone_reason ?? "" },
});

/** SQL of households that are one: which stands for which, how that is known, and what others call them. */
export class MergesStore {
  /** Each household that exists, by the one that stands for it now: itself, or the one that it became part of. Not held. */
  async current(db: Db, ids: readonly string[]): Promise<Map<string, string>> {
    if (ids.length === 0) return new Map();
    const { rows } = await sql<{ asked: string; id: string }>`
      WITH RECURSIVE chain AS (
        SELECT id AS asked, id, merged_into FROM household WHERE id = ANY(${[...ids]}::uuid[])
        UNION ALL
        SELECT chain.asked, h.id, h.merged_into FROM chain JOIN household h ON h.id = chain.merged_into
      )
      SELECT asked, id FROM chain WHERE merged_into IS NULL`.execute(db);
    return new Map(rows.map(({ asked, id }) => [asked, id]));
  }

  /**
   * Holds households in the order of their ids, so that two who hold several never wait for each other in a ring.
   *
   * @returns those of them that exist and are not part of another
   */
  async hold(tx: Db, ids: readonly string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set();
    const { rows } = await sql<{ id: string; merged_into: string | null }>`
      SELECT id, merged_into FROM household WHERE id = ANY(${[...new Set(ids)]}::uuid[]) ORDER BY id FOR NO KEY UPDATE`.execute(
      tx,
    );
    return new Set(rows.filter((row) => row.merged_into === null).map((row) => row.id));
  }

  /** The household and every one that became part of it, at whatever remove. */
  async partsOf(db: Db, id: string): Promise<string[]> {
    const { rows } = await sql<{ id: string }>`
      WITH RECURSIVE part AS (
        SELECT id FROM household WHERE id = ${id}
        UNION ALL
        SELECT h.id FROM household h JOIN part ON h.merged_into = part.id
      )
      SELECT id FROM part`.execute(db);
    return rows.map((row) => row.id);
  }

  async setMergedInto(tx: Db, id: string, into: string | null): Promise<void> {
    await sql`UPDATE household SET merged_into = ${into} WHERE id = ${id}`.execute(tx);
  }

  async insert(tx: Db, merge: Omit<HouseholdMerge, "undone">, movedMembers: readonly MovedMember[]): Promise<void> {
    const { id, from, into, proof, reason, atMs, by } = merge;
    await sql`
      INSERT INTO household_merge (id, from_id, into_id, proof, reason, moved_members, at_ms, by_principal)
      VALUES (${id}, ${from}, ${into}, ${proof}, ${reason}, ${JSON.stringify(movedMembers)}::jsonb, ${atMs}, ${by})`.execute(
      tx,
    );
  }

  async get(db: Db, id: string) {
    const { rows } = await sql<MergeRow>`SELECT * FROM household_merge WHERE id = ${id}`.execute(db);
    return rows.map(toMerge)[0] ?? null;
  }

  async undo(tx: Db, id: string, undone: { atMs: number; by: string; reason: string }): Promise<void> {
    await sql`
      UPDATE household_merge
      SET undone_at_ms = ${undone.atMs}, undone_by = ${undone.by}, undone_reason = ${undone.reason}
      WHERE id = ${id}`.execute(tx);
  }

  /** The merges by which others are part of a household directly, the earliest first. */
  async standing(tx: Db, into: string): Promise<Merged[]> {
    const { rows } = await sql<MergeRow>`
      SELECT * FROM household_merge WHERE into_id = ${into} AND undone_at_ms IS NULL ORDER BY at_ms, id`.execute(tx);
    const all: Merged[] = [];
    for (const { id: mergeId, from_id: from, at_ms: atMs } of rows)
      all.push({ mergeId, from, into, atMs, parts: await this.partsOf(tx, from) });
    return all;
  }

  /** The merges that a household had a part in, newest first. */
  async ofHousehold(db: Db, id: string, limit: number): Promise<HouseholdMerge[]> {
    const { rows } = await sql<MergeRow>`
      SELECT * FROM household_merge WHERE into_id = ${id} OR from_id = ${id} ORDER BY at_ms DESC, id DESC LIMIT ${limit}`.execute(
      db,
    );
    return rows.map(toMerge).map(({ movedMembers: _moved, ...merge }) => merge);
  }

  /** Merges of a household and their undoing, each as often as it happened, before a time, newest first. */
  async happened(db: Db, id: string, beforeMs: number, limit: number) {
    const { rows } = await sql<{
      id: string;
      at_ms: number;
      other: string;
      is_into: boolean;
      what: string;
      reason: string | null;
    }>`
      SELECT m.id, happened.at_ms, CASE WHEN into_id = ${id} THEN from_id ELSE into_id END AS other, into_id = ${id} AS is_into,
        happened.what, happened.reason
      FROM household_merge m
      CROSS JOIN LATERAL (VALUES ('merged', m.at_ms, m.reason), ('unmerged', m.undone_at_ms, m.undone_reason))
        AS happened(what, at_ms, reason)
      WHERE (into_id = ${id} OR from_id = ${id}) AND happened.at_ms < ${beforeMs}
      ORDER BY happened.at_ms DESC, m.id DESC, what DESC LIMIT ${limit}`.execute(db);
    return rows;
  }

  /** @param to what each is from now on, in which household */
  async moveMembers(tx: Db, householdId: string, to: readonly MovedMember[]): Promise<void> {
    await sql`
      UPDATE household_member m SET household_id = ${householdId}, role = moved.role
      FROM jsonb_to_recordset(${JSON.stringify(to)}::jsonb) AS moved(id uuid, role text)
      WHERE m.id = moved.id`.execute(tx);
  }

  /** Which of these are still members of the household. */
  async stillIn(tx: Db, householdId: string, ids: readonly string[]): Promise<Set<string>> {
    const { rows } = await sql<{ id: string }>`
      SELECT id FROM household_member WHERE household_id = ${householdId} AND id = ANY(${[...ids]}::uuid[])`.execute(
      tx,
    );
    return new Set(rows.map((row) => row.id));
  }

  async insertWelcome(
    tx: Db,
    welcome: { id: string; householdId: string; codeSha256: Buffer; createdAtMs: number; expiresAtMs: number },
  ): Promise<void> {
    const { id, householdId, codeSha256, createdAtMs, expiresAtMs } = welcome;
    await sql`
      INSERT INTO household_welcome (id, household_id, code_sha256, created_at_ms, expires_at_ms)
      VALUES (${id}, ${householdId}, ${codeSha256}, ${createdAtMs}, ${expiresAtMs})`.execute(tx);
  }

  async countWelcomes(tx: Db, householdId: string, nowMs: number): Promise<number> {
    const { rows } = await sql<{ n: number }>`
      SELECT count(*) AS n FROM household_welcome WHERE household_id = ${householdId} AND expires_at_ms > ${nowMs}`.execute(
      tx,
    );
    return rows[0]?.n ?? 0;
  }

  /** Whose code this is. */
  async welcomed(db: Db, codeSha256: Buffer, nowMs: number): Promise<string | null> {
    const { rows } = await sql<{ household_id: string }>`
      SELECT household_id FROM household_welcome WHERE code_sha256 = ${codeSha256} AND expires_at_ms > ${nowMs}`.execute(
      db,
    );
    return rows[0]?.household_id ?? null;
  }

  /** Ends every code of a prospect that is one no longer. */
  async removeWelcomes(tx: Db, householdId: string): Promise<void> {
    await sql`DELETE FROM household_welcome WHERE household_id = ${householdId}`.execute(tx);
  }

  async removeExpiredWelcomes(db: Db, nowMs: number): Promise<void> {
    await sql`DELETE FROM household_welcome WHERE expires_at_ms <= ${nowMs}`.execute(db);
  }

  /** Lets nobody else make prospects until the transaction ends. */
  async lockProspects(tx: Db, lock: number): Promise<void> {
    await sql`SELECT pg_advisory_xact_lock(${lock})`.execute(tx);
  }

  /** Whose references these are, by `kind value`. */
  async referred(db: Db, references: readonly Reference[]): Promise<Map<string, string>> {
    if (references.length === 0) return new Map();
    const { rows } = await sql<Reference & { household_id: string }>`
      SELECT r.kind, r.value, r.household_id
      FROM household_reference r
      JOIN unnest(${references.map(({ kind }) => kind)}::text[], ${references.map(({ value }) => value)}::text[]) AS asked(kind, value)
        ON asked.kind = r.kind AND asked.value = r.value`.execute(db);
    return new Map(rows.map((row) => [referenceKey(row), row.household_id]));
  }

  /** What others call these households, under every id that is theirs. */
  async referencesOf(db: Db, ids: readonly string[]): Promise<(Reference & { household_id: string })[]> {
    const { rows } = await sql<Reference & { household_id: string }>`
      WITH RECURSIVE part AS (
        SELECT id, id AS whole FROM household WHERE id = ANY(${[...ids]}::uuid[])
        UNION ALL
        SELECT h.id, part.whole FROM household h JOIN part ON h.merged_into = part.id
      )
      SELECT part.whole AS household_id, r.kind, r.value FROM part JOIN household_reference r ON r.household_id = part.id
      ORDER BY 1, r.kind, r.value`.execute(db);
    return rows;
  }

  async references(db: Db, ids: readonly string[]): Promise<Reference[]> {
    const { rows } = await sql<Reference>`
      SELECT kind, value FROM household_reference WHERE household_id = ANY(${[...ids]}::uuid[]) ORDER BY kind, value`.execute(
      db,
    );
    return rows;
  }

  /** False where the name is somebody's already. */
  async insertReference(
    tx: Db,
    { kind, value }: Reference,
    made: { householdId: string; atMs: number; by: string },
  ): Promise<boolean> {
    const { rows } = await sql`
      INSERT INTO household_reference (kind, value, household_id, created_at_ms, created_by)
      VALUES (${kind}, ${value}, ${made.householdId}, ${made.atMs}, ${made.by})
      ON CONFLICT DO NOTHING RETURNING kind`.execute(tx);
    return rows.length > 0;
  }

  async removeReference(tx: Db, { kind, value }: Reference, ids: readonly string[]): Promise<boolean> {
    const { rows } = await sql`
      DELETE FROM household_reference WHERE kind = ${kind} AND value = ${value} AND household_id = ANY(${[...ids]}::uuid[])
      RETURNING kind`.execute(tx);
    return rows.length > 0;
  }
}

/** A reference as a key of a map. A kind has no space in it. */
export const referenceKey = ({ kind, value }: Reference): string => `${kind} ${value}`;
