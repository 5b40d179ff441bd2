import { type RawBuilder, sql } from "kysely";
import { affected, type Db } from "../platform/database.ts";
import type { CampaignDefinition, CampaignState, SerialAudience } from "./core/campaign.ts";

export interface CampaignRow {
  id: string;
  kind: "campaign" | "recall";
  state: CampaignState;
  definition: CampaignDefinition;
  created_at_ms: number;
  created_by: string;
  edited_by: string;
  /** Whoever wrote any of it since it was last approved. */
  authors: string[];
  edited_at_ms: number;
  approved_by: string | null;
  approved_at_ms: number | null;
  started_at_ms: number | null;
  paused_at_ms: number | null;
  ended_at_ms: number | null;
  expires_at_ms: number;
  after_household: string | null;
  assigned_at_ms: number | null;
}

/** What counts as this household's goal: acts of a type after it was assigned, for so long. */
export interface GoalWatch {
  id: string;
  event: string;
  withinMs: number;
}

/** An appliance of a recall. */
export interface ApplianceRow {
  device_key: number;
  device_id: string;
  serial: string;
  model: string;
  household_id: string | null;
  household_since_ms: number | null;
  delivery_id: string | null;
  sent_at_ms: number | null;
  shown_at_ms: number | null;
  acted_at_ms: number | null;
  ended: string | null;
}

/** The first 32 bits of md5(quarter ':' household) as a share: the same as `holdoutDraw`. */
export const holdoutDrawOf = (quarter: string, householdId: RawBuilder<unknown>): RawBuilder<number> =>
  sql<number>`(('x' || left(md5(${`${quarter}:`}::text || ${householdId}::text), 8))::bit(32)::bigint::float8 / 4294967296)`;

/** Households or appliances in serial ranges. Characters go by their code, so that no locale of a server decides whom a recall reaches. */
export function inRanges({ model, ranges }: SerialAudience): RawBuilder<boolean> {
  const each = ranges.map(
    ({ from, to }) =>
      sql`(length(d.serial) = ${from.length} AND d.serial COLLATE "C" >= ${from} AND d.serial COLLATE "C" <= ${to})`,
  );
  return sql<boolean>`(d.model = ${model} AND (${sql.join(each, sql` OR `)}))`;
}

/** Members that come at once and are more than what the planner may not know of. */
const analyzedFrom = 1_000;

/** The SQL of campaigns, their members and their appliances. */
export class CampaignsStore {
  async insert(tx: Db, row: CampaignRow): Promise<void> {
    await sql`
      INSERT INTO campaign (id, kind, state, definition, created_at_ms, created_by, edited_by, authors, edited_at_ms, expires_at_ms)
      VALUES (${row.id}, ${row.kind}, ${row.state}, ${JSON.stringify(row.definition)}::jsonb, ${row.created_at_ms}, ${row.created_by},
        ${row.edited_by}, ${row.authors}, ${row.edited_at_ms}, ${row.expires_at_ms})`.execute(tx);
  }

  async count(db: Db): Promise<number> {
    const { rows } = await sql<{ n: number }>`SELECT count(*) AS n FROM campaign`.execute(db);
    return rows[0]?.n ?? 0;
  }

  async get(db: Db, id: string): Promise<CampaignRow | null> {
    const { rows } = await sql<CampaignRow>`SELECT * FROM campaign WHERE id = ${id}`.execute(db);
    return rows[0] ?? null;
  }

  async lock(tx: Db, id: string): Promise<CampaignRow | null> {
    const { rows } = await sql<CampaignRow>`SELECT * FROM campaign WHERE id = ${id} FOR UPDATE`.execute(tx);
    return rows[0] ?? null;
  }

  /** Newest first. */
  async list(db: Db, beforeId: string | null, limit: number): Promise<CampaignRow[]> {
    const { rows } = await sql<CampaignRow>`
      SELECT * FROM campaign WHERE (${beforeId}::uuid IS NULL OR id < ${beforeId}) ORDER BY id DESC LIMIT ${limit}`.execute(
      db,
    );
    return rows;
  }

  /**
   * Approved, under way or over, and within a window: begun before its end and not over before its beginning. What is approved may begin
   * at any time until it expires. The earliest to begin first, and then what has not begun.
   */
  async calendar(db: Db, fromMs: number, toMs: number, limit: number): Promise<CampaignRow[]> {
    const { rows } = await sql<CampaignRow>`
      SELECT * FROM campaign
      WHERE (state IN ('approved', 'running', 'paused') OR (state = 'finished' AND started_at_ms IS NOT NULL))
        AND coalesce(started_at_ms, 0) < ${toMs} AND coalesce(ended_at_ms, expires_at_ms) >= ${fromMs}
      ORDER BY started_at_ms, id LIMIT ${limit}`.execute(db);
    return rows;
  }

