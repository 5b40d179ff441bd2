import { sql } from "kysely";
import { expect, test } from "vitest";
import { campaignKitchen } from "../../test/support/campaign-kitchen.ts";
import { comesTrue } from "../../test/support/comes-true.ts";
import { overOrWaiting } from "../../test/support/lock-waits.ts";
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

test("who is erased, or becomes part of another household, while a campaign takes its households in, is not left in it", async () => {
  const segment = { title: "Danes", expression: 'language == "da"' };
  await kitchen.as("content", "PUT", "/segments/danes", segment);
  const prospect = async (name: string, locale: string): Promise<string> => {
    const { body } = await kitchen.as("support", "POST", "/households", {
      name,
      locale,
      timeZone: "Europe/Copenhagen",
    });
    return body.id;
  };
  const [stays, goes, joins, host] = [
    await prospect("Stays", "da"),
    await prospect("Goes", "da"),
    await prospect("Joins", "da"),
    await prospect("Host", "en"),
  ];
  await kitchen.slices.segments.tick();
  const audience = { kind: "segment", segmentId: "danes" };
  const id = await stage.run(stage.campaign([await stage.message("Rye bread")], "-", "-", { audience }));
  const undone = new Error("this is undone");
  let ending: Promise<unknown> = Promise.resolve();
  const holding = transaction(db, async (tx) => {
    // What takes them in has seen all of them, and waits for this.
    await sql`
      INSERT INTO campaign_member (campaign_id, household_id, arm, quarter, assigned_at_ms)
      VALUES (${id}, ${stays}, 'treated', '2026-Q1', 0)`.execute(tx);
    const ticking = stage.tick();
    await overOrWaiting(db, ticking, 1);
    const work = Promise.all([
      kitchen.as("admin", "POST", `/households/${goes}/erase`, { confirm: "Goes" }),
      kitchen.as("support", "POST", `/households/${host}/merges`, { from: joins, reason: "They called" }),
    ]);
    await overOrWaiting(db, work, 3);
    ending = Promise.all([work, ticking]);
    throw undone;
  });
  await expect(holding).rejects.toBe(undone);
  expect(await ending).toMatchObject([[{ status: 200 }, { status: 201 }], expect.any(Number)]);
  const { rows } = await sql<{ household_id: string }>`
    SELECT household_id FROM campaign_member WHERE campaign_id = ${id}`.execute(db);
  expect(rows.map((row) => row.household_id).toSorted()).toEqual([stays, host].toSorted());
});
