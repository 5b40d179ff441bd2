import { sql } from "kysely";
import { affected, type Db } from "../platform/database.ts";
import { tierSources } from "./sources.ts";

/** The SQL of what engagement forgets, a bounded piece at a time. Each answers how much of it was there: less than `limit` is the last. */
export class RetentionStore {
  /** What was answered before a decision of an earlier time than this is gone. */
  async pastGoneBefore(db: Db): Promise<number> {
    const { rows } = await sql<{ traces_before_ms: number }>`SELECT traces_before_ms FROM engagement_retention`.execute(
      db,
    );
    return rows[0]?.traces_before_ms ?? 0;
  }

  async notePastGone(db: Db, beforeMs: number): Promise<void> {
    await sql`UPDATE engagement_retention SET traces_before_ms = ${beforeMs}`.execute(db);
  }

  /** What was answered before, of what does not wait any more. */
  async removePast(db: Db, fromMs: number, beforeMs: number, limit: number): Promise<number> {
    return affected(db)`
      DELETE FROM decision_past WHERE (decision_id, decided_at_ms) IN (
        SELECT p.decision_id, p.decided_at_ms FROM decision d JOIN decision_past p ON p.decision_id = d.id
        WHERE d.decided_at_ms >= ${fromMs} AND d.decided_at_ms < ${beforeMs} AND d.answer <> 'hold' LIMIT ${limit})`;
  }

  /** How pages of decisions were made of which none waits. */
  async removeContexts(db: Db, beforeMs: number, limit: number): Promise<number> {
    return affected(db)`
      DELETE FROM decision_context WHERE id IN (
        SELECT c.id FROM decision_context c
        WHERE c.made_at_ms < ${beforeMs} AND NOT EXISTS (SELECT FROM decision d WHERE d.answer = 'hold' AND d.context_id = c.id)
        ORDER BY c.id LIMIT ${limit} FOR UPDATE)`;
  }

  /** What waits keeps its evidence, so that it is known with the answer that comes after; the others of its page do not. */
  async trimContexts(db: Db, beforeMs: number, limit: number): Promise<number> {
    return affected(db)`
      WITH waiting AS (
        SELECT context_id, array_agg(id) AS ids FROM decision WHERE answer = 'hold' AND decided_at_ms < ${beforeMs} GROUP BY context_id
      ),
      old AS (
        SELECT c.id, w.ids FROM decision_context c JOIN waiting w ON w.context_id = c.id
        WHERE c.made_at_ms < ${beforeMs} AND length(c.evidence) - length(replace(c.evidence, E'\n', '')) > cardinality(w.ids)
        ORDER BY c.id LIMIT ${limit} FOR UPDATE OF c
      )
      UPDATE decision_context c SET evidence = evidence_about(c.evidence, old.ids, others => false) FROM old WHERE c.id = old.id`;
  }

  async removeInterests(db: Db, beforeMs: number, limit: number): Promise<number> {
    return affected(db)`
      DELETE FROM household_interest WHERE (household_id, subject) IN (
        SELECT household_id, subject FROM household_interest WHERE last_at_ms < ${beforeMs} LIMIT ${limit})`;
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
    return affected(db)`
      DELETE FROM decision WHERE id IN (SELECT id FROM decision WHERE source = ${source} LIMIT ${limit})`;
  }

  /** What was decided about tiers that ended: no campaign's end says when that has had its time. */
  async removeTierNotices(db: Db, beforeMs: number, limit: number): Promise<number> {
    return affected(db)`
      DELETE FROM decision WHERE id IN (
        SELECT id FROM decision WHERE decided_at_ms < ${beforeMs} AND starts_with(source, ${tierSources}) AND answer <> 'hold' LIMIT ${limit})`;
  }

  async removeMembers(db: Db, campaignId: string, limit: number): Promise<number> {
    return affected(db)`
      DELETE FROM campaign_member WHERE campaign_id = ${campaignId} AND household_id IN (
        SELECT household_id FROM campaign_member WHERE campaign_id = ${campaignId} LIMIT ${limit})`;
  }

  async noteTrimmed(db: Db, campaignId: string, nowMs: number): Promise<void> {
    await sql`UPDATE campaign SET trimmed_at_ms = ${nowMs} WHERE id = ${campaignId}`.execute(db);
  }
}