  /** Recalls first, then those of the higher priority, then the oldest. */
  async running(db: Db): Promise<CampaignRow[]> {
    const { rows } = await sql<CampaignRow>`
      SELECT * FROM campaign WHERE state = 'running' 
      ORDER BY (kind = 'recall') DESC, (definition->>'priority')::int DESC, id`.execute(db);
    return rows;
  }

  /** Whether there is one that runs, or one of those that are `owing`. */
  async isAnyToCarryOut(db: Db): Promise<boolean> {
    return (await this.running(db)).length > 0 || (await this.owing(db)).length > 0;
  }

  /** Those that are over, and have something that did not arrive. */
  async owing(db: Db): Promise<string[]> {
    const { rows } = await sql<{ id: string }>`
      SELECT id FROM campaign WHERE state = 'finished' AND id IN (
        SELECT substr(source, length('campaign:') + 1)::uuid FROM decision
        WHERE answer = 'hold' AND reason = 'way_failed' AND rests_merge_id IS NULL) ORDER BY id`.execute(db);
    return rows.map(({ id }) => id);
  }

  async usingSegments(
    db: Db,
    segmentIds: readonly string[],
  ): Promise<{ segment_id: string; id: string; name: string }[]> {
    const { rows } = await sql<{ segment_id: string; id: string; name: string }>`
      SELECT definition->'audience'->>'segmentId' AS segment_id, id, definition->>'name' AS name FROM campaign
      WHERE definition->'audience'->>'segmentId' = ANY(${[...segmentIds]}::text[]) AND state <> 'finished' ORDER BY id LIMIT 200`.execute(
      db,
    );
    return rows;
  }

  /** Those whose expiry has come while they run or wait. */
  async expired(db: Db, nowMs: number): Promise<string[]> {
    const { rows } = await sql<{ id: string }>`
      SELECT id FROM campaign WHERE state IN ('running', 'paused') AND expires_at_ms <= ${nowMs} ORDER BY id`.execute(
      db,
    );
    return rows.map(({ id }) => id);
  }

  async update(tx: Db, row: CampaignRow): Promise<void> {
    await sql`
      UPDATE campaign SET state = ${row.state}, kind = ${row.kind}, definition = ${JSON.stringify(row.definition)}::jsonb,
        edited_by = ${row.edited_by}, authors = ${row.authors}, edited_at_ms = ${row.edited_at_ms}, approved_by = ${row.approved_by},
        approved_at_ms = ${row.approved_at_ms}, started_at_ms = ${row.started_at_ms}, paused_at_ms = ${row.paused_at_ms},
        ended_at_ms = ${row.ended_at_ms}, expires_at_ms = ${row.expires_at_ms}
      WHERE id = ${row.id}`.execute(tx);
  }

  /** Puts who is in the audience into the campaign, each once and in the arm that the draw gives. @returns how many are new */
  async assign(
    tx: Db,
    id: string,
    households: RawBuilder<unknown>,
    { quarter, share, nowMs }: { quarter: string; share: number; nowMs: number },
  ): Promise<number> {
    const draw = holdoutDrawOf(quarter, sql`a.household_id`);
    const added = await affected(tx)`
      INSERT INTO campaign_member (campaign_id, household_id, arm, quarter, assigned_at_ms)
      SELECT ${id}, a.household_id, CASE WHEN ${draw} < ${share}::float8 THEN 'held_out' ELSE 'treated' END, ${quarter}, ${nowMs}
      FROM ${households} a
      WHERE NOT EXISTS (SELECT FROM campaign_member m WHERE m.campaign_id = ${id} AND m.household_id = a.household_id)
      ORDER BY a.household_id
      ON CONFLICT DO NOTHING`;
    // Pages of members are read in their order from an index; a planner that knows nothing of so many would sort them all for each page.
    if (added >= analyzedFrom) await sql`ANALYZE campaign_member`.execute(tx);
    return added;
  }

