import { sql } from "kysely";
import { affected, type Db } from "../platform/database.ts";

export interface NewMessage {
  id: string;
  decision_id: string;
  channel: "email" | "webhook";
  /** Whose address a letter goes to; null of a message to the app. */
  member_id: string | null;
  next_at_ms: number;
  until_ms: number;
}

export interface DueMessage extends NewMessage {
  attempts: number;
  household_id: string;
  item_id: string;
  class: string;
  source: string;
}

/** The SQL of letters and messages on their way. */
export class MessagesStore {
  async insert(tx: Db, rows: readonly NewMessage[]): Promise<void> {
    if (rows.length === 0) return;
    await sql`
      INSERT INTO engagement_message (id, decision_id, channel, member_id, status, next_at_ms, until_ms)
      SELECT id, decision_id, channel, member_id, 'queued', next_at_ms, until_ms
      FROM json_to_recordset(${JSON.stringify(rows)}::json)
        AS r(id uuid, decision_id uuid, channel text, member_id uuid, next_at_ms bigint, until_ms bigint)`.execute(tx);
  }

  /** What waits for the end of these households' quiet hours is due now. */
  async quietOver(tx: Db, householdIds: readonly string[], nowMs: number): Promise<void> {
    await sql`
      UPDATE engagement_message m SET next_at_ms = ${nowMs} FROM decision d
      WHERE d.id = m.decision_id AND d.household_id = ANY(${[...householdIds]}::uuid[]) AND m.status = 'queued'
        AND m.detail = 'quiet_hours'`.execute(tx);
  }

  /** Takes those that are due until the lease ends; who crashes meanwhile has them tried again. */
  async claim(db: Db, nowMs: number, leaseUntilMs: number, limit: number): Promise<DueMessage[]> {
    const { rows } = await sql<DueMessage>`
      WITH claimed AS (
        UPDATE engagement_message SET next_at_ms = ${leaseUntilMs}, attempts = attempts + 1
        WHERE id IN (
          SELECT id FROM engagement_message WHERE status = 'queued' AND next_at_ms <= ${nowMs}
          ORDER BY next_at_ms, id LIMIT ${limit} FOR UPDATE SKIP LOCKED)
        RETURNING id, decision_id, channel, member_id, next_at_ms, until_ms, attempts
      )
      SELECT c.*, d.household_id, d.item_id, d.class, d.source FROM claimed c JOIN decision d ON d.id = c.decision_id`.execute(
      db,
    );
    return rows;
  }

  /** Notes the address that a letter is about to go to, before it goes: a bounce may be here before we know that it was taken. */
  async addressed(db: Db, id: string, addressHash: Buffer): Promise<void> {
    await sql`UPDATE engagement_message SET address_hash = ${addressHash} WHERE id = ${id}`.execute(db);
  }

  /** @returns whether it was on its way still: it may have bounced meanwhile */
  async settle(
    tx: Db,
    id: string,
    end: { status: "queued" | "delivered" | "failed" | "dropped"; nextAtMs: number; nowMs: number; detail: string },
  ): Promise<boolean> {
    const endedAtMs = end.status === "queued" ? null : end.nowMs;
    const changed = await affected(tx)`
      UPDATE engagement_message SET status = ${end.status}, next_at_ms = ${end.nextAtMs}, ended_at_ms = ${endedAtMs},
        detail = ${end.detail} WHERE id = ${id} AND status = 'queued'`;
    return changed > 0;
  }

  /** The letters to an address that is no more reached nobody, also those that a mail server took. @returns their decisions */
  async bounced(tx: Db, addressHash: Buffer, nowMs: number): Promise<string[]> {
    const { rows } = await sql<{ decision_id: string }>`
      WITH bounced AS (
        UPDATE engagement_message SET status = 'bounced', ended_at_ms = ${nowMs}, detail = 'bounced'
        WHERE address_hash = ${addressHash} AND status IN ('queued', 'delivered') RETURNING decision_id
      )
      SELECT DISTINCT decision_id FROM bounced ORDER BY decision_id`.execute(tx);
    return rows.map((row) => row.decision_id);
  }

  async ofDecision(
    db: Db,
    decisionId: string,
  ): Promise<{ channel: string; status: string; attempts: number; detail: string | null }[]> {
    const { rows } = await sql<{ channel: string; status: string; attempts: number; detail: string | null }>`
      SELECT channel, status, attempts, detail FROM engagement_message WHERE decision_id = ${decisionId} ORDER BY id`.execute(
      db,
    );
    return rows;
  }
}
