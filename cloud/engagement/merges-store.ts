import { type RawBuilder, sql } from "kysely";
import type { Merged, Unmerged } from "../households/households.ts";
import type { Db } from "../platform/database.ts";

/**
 * Waits for campaigns that take their audience in at this moment, and has them wait until the transaction ends: whom they took in is a member
 * for what follows, and whom they take in next is what it leaves. For whoever changes which household there is.
 */
export async function holdMembership(tx: Db): Promise<void> {
  await sql`
    SELECT FROM campaign WHERE state IN ('approved', 'running', 'paused') ORDER BY id FOR NO KEY UPDATE`.execute(tx);
}

/** Campaigns that have gone past a household about which nothing is decided look at their members from the beginning. */
async function lookAgainFor(tx: Db, householdId: string): Promise<void> {
  await sql`
    UPDATE campaign c SET after_household = NULL FROM campaign_member m
    WHERE m.household_id = ${householdId} AND c.id = m.campaign_id AND c.state IN ('running', 'paused') AND c.after_household >= ${householdId}
      AND NOT EXISTS (SELECT FROM decision d WHERE d.source = 'campaign:' || c.id AND d.household_id = ${householdId})`.execute(
    tx,
  );
}

/** What moves remembers the household about which it was decided. */
const athome = sql`home_id = coalesce(home_id, household_id)`;

/**
 * The SQL of households that become one, and two again.
 *
 * One household has one arm and one answer of each campaign. Where both had one, what went out to one of them stands, then that one was held
 * out, then what the household has that goes on; the other's rows rest: nothing counts or sends them, and undoing the merge wakes them. What
 * only the one had that is no more moves, and goes back to what its home is part of then.
 */
export class MergesStore {
  async merged(tx: Db, merge: Merged): Promise<void> {
    const { mergeId, from, into } = merge;
    await holdMembership(tx);
    const { goesOn, rests } = await this.#standing(tx, merge);
    await this.#mergeMembers(tx, merge, goesOn);
    await sql`
      UPDATE decision SET rests_merge_id = ${mergeId}, rests_of = ${from}
      WHERE household_id = ${from} AND rests_merge_id IS NULL AND source = ANY(${rests}::text[])`.execute(tx);
    // Two rows of one household and item may not be, not even for a moment: what moves waits under the merge's own id.
    await sql`
      UPDATE decision SET household_id = ${mergeId}, ${athome}
      WHERE household_id = ${from} AND rests_merge_id IS NULL AND source = ANY(${goesOn}::text[])`.execute(tx);
    await sql`
      UPDATE decision SET household_id = ${from}, rests_merge_id = ${mergeId}, rests_of = ${into}
      WHERE household_id = ${into} AND rests_merge_id IS NULL AND source = ANY(${goesOn}::text[])`.execute(tx);
    await sql`UPDATE decision SET household_id = ${into} WHERE household_id = ${mergeId}`.execute(tx);
    await lookAgainFor(tx, into);
  }

  /**
   * What was decided anew meanwhile is of the one that it was decided about. What stands where several have become one follows from the order
   * in which they came: those that came later come anew.
   */
  async unmerged(tx: Db, { staying, ...merge }: Unmerged): Promise<void> {
    const later = staying.filter(
      ({ atMs, mergeId }) => atMs > merge.atMs || (atMs === merge.atMs && mergeId > merge.mergeId),
    );
    for (const one of [merge, ...later].toReversed()) await this.#part(tx, one);
    for (const one of later) await this.merged(tx, one);
  }

