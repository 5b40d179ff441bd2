import { sql } from "kysely";
import type { Db } from "../platform/database.ts";

export interface Invitation {
  id: string;
  householdId: string;
  createdAtMs: number;
  expiresAtMs: number;
}

interface InvitationRow {
  id: string;
  household_id: string;
  created_at_ms: number;
  expires_at_ms: number;
}

const toInvitation = (row: InvitationRow): Invitation => ({
  id: row.id,
  householdId: row.household_id,
  createdAtMs: row.created_at_ms,
  expiresAtMs: row.expires_at_ms,
});

/** SQL of the links by which people are asked into a household. */
export class InvitationsStore {
  async insert(tx: Db, { id, householdId, createdAtMs, expiresAtMs }: Invitation, codeSha256: Buffer): Promise<void> {
    await sql`INSERT INTO household_invitation (id, household_id, code_sha256, created_at_ms, expires_at_ms)
      VALUES (${id}, ${householdId}, ${codeSha256}, ${createdAtMs}, ${expiresAtMs})`.execute(tx);
  }

  /** Those that are good still, newest first. */
  async list(db: Db, householdId: string, nowMs: number, limit: number): Promise<Invitation[]> {
    const { rows } = await sql<InvitationRow>`
      SELECT * FROM household_invitation WHERE household_id = ${householdId} AND expires_at_ms > ${nowMs}
      ORDER BY id DESC LIMIT ${limit}`.execute(db);
    return rows.map(toInvitation);
  }

  async householdOf(db: Db, codeSha256: Buffer, nowMs: number): Promise<string | null> {
    const { rows } = await sql<InvitationRow>`
      SELECT * FROM household_invitation WHERE code_sha256 = ${codeSha256} AND expires_at_ms > ${nowMs}`.execute(db);
    return rows[0]?.household_id ?? null;
  }

  /** Uses it up. False where somebody else just did. */
  async take(tx: Db, codeSha256: Buffer): Promise<boolean> {
    const { rows } = await sql`DELETE FROM household_invitation WHERE code_sha256 = ${codeSha256} RETURNING id`.execute(
      tx,
    );
    return rows.length > 0;
  }

  async remove(tx: Db, householdId: string, id: string): Promise<boolean> {
    const { rows } = await sql`
      DELETE FROM household_invitation WHERE id = ${id} AND household_id = ${householdId} RETURNING id`.execute(tx);
    return rows.length > 0;
  }

  async removeExpired(db: Db, nowMs: number): Promise<void> {
    await sql`DELETE FROM household_invitation WHERE expires_at_ms <= ${nowMs}`.execute(db);
  }
}
