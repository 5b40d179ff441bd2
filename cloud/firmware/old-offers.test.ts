import { readFile } from "node:fs/promises";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Yard } from "../../test/support/rollout-yard.ts";

let yard: Yard;
beforeAll(async () => {
  yard = await Yard.open();
});
afterAll(() => yard.close());

const migration = new URL("../platform/migrations/185-offers-without-release.sql", import.meta.url);

test("updates of the simple manifest that were under way have run out: nobody is busy with them, and a late success counts", async () => {
  const { base, slices, clock } = yard.kitchen;
  const ids = await yard.ovens(4);
  const release = await yard.publish();
  const sent = await yard.kitchen.as("release", "POST", `/firmware/releases/${release.id}/send`, { deviceIds: ids });
  expect(sent.status).toBe(200);
  const [queued = "", begun = "", done = "", today = ""] = ids;
  await yard.say([begun], "downloading");
  await yard.say([done], "downloading", "confirmed");
  const old = JSON.stringify({ manifest: { keyId: "k", payload: "p", signature: "s" }, sha256: release.sha256 });
  await sql`UPDATE delivery SET body = ${old}::jsonb WHERE device_id <> ${today}`.execute(base.db);
  await sql.raw(await readFile(migration, "utf8")).execute(base.db);
  const phases = await Promise.all(ids.map(async (id) => (await yard.delivery(id)).phase));
  expect(phases).toEqual(["expired", "expired", "done", "queued"]);
  await slices.deliveries.tick(clock.nowMs());
  await yard.say([begun], "confirmed");
  expect((await yard.delivery(begun)).phase).toBe("done");
  const id = await yard.running(release);
  await yard.tick();
  expect(await yard.idsIn(id, "offered")).toContain(queued);
});
