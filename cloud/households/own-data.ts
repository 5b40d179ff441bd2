import { sql } from "kysely";
import { affected } from "../platform/database.ts";
import { few, type HouseholdData, pages } from "../platform/household-data.ts";

/** What this slice itself knows of a household. Of keys and links only hashes are kept, and those are nobody's to read. */
export const ownData: HouseholdData[] = [
  {
    name: "household",
    describes: "Your household: its name, language, time zone, and how it wants to be reached.",
    rows: (db, householdId) =>
      few(async () => {
        const { rows } = await sql<Record<string, unknown>>`
          SELECT id, name, locale, time_zone AS "timeZone", units, channels, created_at_ms AS "createdAtMs"
          FROM household WHERE id = ${householdId}`.execute(db);
        return rows;
      }),
    async erase(tx, householdId) {
      return affected(tx)`DELETE FROM household WHERE id = ${householdId}`;
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
      return affected(tx)`
        DELETE FROM household_member WHERE household_id = ${householdId}`;
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
      return affected(tx)`
        DELETE FROM household_invitation WHERE household_id = ${householdId}`;
    },
  },
  {
    name: "references",
    describes: "What shops and sites call your household, so that what they report of it is yours.",
    rows: (db, householdId) =>
      few(async () => {
        const { rows } = await sql<Record<string, unknown>>`
          SELECT kind, value, created_at_ms AS "createdAtMs" FROM household_reference
          WHERE household_id = ${householdId} ORDER BY kind, value`.execute(db);
        return rows;
      }),
    async erase(tx, householdId) {
      return affected(tx)`
        DELETE FROM household_reference WHERE household_id = ${householdId}`;
    },
  },
  {
    name: "merges",
    describes:
      "That what was known of you before you had an appliance became part of your household, and how that was known.",
    rows: (db, householdId) =>
      few(async () => {
        const { rows } = await sql<Record<string, unknown>>`
          SELECT id, from_id AS "from", into_id AS "into", proof, reason, at_ms AS "atMs", undone_at_ms AS "undoneAtMs",
            undone_reason AS "undoneReason"
          FROM household_merge WHERE into_id = ${householdId} OR from_id = ${householdId} ORDER BY at_ms, id`.execute(
          db,
        );
        return rows;
      }),
    async erase(tx, householdId) {
      return affected(tx)`
        DELETE FROM household_merge WHERE into_id = ${householdId} OR from_id = ${householdId}`;
    },
  },
];
