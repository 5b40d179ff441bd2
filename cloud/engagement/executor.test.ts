import { sql } from "kysely";
import { expect, test } from "vitest";
import { campaignKitchen } from "../../test/support/campaign-kitchen.ts";
import { comesTrue } from "../../test/support/comes-true.ts";
import { transaction } from "../platform/database.ts";

const { kitchen, stage } = await campaignKitchen();
const { db } = kitchen.base;

/** More than a round takes: twelve pages of 400. */
const many = 5_600;

/** A campaign that runs, with households that have nothing but their name. */
async function longCampaign(): Promise<string> {
  const id = await stage.run(stage.campaign([await stage.message("Roast on Sunday")], "A-0", "A-9"));
  await sql`
    WITH home AS (
      INSERT INTO household (id, name, locale, time_zone, channels, created_at_ms)
      SELECT gen_random_uuid(), 'Household ' || n, 'en', 'Europe/Berlin', '{"order": ["display"], "quiet": null, "perWeekMax": null}',
        ${stage.nowMs}::bigint FROM generate_series(1, ${many}::int) AS n RETURNING id)
    INSERT INTO campaign_member (campaign_id, household_id, arm, quarter, assigned_at_ms)
    SELECT ${id}, id, 'treated', '2026-4', ${stage.nowMs}::bigint FROM home`.execute(db);
  return id;
}

test("a recall that begins while a long campaign goes on is carried out after a round of it, and not behind its end", async () => {
  const owner = await stage.household("R-0", []);
  const hinge = await stage.message("The hinge of the door", { class: "safety" });
  const id = await longCampaign();
  const ticking = await transaction(db, async (tx) => {
    // The first page waits for this, so that the recall begins in the middle.
    await sql`LOCK TABLE decision_context IN SHARE MODE`.execute(tx);
    const begun = stage.tick();
    await comesTrue(async () => {
      const { rows } =
        await sql`SELECT FROM pg_locks WHERE relation = 'decision_context'::regclass AND NOT granted`.execute(db);
      expect(rows).toHaveLength(1);
    });
    await stage.run(stage.recall(hinge, "R-0", "R-9"));
    return { begun };
  });
  expect(await ticking.begun).toBe(many + 1);
  const { rows } = await sql<{ before: number; after: number }>`
    SELECT count(*) FILTER (WHERE d.id < r.id)::int AS before, count(*) FILTER (WHERE d.id > r.id)::int AS after
    FROM decision d, decision r WHERE d.source = ${`campaign:${id}`} AND r.household_id = ${owner.householdId}`.execute(
    db,
  );
  expect(rows).toEqual([{ before: 12 * 400, after: many - 12 * 400 }]);
});