  async #part(tx: Db, { mergeId, from, into, parts }: Merged): Promise<void> {
    const moved = sql`household_id = ${into} AND home_id = ANY(${[...parts]}::uuid[]) AND rests_merge_id IS NULL`;
    await sql`
      UPDATE campaign_member k SET arm = m.others_arm FROM campaign_member m
      WHERE m.rests_merge_id = ${mergeId} AND k.campaign_id = m.campaign_id AND k.household_id = m.rests_with`.execute(
      tx,
    );
    await sql`
      UPDATE campaign_member SET rests_merge_id = NULL, rests_with = NULL, others_arm = NULL
      WHERE rests_merge_id = ${mergeId}`.execute(tx);
    await sql`
      UPDATE campaign_member k SET joined_goal_at_ms = (
        SELECT min(least(m.goal_at_ms, m.joined_goal_at_ms)) FROM campaign_member m
        WHERE m.rests_with = ${into} AND m.campaign_id = k.campaign_id)
      WHERE household_id = ${into} AND joined_goal_at_ms IS NOT NULL`.execute(tx);
    await sql`
      UPDATE campaign_member SET household_id = ${from} WHERE ${moved}`.execute(tx);
    await sql`UPDATE decision SET household_id = ${mergeId} WHERE ${moved}`.execute(tx);
    // In its place is what was decided anew.
    await sql`
      DELETE FROM decision r USING decision d
      WHERE r.rests_merge_id = ${mergeId} AND d.source = r.source AND d.household_id = r.rests_of AND d.item_id = r.item_id
        AND d.rests_merge_id IS NULL`.execute(tx);
    await sql`
      UPDATE decision SET household_id = rests_of, rests_merge_id = NULL, rests_of = NULL
      WHERE rests_merge_id = ${mergeId}`.execute(tx);
    await sql`UPDATE decision SET household_id = ${from} WHERE household_id = ${mergeId}`.execute(tx);
    await lookAgainFor(tx, from);
    await lookAgainFor(tx, into);
  }

  /** Of what is decided about the one that is no more: what goes on as the other's, and what rests beside the other's own. */
  async #standing(tx: Db, { from, into }: Merged): Promise<{ goesOn: string[]; rests: string[] }> {
    const { rows } = await sql<{ source: string; goes_on: boolean }>`
      WITH stood AS (
        SELECT source, household_id,
          max(CASE WHEN answer IN ('send', 'human') OR reason = 'way_failed' THEN 3 WHEN reason = 'held_out' THEN 2 ELSE 1 END) AS rank
        FROM decision WHERE household_id IN (${from}, ${into}) AND rests_merge_id IS NULL GROUP BY 1, 2
      )
      SELECT f.source, coalesce(f.rank > i.rank, true) AS goes_on
      FROM stood f LEFT JOIN stood i ON i.source = f.source AND i.household_id = ${into}
      WHERE f.household_id = ${from}`.execute(tx);
    const sources = (isGoing: boolean) => rows.filter((row) => row.goes_on === isGoing).map(({ source }) => source);
    return { goesOn: sources(true), rests: sources(false) };
  }

  /** Who is in a campaign twice has the arm of what goes on. */
  async #mergeMembers(tx: Db, { mergeId, from, into }: Merged, goesOn: readonly string[]): Promise<void> {
    const isGoing = (campaignId: RawBuilder<unknown>) =>
      sql`('campaign:' || ${campaignId}) = ANY(${[...goesOn]}::text[])`;
    await sql`
      UPDATE campaign_member m SET rests_merge_id = ${mergeId}, rests_with = ${into}, others_arm = k.arm FROM campaign_member k
      WHERE m.household_id = ${from} AND m.rests_merge_id IS NULL AND k.campaign_id = m.campaign_id AND k.household_id = ${into}
        AND k.rests_merge_id IS NULL`.execute(tx);
    await sql`
      UPDATE campaign_member k SET arm = CASE WHEN ${isGoing(sql`m.campaign_id`)} THEN m.arm ELSE k.arm END,
        joined_goal_at_ms = least(k.joined_goal_at_ms, m.goal_at_ms, m.joined_goal_at_ms)
      FROM campaign_member m
      WHERE m.rests_merge_id = ${mergeId} AND k.campaign_id = m.campaign_id AND k.household_id = ${into}`.execute(tx);
    await sql`
      UPDATE campaign_member SET household_id = ${into}, ${athome}
      WHERE household_id = ${from} AND rests_merge_id IS NULL`.execute(tx);
  }
}
