import { sql } from "kysely";
import { affected } from "../platform/database.ts";
import { tenureSpans } from "../devices/devices.ts";
import { type HouseholdData, pages } from "../platform/household-data.ts";

/** Notices to staff name no household, but they name its appliances, and what is wrong with them in somebody's words. */
export const noticesData: HouseholdData[] = [
  {
    name: "notices",
    describes: "What the maker's staff were told about your appliances.",
    kept: "90 days",
    rows: (db, householdId) =>
      pages<{ id: string }>(async (last, limit) => {
        const { rows } = await sql<{ id: string }>`
          SELECT n.id, n.kind, n.severity, n.title, n.at_ms AS "atMs" FROM notice n
          WHERE ${theirs(householdId)} AND (${last?.id ?? null}::uuid IS NULL OR n.id > ${last?.id ?? null}::uuid)
          ORDER BY n.id LIMIT ${limit}`.execute(db);
        return rows;
      }),
    async erase(tx, householdId) {
      return affected(tx)`DELETE FROM notice n WHERE ${theirs(householdId)}`;
    },
  },
];

const theirs = (householdId: string) => sql`EXISTS (
  SELECT FROM ${tenureSpans(householdId)} t
  WHERE t.device_id = n.data ->> 'deviceId' AND n.created_at_ms >= t.from_ms AND n.created_at_ms < t.to_ms)`;
