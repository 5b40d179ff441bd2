/** What a campaign sent and a lowered limit took back: it goes again where the campaign, and the household, still want it. */
import { sql } from "kysely";
import { expect, test } from "vitest";
import { campaignKitchen, dayMs } from "../../test/support/campaign-kitchen.ts";
import { overOrWaiting } from "../../test/support/lock-waits.ts";

const { kitchen, stage } = await campaignKitchen();

/** A household with an oven for which a campaign with a hot recipe runs. */
async function wanted(name: string, more: Record<string, unknown> = {}) {
  const model = `oven-${name}`;
  const oven = `T-${name}`;
  await stage.limitTo(model, 250);
  await kitchen.as("admin", "POST", "/devices/batch", { devices: [{ id: oven, model, serial: oven }] });
  const person = await kitchen.newOwner(oven, "Ada");
  await stage.agree(person, "market");
  const steps = [{ text: "Bake.", machine: { program: "HotAir", setpoint_c: 220 } }];
  const item = await stage.item({ kind: "recipe", locales: { en: { title: "Loaf", steps } }, ...more });
  const audience = { kind: "serials", model, ranges: [{ from: oven, to: oven }] };
  const id = await stage.run(stage.campaign([item], oven, oven, { audience }));
  const stories = async () =>
    (await stage.inbox(oven))
      .toReversed()
      .map(({ generation, phase, cause }) => `${generation} ${phase}${cause === null ? "" : `: ${cause}`}`);
  const funnel = async () => (await stage.read(id)).funnel;
  const words = async () => (await stage.decisionsOf(person))[0].says;
  return { model, oven, person, id, stories, funnel, words };
}

/** The same once it was sent, and a limit took it back. */
async function takenBack(name: string, more: Record<string, unknown> = {}) {
  const one = await wanted(name, more);
  await stage.tick();
  await stage.limitTo(one.model, 200);
  expect(await one.stories()).toEqual(["1 cancelled: limit"]);
  return one;
}

test("what a campaign sent goes again as its own once the limit is raised: what becomes of it is the campaign's, and its sentence says where it is", async () => {
  const { model, oven, stories, funnel, words } = await takenBack("loaf");
  expect(await words()).toContain("taken back before anybody saw it: the appliance's limits no longer allow it");
  expect(await funnel()).toMatchObject({ queued: 1, ended: 1 });
  await stage.limitTo(model, 240);
  expect(await stories()).toEqual(["1 cancelled: limit", "2 queued"]);
  expect(await words()).not.toContain("taken back");
  expect(await funnel()).toMatchObject({ queued: 1, ended: 0, shown: 0 });
  const [again] = await stage.inbox(oven);
  const { rows } = await sql<{ body: object }>`
    SELECT body FROM delivery WHERE device_id = ${oven} ORDER BY generation`.execute(kitchen.base.db);
  const [first, second] = rows.map(({ body }) => body);
  expect(second).toMatchObject({ title: "Loaf", why: "It concerns your appliance." });
  expect(second).toEqual(first);
  await stage.receipt(oven, again.id, "stored", "opened");
  expect(await funnel()).toMatchObject({ queued: 1, ended: 0, shown: 1 });
});

test("a campaign that waits has it wait, one that is over has it stay away", async () => {
  const [waits, over] = [await takenBack("waits"), await takenBack("over")];
  await kitchen.as("admin", "POST", `/campaigns/${waits.id}/pause`);
  await kitchen.as("admin", "POST", `/campaigns/${over.id}/finish`);
  for (const { model, stories } of [waits, over]) {
    await stage.limitTo(model, 240);
    expect(await stories()).toEqual(["1 cancelled: limit"]);
  }
  await kitchen.as("admin", "POST", `/campaigns/${waits.id}/resume`);
  await kitchen.slices.content.tick();
  expect(await waits.stories()).toEqual(["1 cancelled: limit", "2 queued"]);
});

test("who took back the consent to marketing meanwhile is sent nothing promotional again", async () => {
  const promotional = { class: "promotional" };
  const [agrees, withdrew] = [await takenBack("agrees", promotional), await takenBack("withdrew", promotional)];
  await stage.withdraw(withdrew.person, "market");
  kitchen.clock.forward(dayMs);
  for (const { model } of [agrees, withdrew]) await stage.limitTo(model, 240);
  expect(await agrees.stories()).toEqual(["1 cancelled: limit", "2 queued"]);
  expect(await withdrew.stories()).toEqual(["1 cancelled: limit"]);
});

test("a campaign that decides while a lowered limit is being stored decides by that limit: nobody counts as told who is sent nothing", async () => {
  const { model, person, stories, funnel } = await wanted("moment");
  const [reached, open] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let isHeld = true;
  kitchen.slices.devices.onModelPut(async () => {
    reached.resolve();
    if (isHeld) await open.promise;
    return () => {};
  });
  const limiting = stage.limitTo(model, 200);
  await reached.promise;
  const ticking = await overOrWaiting(kitchen.base.db, stage.tick(), 1);
  isHeld = false;
  open.resolve();
  await Promise.all([limiting, ticking.done]);
  expect(await stories()).toEqual([]);
  expect((await stage.decisionsOf(person))[0]).toMatchObject({ answer: "human" });
  expect(await funnel()).toMatchObject({ queued: 0, human: 1 });
});