  /** Notes the appliances of a recall, and whose each is now. Who has one next has it to acknowledge anew. */
  async assignAppliances(tx: Db, id: string, appliances: RawBuilder<unknown>, audience: SerialAudience): Promise<void> {
    await sql`
      INSERT INTO campaign_appliance AS known (campaign_id, device_key, device_id, serial, model, household_id, household_since_ms)
      SELECT ${id}, d.key, d.id, d.serial, d.model, d.household_id, d.household_since_ms
      FROM ${appliances} d WHERE ${inRanges(audience)} ORDER BY d.key
      ON CONFLICT (campaign_id, device_key) DO UPDATE SET household_id = excluded.household_id,
        household_since_ms = excluded.household_since_ms, ${sql.join(
          ["delivery_id", "sent_at_ms", "shown_at_ms", "acted_at_ms", "ended"].map(
            (column) => sql`${sql.ref(column)} = CASE
              WHEN known.household_since_ms IS NOT DISTINCT FROM excluded.household_since_ms THEN known.${sql.ref(column)} END`,
          ),
        )}
      WHERE (known.household_id, known.household_since_ms) IS DISTINCT FROM (excluded.household_id, excluded.household_since_ms)`.execute(
      tx,
    );
  }

  async noteAssigned(tx: Db, id: string, nowMs: number, fresh: boolean): Promise<void> {
    await sql`
      UPDATE campaign SET assigned_at_ms = ${nowMs}, after_household = CASE WHEN ${fresh} THEN NULL ELSE after_household END
      WHERE id = ${id}`.execute(tx);
  }

  /**
   * The next members, held until the transaction ends: an erasure waits, or has taken them.
   *
   * @returns in their order, and whether something was decided about each already
   */
  async nextMembers(
    tx: Db,
    campaign: CampaignRow,
    source: string,
    limit: number,
  ): Promise<{ household_id: string; is_decided: boolean }[]> {
    const { rows } = await sql<{ household_id: string; is_decided: boolean }>`
      WITH next AS MATERIALIZED (
        SELECT household_id FROM campaign_member
        WHERE campaign_id = ${campaign.id} AND rests_merge_id IS NULL AND (${campaign.after_household}::uuid IS NULL OR household_id > ${campaign.after_household})
        ORDER BY household_id LIMIT ${limit} FOR UPDATE
      )
      SELECT household_id, household_id IN (
        -- Of these households alone: as a question about each, it may be answered from all that the campaign decided so far.
        SELECT d.household_id FROM decision d
        WHERE d.source = ${source} AND (${campaign.after_household}::uuid IS NULL OR d.household_id > ${campaign.after_household})
          AND d.household_id <= (SELECT household_id FROM next ORDER BY household_id DESC LIMIT 1)
      ) AS is_decided
      FROM next ORDER BY household_id`.execute(tx);
    return rows;
  }

  async advance(tx: Db, id: string, afterHousehold: string): Promise<void> {
    await sql`UPDATE campaign SET after_household = ${afterHousehold} WHERE id = ${id}`.execute(tx);
  }

  /** A recall's appliances of these households. */
  async appliancesOf(db: Db, id: string, householdIds: readonly string[]): Promise<ApplianceRow[]> {
    const { rows } = await sql<ApplianceRow>`
      SELECT * FROM campaign_appliance WHERE campaign_id = ${id} AND household_id = ANY(${[...householdIds]}::uuid[])
      ORDER BY device_key`.execute(db);
    return rows;
  }

  /** Appliances of a recall that nobody owns and that were not told. */
  async ownerless(tx: Db, id: string, limit: number): Promise<ApplianceRow[]> {
    const { rows } = await sql<ApplianceRow>`
      SELECT * FROM campaign_appliance WHERE campaign_id = ${id} AND household_id IS NULL AND delivery_id IS NULL
      ORDER BY device_key LIMIT ${limit} FOR UPDATE`.execute(tx);
    return rows;
  }

  /** Appliances of a recall that came to a household about which it had decided already, and that were not told. */
  async late(tx: Db, id: string, source: string, limit: number): Promise<(ApplianceRow & { decision_id: string })[]> {
    const { rows } = await sql<ApplianceRow & { decision_id: string }>`
      SELECT a.*, d.id AS decision_id FROM campaign_appliance a
      JOIN decision d ON d.source = ${source} AND d.household_id = a.household_id AND d.rests_merge_id IS NULL AND d.answer <> 'hold'
      WHERE a.campaign_id = ${id} AND a.household_id IS NOT NULL AND a.delivery_id IS NULL
      ORDER BY a.device_key LIMIT ${limit} FOR UPDATE OF a`.execute(tx);
    return rows;
  }

