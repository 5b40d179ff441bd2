import { sql } from "kysely";
import { affected } from "../platform/database.ts";
import { tenureSpans } from "../devices/devices.ts";
import { type HouseholdData, pages } from "../platform/household-data.ts";

/** What a household's appliances said and nobody could read. */
export const ingestData: HouseholdData[] = [
  {
    name: "quarantine",
    describes: "Messages of your appliances that could not be understood, as they came.",
    rows: (db, householdId) =>
      pages<{ id: string }>(async (last, limit) => {
        const { rows } = await sql<{ id: string }>`
          SELECT q.id, q.device_id AS "deviceId", q.channel, q.received_at_ms AS "receivedAtMs", q.reason,
            encode(q.payload, 'base64') AS "payloadBase64"
          FROM quarantine q JOIN ${tenureSpans(householdId)} t ON ${theirs}
          WHERE ${last?.id ?? null}::uuid IS NULL OR q.id > ${last?.id ?? null}::uuid
          ORDER BY q.id LIMIT ${limit}`.execute(db);
        return rows;
      }),
    async erase(tx, householdId) {
      return affected(tx)`
        DELETE FROM quarantine q USING ${tenureSpans(householdId)} AS t WHERE ${theirs}`;
    },
  },
];

const theirs = sql`q.device_id = t.device_id AND q.received_at_ms >= t.from_ms AND q.received_at_ms < t.left_ms`;
