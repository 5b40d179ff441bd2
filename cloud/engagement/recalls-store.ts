import { type RawBuilder, sql } from "kysely";
import type { Db } from "../platform/database.ts";

export const recallStatuses = ["acknowledged", "shown", "emailed", "on_its_way", "unreachable", "not_decided"] as const;
export type RecallStatus = (typeof recallStatuses)[number];

/** A household of a recall, or an appliance that nobody owns. */
export interface RecallRow {
  key: string;
  household_id: string | null;
  status: RecallStatus;
  appliances: {
    deviceId: string;
    serial: string;
    model: string;
    shownAtMs: number | null;
    acknowledgedAtMs: number | null;
  }[];
  reason: string | null;
}

/**
 * Every household of a recall with how far it is. Reached is who saw it or has a letter in the mailbox; unreachable is where no way is left,
 * and on its way where one still is.
 */
const standing = (campaignId: string, source: string): RawBuilder<unknown> => sql`(
  SELECT coalesce(a.household_id::text, 'device:' || min(a.device_id)) AS key, a.household_id,
    json_agg(json_build_object('deviceId', a.device_id, 'serial', a.serial, 'model', a.model, 'shownAtMs', a.shown_at_ms,
      'acknowledgedAtMs', a.acted_at_ms) ORDER BY a.device_key) AS appliances,
    min(coalesce(d.reason, d.ended)) AS reason,
    CASE
      WHEN bool_or(a.acted_at_ms IS NOT NULL) THEN 'acknowledged'
      WHEN bool_or(a.shown_at_ms IS NOT NULL) THEN 'shown'
      WHEN bool_or(EXISTS (
        SELECT FROM engagement_message m WHERE m.decision_id = d.id AND m.channel = 'email' AND m.status = 'delivered')) THEN 'emailed'
      WHEN bool_or(a.delivery_id IS NOT NULL AND a.ended IS NULL) OR bool_or(EXISTS (
        SELECT FROM engagement_message m WHERE m.decision_id = d.id AND m.status = 'queued')) OR bool_or(d.answer = 'hold')
        THEN 'on_its_way'
      WHEN bool_or(d.id IS NOT NULL) OR bool_or(a.ended IS NOT NULL) THEN 'unreachable'
      ELSE 'not_decided'
    END AS status
  FROM campaign_appliance a
  LEFT JOIN decision d ON d.source = ${source} AND d.household_id = a.household_id
  WHERE a.campaign_id = ${campaignId}
  GROUP BY a.household_id, CASE WHEN a.household_id IS NULL THEN a.device_key END)`;

/** The SQL of how a recall stands. */
export class RecallsStore {
  async counts(
    db: Db,
    campaignId: string,
    source: string,
  ): Promise<{ status: RecallStatus; households: number; appliances: number }[]> {
    const { rows } = await sql<{ status: RecallStatus; households: number; appliances: number }>`
      SELECT s.status, count(s.household_id)::int AS households, sum(json_array_length(s.appliances))::int AS appliances
      FROM ${standing(campaignId, source)} s GROUP BY s.status`.execute(db);
    return rows;
  }

  async page(
    db: Db,
    query: { campaignId: string; source: string; status: RecallStatus | null; afterKey: string | null; limit: number },
  ): Promise<RecallRow[]> {
    const { rows } = await sql<RecallRow>`
      SELECT s.key, s.household_id, s.status, s.appliances, s.reason FROM ${standing(query.campaignId, query.source)} s
      WHERE (${query.status}::text IS NULL OR s.status = ${query.status})
        AND (${query.afterKey}::text IS NULL OR s.key COLLATE "C" > ${query.afterKey})
      ORDER BY s.key COLLATE "C" LIMIT ${query.limit}`.execute(db);
    return rows;
  }
}
