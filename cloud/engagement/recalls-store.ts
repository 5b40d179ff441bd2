import { type RawBuilder, sql } from "kysely";
import type { Db } from "../platform/database.ts";
import { type CampaignRow, inRanges } from "./campaigns-store.ts";
import { sourceOf } from "./sources.ts";

/** The best first: a household stands where the last of its appliances does. */
export const recallStatuses = ["acknowledged", "shown", "emailed", "on_its_way", "unreachable", "not_decided"] as const;
export type RecallStatus = (typeof recallStatuses)[number];

/**
 * Why nothing reaches them. Never registered: it was made, and was never connected. No household: nobody owns it, and it did not show it.
 * No address: there is nobody to write to, and no appliance showed it. No mail: the service writes to nobody, and no appliance showed it. Never seen: letters came back or failed, and no appliance showed it.
 */
export const unreachableWhys = ["never_registered", "no_household", "no_address", "no_mail", "never_seen"] as const;
export type UnreachableWhy = (typeof unreachableWhys)[number];

/** A household of a recall, an appliance that nobody owns, or one that was made and never registered. */
export interface RecallRow {
  key: string;
  household_id: string | null;
  status: RecallStatus;
  appliances: {
    /** Null of what was never registered. */
    deviceId: string | null;
    serial: string;
    model: string;
    shownAtMs: number | null;
    acknowledgedAtMs: number | null;
  }[];
  /** Of whom nothing reaches. */
  why: UnreachableWhy | null;
  /** The last word of the service about it, where there is one. */
  detail: string | null;
}

/**
 * Every household of a recall with how far it is, which is as far as that of its appliances that is behind the others: one that was
 * acknowledged says nothing of the other. Reached is who saw it or has a letter in the mailbox, which one that came back is not; unreachable is where no way is left, and on
 * its way where one still is.
 */
const known = ({ id }: CampaignRow, hasMail: boolean): RawBuilder<unknown> => sql`(
  SELECT key, household_id, appliances, status, CASE WHEN status = 'unreachable' THEN
    CASE WHEN household_id IS NULL THEN 'no_household' WHEN is_written_to THEN 'never_seen' ELSE ${hasMail ? "no_address" : "no_mail"} END END AS why,
    CASE WHEN status = 'unreachable' THEN detail END AS detail
  FROM (
    SELECT coalesce(household_id::text, 'device:' || min(device_id)) AS key, household_id,
      json_agg(json_build_object('deviceId', device_id, 'serial', serial, 'model', model, 'shownAtMs', shown_at_ms,
        'acknowledgedAtMs', acted_at_ms) ORDER BY device_key) AS appliances,
      coalesce(min(reason), min(bounced), min(decision_ended), min(ended)) AS detail,
      bool_or(EXISTS (SELECT FROM engagement_message m WHERE m.decision_id = one.decision_id AND m.channel = 'email')) AS is_written_to,
      (${[...recallStatuses]}::text[])[max(array_position(${[...recallStatuses]}::text[], status))] AS status
    FROM (
      SELECT a.device_key, a.device_id, a.serial, a.model, a.household_id, a.shown_at_ms, a.acted_at_ms, a.ended, d.id AS decision_id,
        d.reason, d.ended AS decision_ended,
        (SELECT min(m.status) FROM engagement_message m WHERE m.decision_id = d.id AND m.status = 'bounced') AS bounced,
        CASE
          WHEN a.acted_at_ms IS NOT NULL THEN 'acknowledged'
          WHEN a.shown_at_ms IS NOT NULL THEN 'shown'
          WHEN EXISTS (
            SELECT FROM engagement_message m WHERE m.decision_id = d.id AND m.channel = 'email' AND m.status = 'delivered') THEN 'emailed'
          WHEN a.delivery_id IS NOT NULL AND a.ended IS NULL OR d.answer = 'hold' OR EXISTS (
            SELECT FROM engagement_message m WHERE m.decision_id = d.id AND m.status = 'queued') THEN 'on_its_way'
          WHEN d.id IS NOT NULL OR a.ended IS NOT NULL THEN 'unreachable'
          ELSE 'not_decided'
        END AS status
      FROM campaign_appliance a
      LEFT JOIN decision d ON d.source = ${sourceOf(id)} AND d.household_id = a.household_id
      WHERE a.campaign_id = ${id}) AS one
    GROUP BY household_id, CASE WHEN household_id IS NULL THEN device_key END) AS standing)`;

/** The SQL of how a recall stands. */
export class RecallsStore {
  readonly #made: RawBuilder<unknown>;
  readonly #hasMail: boolean;

  /** @param made every serial number that was made, with its model: a table expression */
  constructor(made: RawBuilder<unknown>, hasMail: boolean) {
    this.#made = made;
    this.#hasMail = hasMail;
  }

  /** What was made and never registered belongs to a recall as much: nothing but a letter by way of the trade reaches it. */
  #unregistered({ id, definition: { audience } }: CampaignRow): RawBuilder<unknown> {
    if (audience.kind !== "serials") throw new Error("a recall goes by serial numbers");
    return sql`(
      SELECT 'serial:' || d.serial AS key, NULL::uuid AS household_id, json_build_array(json_build_object('deviceId', NULL,
        'serial', d.serial, 'model', d.model, 'shownAtMs', NULL, 'acknowledgedAtMs', NULL)) AS appliances, 'unreachable' AS status,
        'never_registered' AS why, NULL AS detail
      FROM ${this.#made} d
      WHERE ${inRanges(audience)}
        AND NOT EXISTS (SELECT FROM campaign_appliance a WHERE a.campaign_id = ${id} AND a.serial = d.serial))`;
  }

  /** Before its appliances were looked for, nobody can say which of them were never registered. */
  #standing(recall: CampaignRow): RawBuilder<unknown> {
    if (recall.assigned_at_ms === null) return known(recall, this.#hasMail);
    return sql`(SELECT * FROM ${known(recall, this.#hasMail)} k UNION ALL SELECT * FROM ${this.#unregistered(recall)} u)`;
  }

  async counts(
    db: Db,
    recall: CampaignRow,
  ): Promise<{ status: RecallStatus; households: number; appliances: number }[]> {
    const { rows } = await sql<{ status: RecallStatus; households: number; appliances: number }>`
      SELECT s.status, count(s.household_id)::int AS households, sum(json_array_length(s.appliances))::int AS appliances
      FROM ${this.#standing(recall)} s GROUP BY s.status`.execute(db);
    return rows;
  }

  async page(
    db: Db,
    recall: CampaignRow,
    query: { status: RecallStatus | null; afterKey: string | null; limit: number },
  ): Promise<RecallRow[]> {
    const { rows } = await sql<RecallRow>`
      SELECT s.key, s.household_id, s.status, s.appliances, s.why, s.detail FROM ${this.#standing(recall)} s
      WHERE (${query.status}::text IS NULL OR s.status = ${query.status})
        AND (${query.afterKey}::text IS NULL OR s.key COLLATE "C" > ${query.afterKey})
      ORDER BY s.key COLLATE "C" LIMIT ${query.limit}`.execute(db);
    return rows;
  }
}
