import { sql } from "kysely";
import type { Db } from "../platform/database.ts";

const gone = (result: { numAffectedRows?: bigint | undefined }): number => Number(result.numAffectedRows ?? 0);

/** The SQL of what engagement forgets, a bounded piece at a time. Each answers how much of it was there: less than `limit` is the last. */
export class RetentionStore {
  /** The evidence of decisions before this time is gone. */
  async tracesGoneBefore(db: Db): Promise<number> {
    const { rows } = await sql<{ traces_before_ms: number }>`SELECT traces_before_ms FROM engagement_retention`.execute(
      db,
    );
    return rows[0]?.traces_before_ms ?? 0;
  }

  async noteTracesGone(db: Db, beforeMs: number): Promise<void> {
    await sql`UPDATE engagement_retention SET traces_before_ms = ${beforeMs}`.execute(db);
  }

  /** What waits keeps its evidence: it lies beside the answer that comes after. */
  async removeTraces(db: Db, fromMs: number, beforeMs: number, limit: number): Promise<number> {
    const result = await sql`
      WITH old AS (
        SELECT d.id FROM decision d JOIN decision_evidence e ON e.decision_id = d.id
        WHERE d.decided_at_ms >= ${fromMs} AND d.decided_at_ms < ${beforeMs} AND d.answer <> 'hold' LIMIT ${limit}
      ),
      before AS (DELETE FROM decision_past USING old WHERE decision_id = old.id)
      DELETE FROM decision_evidence USING old WHERE decision_id = old.id`.execute(db);
    return gone(result);
  }

  async removeContexts(db: Db, beforeMs: number, limit: number): Promise<number> {
    const result = await sql`
      DELETE FROM decision_context WHERE id IN (
        SELECT c.id FROM decision_context c
        WHERE c.made_at_ms < ${beforeMs} AND NOT EXISTS (SELECT FROM decision d WHERE d.answer = 'hold' AND d.context_id = c.id)
        LIMIT ${limit})`.execute(db);
    return gone(result);
  }

  async removeInterests(db: Db, beforeMs: number, limit: number): Promise<number> {
    const result = await sql`
      DELETE FROM household_interest WHERE (household_id, subject) IN (
        SELECT household_id, subject FROM household_interest WHERE last_at_ms < ${beforeMs} LIMIT ${limit})`.execute(
      db,
    );
    return gone(result);
  }

  /** Campaigns that ended before; recalls are none of them: whom they reached is kept as long as there are such appliances. */
  async ended(db: Db, beforeMs: number): Promise<string[]> {
    const { rows } = await sql<{ id: string }>`
      SELECT id FROM campaign
      WHERE kind = 'campaign' AND state = 'finished' AND ended_at_ms < ${beforeMs} AND trimmed_at_ms IS NULL
      ORDER BY ended_at_ms LIMIT 100`.execute(db);
    return rows.map(({ id }) => id);
  }

  async removeDecisions(db: Db, source: string, limit: number): Promise<number> {
    const result = await sql`
      DELETE FROM decision WHERE id IN (SELECT id FROM decision WHERE source = ${source} LIMIT ${limit})`.execute(db);
    return gone(result);
  }

  async removeMembers(db: Db, campaignId: string, limit: number): Promise<number> {
    const result = await sql`
      DELETE FROM campaign_member WHERE campaign_id = ${campaignId} AND household_id IN (
        SELECT household_id FROM campaign_member WHERE campaign_id = ${campaignId} LIMIT ${limit})`.execute(db);
    return gone(result);
  }

  async noteTrimmed(db: Db, campaignId: string, nowMs: number): Promise<void> {
    await sql`UPDATE campaign SET trimmed_at_ms = ${nowMs} WHERE id = ${campaignId}`.execute(db);
  }
}
