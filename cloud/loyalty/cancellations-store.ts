import { sql } from "kysely";
import type { Db } from "../platform/database.ts";

/** An order that the shop is to forget. */
export interface Cancellation {
  /** What the shop knows the order by. */
  id: string;
  householdId: string;
  offer: string;
  offerVersion: number;
  /** When it was given up. */
  sinceMs: number;
  attempts: number;
}

interface CancellationRow {
  id: string;
  household_id: string;
  offer: string;
  offer_version: number;
  settled_at_ms: number;
  cancel_attempts: number;
}

/** SQL of orders that the shop is told to cancel. */
export class CancellationsStore {
  async owe(tx: Db, id: string, nowMs: number): Promise<void> {
    await sql`
      UPDATE loyalty_grant SET cancel_state = 'owed', cancel_next_at_ms = ${nowMs} WHERE id = ${id}`.execute(tx);
  }

  /** Takes those whose next attempt is due, until `leaseMs` from now: whoever dies meanwhile leaves them to be told again. */
  async claim(db: Db, nowMs: number, leaseMs: number, limit: number): Promise<Cancellation[]> {
    const { rows } = await sql<CancellationRow>`
      UPDATE loyalty_grant SET cancel_next_at_ms = ${nowMs + leaseMs}, cancel_attempts = cancel_attempts + 1
      WHERE id IN (
        SELECT id FROM loyalty_grant WHERE cancel_state = 'owed' AND cancel_next_at_ms <= ${nowMs}
        ORDER BY cancel_next_at_ms LIMIT ${limit} FOR UPDATE SKIP LOCKED
      ) RETURNING id, household_id, offer, offer_version, settled_at_ms, cancel_attempts`.execute(db);
    return rows.map((row) => ({
      id: row.id,
      householdId: row.household_id,
      offer: row.offer,
      offerVersion: row.offer_version,
      sinceMs: row.settled_at_ms,
      attempts: row.cancel_attempts,
    }));
  }

  async again(db: Db, { id, attempts }: Cancellation, nextAtMs: number, detail: string): Promise<void> {
    await sql`
      UPDATE loyalty_grant SET cancel_next_at_ms = ${nextAtMs}, cancel_detail = ${detail}
      WHERE id = ${id} AND cancel_state = 'owed' AND cancel_attempts = ${attempts}`.execute(db);
  }

  /** @returns whose order it is; null where it was settled, or is gone, meanwhile */
  async settle(tx: Db, id: string, state: "cancelled" | "for_a_person", detail: string): Promise<string | null> {
    const { rows } = await sql<{ household_id: string }>`
      UPDATE loyalty_grant SET cancel_state = ${state}, cancel_next_at_ms = NULL, cancel_detail = ${detail}
      WHERE id = ${id} AND cancel_state = 'owed' RETURNING household_id`.execute(tx);
    return rows[0]?.household_id ?? null;
  }
}
