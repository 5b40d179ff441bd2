import { sql } from "kysely";
import { affected } from "../platform/database.ts";
import { withEvidence } from "./decisions-store.ts";
import { holdMembership } from "./merges-store.ts";
import { decisionDays, traceDays } from "./retention.ts";
import { few, type HouseholdData, pages } from "../platform/household-data.ts";

/** What this slice holds about a household. */
export const engagementData: HouseholdData[] = [
  {
    name: "decisions",
    describes: "What was decided about messages to your household: what you got, what you did not get, and why.",
    isDerived: true,
    kept: `How it was decided for ${traceDays} days, what was decided until ${decisionDays} days after its campaign's end, or after the word about a tier; of a recall as long as the household.`,
    keeps: "An address that asked for no more letters stays stopped, under a hash that names nobody.",
    rows: (db, householdId) =>
      pages<{ id: string }>(async (last, limit) => {
        const { rows } = await sql<{ id: string }>`
          SELECT d.id, source, item_id AS "itemId", title, class, answer, reason, channels, until_ms AS "untilMs",
            decided_at_ms AS "decidedAtMs", sent_at_ms AS "sentAtMs", shown_at_ms AS "shownAtMs", acted_at_ms AS "actedAtMs", ended,
            why->'trace' AS trace, why->'state' AS state
          FROM ${withEvidence}
          WHERE household_id = ${householdId} AND (${last?.id ?? null}::uuid IS NULL OR d.id > ${last?.id ?? null})
          ORDER BY d.id LIMIT ${limit}`.execute(db);
        return rows;
      }),
    async erase(tx, householdId) {
      await holdMembership(tx);
      // Members first: a page that is being decided holds them, and its decisions are seen once it is done.
      // A campaign knows by the last household how far it has come: it goes on from the one before.
      await sql`UPDATE campaign c SET after_household = (
          SELECT m.household_id FROM campaign_member m WHERE m.campaign_id = c.id AND m.household_id < c.after_household
          ORDER BY m.household_id DESC LIMIT 1)
        WHERE c.after_household = ${householdId}`.execute(tx);
      const members = await affected(tx)`DELETE FROM campaign_member WHERE household_id = ${householdId}`;
      await sql`UPDATE campaign_appliance SET household_id = NULL WHERE household_id = ${householdId}`.execute(tx);
      return members + (await affected(tx)`DELETE FROM decision WHERE household_id = ${householdId}`);
    },
  },
  {
    name: "habits",
    describes: "When you cook, as hours of the week: kept only while you agree to be advised personally.",
    isDerived: true,
    rows: (db, householdId) =>
      few(async () => {
        const { rows } = await sql<Record<string, unknown>>`
          SELECT hours AS "programsByHourOfWeek", cooking_since_ms AS "cookingSinceMs"
          FROM household_habit WHERE household_id = ${householdId}`.execute(db);
        return rows;
      }),
    erase: async (tx, householdId) => affected(tx)`DELETE FROM household_habit WHERE household_id = ${householdId}`,
  },
  {
    name: "chosen_topics",
    describes: "What you chose to hear of. It counts only while you agree to be advised personally.",
    rows: (db, householdId) =>
      pages<{ topic: string }>(async (last, limit) => {
        const { rows } = await sql<{ topic: string }>`
          SELECT topic, chosen_at_ms AS "chosenAtMs" FROM household_topic
          WHERE household_id = ${householdId} AND (${last?.topic ?? null}::text IS NULL OR topic > ${last?.topic ?? null})
          ORDER BY topic LIMIT ${limit}`.execute(db);
        return rows;
      }),
    erase: async (tx, householdId) => affected(tx)`DELETE FROM household_topic WHERE household_id = ${householdId}`,
  },
  {
    name: "interests",
    kept: `Until ${decisionDays} days after the last of it.`,
    describes:
      "Which recipes and topics you saved, looked for, cooked or passed over: kept only while you agree to it.",
    isDerived: true,
    rows: (db, householdId) =>
      pages<{ subject: string }>(async (last, limit) => {
        const { rows } = await sql<{ subject: string }>`
          SELECT subject, saved, searched, cooked, aborted, shown, ignored, last_at_ms AS "lastAtMs"
          FROM household_interest
          WHERE household_id = ${householdId} AND (${last?.subject ?? null}::text IS NULL OR subject > ${last?.subject ?? null})
          ORDER BY subject LIMIT ${limit}`.execute(db);
        return rows;
      }),
    erase: async (tx, householdId) => affected(tx)`DELETE FROM household_interest WHERE household_id = ${householdId}`,
  },
];
