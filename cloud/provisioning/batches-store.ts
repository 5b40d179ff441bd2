import { sql } from "kysely";
import type { Token } from "#protocol/link/messages.ts";
import type { Db } from "../platform/database.ts";
import type { BatchFacts } from "./core/enrolment.ts";

export interface Batch extends BatchFacts {
  createdAtMs: number;
}

const batchColumns =
  sql.raw(`key, model, quota, enrolled, valid_from_ms AS "validFromMs", valid_until_ms AS "validUntilMs", state,
  created_at_ms AS "createdAtMs"`);

/** SQL of production batches and their claim secrets. */
export class BatchesStore {
  /** False where there is one of that key. */
  async insert(tx: Db, batch: Batch): Promise<boolean> {
    const { rows } = await sql`
      INSERT INTO production_batch (key, model, quota, valid_from_ms, valid_until_ms, state, created_at_ms)
      VALUES (${batch.key}, ${batch.model}, ${batch.quota}, ${batch.validFromMs}, ${batch.validUntilMs}, ${batch.state},
              ${batch.createdAtMs})
      ON CONFLICT (key) DO NOTHING RETURNING 1`.execute(tx);
    return rows.length > 0;
  }

  async find(db: Db, key: string): Promise<Batch | null> {
    const { rows } = await sql<Batch>`SELECT ${batchColumns} FROM production_batch WHERE key = ${key}`.execute(db);
    return rows[0] ?? null;
  }

  /** The same, locked until the transaction ends. */
  async lock(tx: Db, key: string): Promise<Batch | null> {
    const { rows } = await sql<Batch>`
      SELECT ${batchColumns} FROM production_batch WHERE key = ${key} FOR NO KEY UPDATE`.execute(tx);
    return rows[0] ?? null;
  }

  async page(db: Db, afterKey: string | null, limit: number): Promise<Batch[]> {
    const { rows } = await sql<Batch>`
      SELECT ${batchColumns} FROM production_batch WHERE ${afterKey}::text IS NULL OR key > ${afterKey}
      ORDER BY key LIMIT ${limit}`.execute(db);
    return rows;
  }

  async modelsOf(db: Db, keys: readonly string[]): Promise<Map<string, string>> {
    const { rows } = await sql<{ key: string; model: string }>`
      SELECT key, model FROM production_batch WHERE key = ANY(${keys}::text[])`.execute(db);
    return new Map(rows.map(({ key, model }) => [key, model]));
  }

  async update(tx: Db, { key, state, quota, validUntilMs }: Batch): Promise<void> {
    await sql`
      UPDATE production_batch SET state = ${state}, quota = ${quota}, valid_until_ms = ${validUntilMs}
      WHERE key = ${key}`.execute(tx);
  }

  /** Counts one more as enrolled. False where the quota is used up or the batch closed by now. */
  async takePlace(tx: Db, key: string): Promise<boolean> {
    const { rows } = await sql`
      UPDATE production_batch SET enrolled = enrolled + 1
      WHERE key = ${key} AND state = 'open' AND enrolled < quota RETURNING 1`.execute(tx);
    return rows.length > 0;
  }

  async givePlaceBack(tx: Db, key: string): Promise<void> {
    await sql`UPDATE production_batch SET enrolled = enrolled - 1 WHERE key = ${key}`.execute(tx);
  }

  // Claim secrets

  async insertSecret(tx: Db, batch: string, sha256: string, nowMs: number): Promise<void> {
    await sql`INSERT INTO claim_secret (batch, sha256, created_at_ms) VALUES (${batch}, ${sha256}, ${nowMs})`.execute(
      tx,
    );
  }

  /** Those that work, the newest first. */
  async secrets(db: Db, batch: string, nowMs: number): Promise<(Token & { createdAtMs: number })[]> {
    const { rows } = await sql<Token & { createdAtMs: number }>`
      SELECT sha256, valid_until_ms AS "validUntilMs", created_at_ms AS "createdAtMs" FROM claim_secret
      WHERE batch = ${batch} AND (valid_until_ms IS NULL OR valid_until_ms > ${nowMs})
      ORDER BY created_at_ms DESC, sha256`.execute(db);
    return rows;
  }

  /** Ends every secret of a batch at a time, unless it ends before; what has ended is forgotten. */
  async endSecrets(tx: Db, batch: string, atMs: number, nowMs: number): Promise<void> {
    await sql`UPDATE claim_secret SET valid_until_ms = least(valid_until_ms, ${atMs}) WHERE batch = ${batch}`.execute(
      tx,
    );
    await sql`DELETE FROM claim_secret WHERE batch = ${batch} AND valid_until_ms <= ${nowMs}`.execute(tx);
  }
}
