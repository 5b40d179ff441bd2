import { sql } from "kysely";
import { type HouseholdData, pages } from "../platform/household-data.ts";

/** What this slice itself knows of a household. Of keys and links only hashes are kept, and those are nobody's to read. */
export const ownData: HouseholdData[] = [
  {
    name: "household",
    describes: "Your household: its name, language, time zone, and how it wants to be reached.",
    rows: (db, householdId) =>
      pages(async (last) => {
        if (last !== null) return [];
        const { rows } = await sql<Record<string, unknown>>`
          SELECT id, name, locale, time_zone AS "timeZone", channels, created_at_ms AS "createdAtMs"
          FROM household WHERE id = ${householdId}`.execute(db);
        return rows;
      }),
    async erase(tx, householdId) {
      const { numAffectedRows } = await sql`DELETE FROM household WHERE id = ${householdId}`.execute(tx);
      return Number(numAffectedRows ?? 0);
    },
  },
  {
    name: "members",
    describes: "The people of your household, as they were entered or joined.",
    rows: (db, householdId) =>
      pages<{ id: string }>(async (last, limit) => {
        const { rows } = await sql<{ id: string }>`
          SELECT id, name, email, role, key_sha256 IS NOT NULL AS "hasKey", created_at_ms AS "createdAtMs"
          FROM household_member WHERE household_id = ${householdId} AND (${last?.id ?? null}::uuid IS NULL OR id > ${last?.id ?? null})
          ORDER BY id LIMIT ${limit}`.execute(db);
        return rows;
      }),
    async erase(tx, householdId) {
      const { numAffectedRows } = await sql`
        DELETE FROM household_member WHERE household_id = ${householdId}`.execute(tx);
      return Number(numAffectedRows ?? 0);
    },
  },
  {
    name: "invitations",
    describes: "Links by which you asked people to join, and which are open.",
    rows: (db, householdId) =>
      pages<{ id: string }>(async (last, limit) => {
        const { rows } = await sql<{ id: string }>`
          SELECT id, created_at_ms AS "createdAtMs", expires_at_ms AS "expiresAtMs"
          FROM household_invitation WHERE household_id = ${householdId} AND (${last?.id ?? null}::uuid IS NULL OR id > ${last?.id ?? null})
          ORDER BY id LIMIT ${limit}`.execute(db);
        return rows;
      }),
    async erase(tx, householdId) {
      const { numAffectedRows } = await sql`
        DELETE FROM household_invitation WHERE household_id = ${householdId}`.execute(tx);
      return Number(numAffectedRows ?? 0);
    },
  },
];
