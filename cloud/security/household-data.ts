import { sql } from "kysely";
import { affected } from "../platform/database.ts";
import { tenureSpans } from "../devices/devices.ts";
import { type HouseholdData, pages } from "../platform/household-data.ts";

/** Refused connections and the like, of a household's appliances and of its people. */
export const securityData: HouseholdData[] = [
  {
    name: "security_events",
    describes: "What was refused to your appliances or keys, or looked like an attack on them.",
    kept: "90 days",
    keeps: "That something was refused, how often, and why; not to whom, nor from which address.",
    rows: (db, householdId) =>
      pages<{ id: string }>(async (last, limit) => {
        const { rows } = await sql<{ id: string }>`
          SELECT s.id, s.at_ms AS "atMs", s.last_at_ms AS "lastAtMs", s.kind, s.severity, s.reason, s.count, s.address, s.name,
            s.device_id AS "deviceId"
          FROM security_event s
          WHERE ${theirs(householdId)} AND (${last?.id ?? null}::uuid IS NULL OR s.id > ${last?.id ?? null}::uuid)
          ORDER BY s.id LIMIT ${limit}`.execute(db);
        return rows;
      }),
    async erase(tx, householdId) {
      return affected(tx)`
        UPDATE security_event s SET address = '', name = '', principal = NULL, device_id = NULL
        WHERE ${theirs(householdId)}`;
    },
  },
];

const theirs = (householdId: string) => sql`(s.principal LIKE ${`owner:${householdId}/%`} OR EXISTS (
  SELECT FROM ${tenureSpans(householdId)} t WHERE t.device_id = s.device_id AND s.at_ms >= t.from_ms AND s.at_ms < t.to_ms))`;
