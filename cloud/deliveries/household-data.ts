import { sql } from "kysely";
import { affected } from "../platform/database.ts";
import { tenureSpans } from "../devices/devices.ts";
import { type HouseholdData, pages } from "../platform/household-data.ts";

/** What was sent to a household's appliances. */
export const deliveriesData: HouseholdData[] = [
  {
    name: "update_answers",
    describes: "What you answered when an update was offered: agreed, put off, declined.",
    rows: (db, householdId) =>
      pages<{ deliveryId: string; atMs: number }>(async (last, limit) => {
        const { rows } = await sql<{ deliveryId: string; atMs: number }>`
          SELECT w.delivery_id AS "deliveryId", t.device_id AS "deviceId", w.at_ms AS "atMs", w.word, w.until_ms AS "untilMs"
          FROM delivery_owner_word w JOIN ${tenureSpans(householdId)} t
            ON w.device_key = t.device_key AND w.at_ms >= t.from_ms AND w.at_ms < t.to_ms
          WHERE ${last?.deliveryId ?? null}::uuid IS NULL
            OR (w.delivery_id, w.at_ms) > (${last?.deliveryId ?? null}::uuid, ${last?.atMs ?? 0})
          ORDER BY w.delivery_id, w.at_ms LIMIT ${limit}`.execute(db);
        return rows;
      }),
    async erase(tx, householdId) {
      return affected(tx)`
        DELETE FROM delivery_owner_word w USING ${tenureSpans(householdId)} AS t
        WHERE w.device_key = t.device_key AND w.at_ms >= t.from_ms AND w.at_ms < t.to_ms`;
    },
  },
  {
    name: "deliveries",
    describes: "What was sent to your appliances: recipes, messages, offers, commands, updates, and how far each came.",
    keeps:
      "That an appliance was sent an update or a command, and what became of it: that is the appliance's own history.",
    rows: (db, householdId) =>
      pages<{ id: string }>(async (last, limit) => {
        const { rows } = await sql<{ id: string }>`
          SELECT d.id, t.device_id AS "deviceId", d.kind, d.subject, d.label, d.phase, d.step, d.created_at_ms AS "createdAtMs",
            d.changed_at_ms AS "changedAtMs", CASE WHEN d.kind <> 'firmware' THEN d.body END AS body
          FROM delivery d JOIN ${tenureSpans(householdId)} t
            ON d.device_key = t.device_key AND d.created_at_ms >= t.from_ms AND d.created_at_ms < t.to_ms
          WHERE ${last?.id ?? null}::uuid IS NULL OR d.id > ${last?.id ?? null}::uuid
          ORDER BY d.id LIMIT ${limit}`.execute(db);
        return rows;
      }),
    async erase(tx, householdId) {
      const theirs = sql`
        SELECT d.id FROM delivery d JOIN ${tenureSpans(householdId)} t
          ON d.device_key = t.device_key AND d.created_at_ms >= t.from_ms AND d.created_at_ms < t.to_ms
        WHERE d.kind IN ('recipe', 'message', 'offer', 'config')`;
      await sql`DELETE FROM delivery_receipt WHERE delivery_id IN (${theirs})`.execute(tx);
      return affected(tx)`DELETE FROM delivery WHERE id IN (${theirs})`;
    },
  },
];