  async applianceSent(tx: Db, id: string, sent: readonly { deviceId: string; deliveryId: string }[]): Promise<void> {
    await sql`
      UPDATE campaign_appliance a SET delivery_id = s."deliveryId"
      FROM json_to_recordset(${JSON.stringify(sent)}::json) AS s("deviceId" text, "deliveryId" uuid)
      WHERE a.campaign_id = ${id} AND a.device_id = s."deviceId"`.execute(tx);
  }

  /** What became of deliveries, on the appliances of recalls. */
  async applianceMoved(
    tx: Db,
    moves: readonly { deliveryId: string; sent: boolean; shown: boolean; acted: boolean; ended: string | null }[],
    nowMs: number,
  ): Promise<void> {
    await sql`
      UPDATE campaign_appliance a SET
        sent_at_ms = CASE WHEN m.sent THEN coalesce(a.sent_at_ms, ${nowMs}) ELSE a.sent_at_ms END,
        shown_at_ms = CASE WHEN m.shown THEN coalesce(a.shown_at_ms, ${nowMs}) ELSE a.shown_at_ms END,
        acted_at_ms = CASE WHEN m.acted THEN coalesce(a.acted_at_ms, ${nowMs}) ELSE a.acted_at_ms END,
        ended = coalesce(m.ended, a.ended)
      FROM json_to_recordset(${JSON.stringify(moves)}::json) AS m("deliveryId" uuid, sent boolean, shown boolean, acted boolean, ended text)
      WHERE a.delivery_id = m."deliveryId"`.execute(tx);
  }

  // Goals

  async goals(db: Db, nowMs: number): Promise<GoalWatch[]> {
    const { rows } = await sql<{ id: string; event: string; days: number }>`
      SELECT id, definition->'goal'->>'event' AS event, (definition->'goal'->>'withinDays')::int AS days FROM campaign
      WHERE jsonb_typeof(definition->'goal') = 'object' AND started_at_ms IS NOT NULL
        AND (ended_at_ms IS NULL OR ended_at_ms + (definition->'goal'->>'withinDays')::bigint * 86400000 > ${nowMs})`.execute(
      db,
    );
    return rows.map(({ id, event, days }) => ({ id, event, withinMs: days * 86_400_000 }));
  }

  /** Notes the first time that each household reached the goal in its time. Late and repeated acts come to the same. */
  async reached(
    tx: Db,
    acts: readonly { campaignId: string; householdId: string; atMs: number; withinMs: number }[],
  ): Promise<void> {
    await sql`
      WITH act AS (
        SELECT m.campaign_id, m.household_id, min(a."atMs") AS at_ms
        FROM json_to_recordset(${JSON.stringify(acts)}::json) AS a("campaignId" uuid, "householdId" uuid, "atMs" bigint, "withinMs" bigint)
        JOIN campaign_member m ON m.campaign_id = a."campaignId" AND m.household_id = a."householdId"
        WHERE a."atMs" >= m.assigned_at_ms AND a."atMs" < m.assigned_at_ms + a."withinMs"
        GROUP BY 1, 2 ORDER BY 1, 2
      )
      UPDATE campaign_member m SET goal_at_ms = act.at_ms FROM act
      WHERE m.campaign_id = act.campaign_id AND m.household_id = act.household_id
        AND (m.goal_at_ms IS NULL OR m.goal_at_ms > act.at_ms)`.execute(tx);
  }

  async isMember(db: Db, id: string, householdId: string): Promise<boolean> {
    const { rows } = await sql`
      SELECT 1 FROM campaign_member WHERE campaign_id = ${id} AND household_id = ${householdId}`.execute(db);
    return rows.length > 0;
  }

  async names(db: Db, ids: readonly string[]): Promise<{ id: string; name: string }[]> {
    if (ids.length === 0) return [];
    const { rows } = await sql<{ id: string; name: string }>`
      SELECT id, definition->>'name' AS name FROM campaign WHERE id = ANY(${[...ids]}::uuid[])`.execute(db);
    return rows;
  }

  /** Campaigns that have an item, newest first. */
  async withItem(db: Db, itemId: string): Promise<CampaignRow[]> {
    const { rows } = await sql<CampaignRow>`
      SELECT * FROM campaign WHERE definition->'itemIds' ? ${itemId} ORDER BY id DESC LIMIT 20`.execute(db);
    return rows;
  }
}
