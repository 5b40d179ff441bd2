/** What a model's lowered limit took back from single appliances, and what becomes of it once the model allows it again. */
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { contentItem } from "#protocol/content.ts";
import { type ContentDesk, hotAirOven, hotAirUpTo, openContentDesk } from "../../test/support/content-desk.ts";
import type { Delivery } from "../deliveries/deliveries.ts";

const system = { kind: "system" } as const;
const dayMs = 86_400_000;
let desk: ContentDesk;
let round = 0;
/** A model and a first appliance of each test. */
let [key, oven] = ["", ""];
let version = 1;

beforeAll(async () => {
  desk = await openContentDesk();
});
afterAll(() => desk.close());
beforeEach(async () => {
  round += 1;
  [key, oven, version] = [`oven-${round}`, `back-${round}`, 1];
  await desk.road.devices.addModel(key, hotAirUpTo(250));
  await desk.road.devices.add([oven], { model: key });
});

async function limitTo(setpoint: number): Promise<void> {
  version += 1;
  expect(await desk.road.devices.putModel(system, hotAirOven(key, version, setpoint))).toEqual({ kind: "stored" });
  await desk.content.tick();
}
const roast = (setpoint: number, title = "Duck") => ({
  kind: "recipe",
  locales: {
    en: {
      title,
      ingredients: ["1 bird"],
      steps: [{ text: "Roast.", machine: { program: "HotAir", setpoint_c: setpoint } }],
    },
  },
});
async function live(setpoint: number): Promise<string> {
  const id = await desk.approved(roast(setpoint));
  expect((await desk.schedule(id, { models: [key] })).body).toMatchObject({ state: "live" });
  return id;
}
const send = async (id: string, ...devices: string[]) =>
  expect((await desk.ask("POST", `/items/${id}/send`, { deviceIds: devices })).body).toMatchObject({
    deliveries: devices.length,
  });
/** What was ever made for an appliance, the first first. */
const ever = async (deviceId: string): Promise<Delivery[]> =>
  (await desk.deliveries.list({ deviceId, kind: null, phase: null, beforeId: null, limit: 50 })).toReversed();
const stories = async (deviceId: string) =>
  (await ever(deviceId)).map(
    ({ generation, phase, cause }) => `${generation} ${phase}${cause === null ? "" : `: ${cause}`}`,
  );
const waiting = async (deviceId: string) =>
  (await desk.deliveries.sendable([deviceId], true, 10)).map(({ body }) => contentItem.parse(body).title);
const timeline = async (deviceId: string) => {
  const device = (await desk.road.devices.find([deviceId])).get(deviceId)!;
  const page = { beforeMs: desk.road.clock.nowMs() + dayMs, limit: 50 };
  return (await desk.deliveries.log.timeline(device, page)).map(({ title }) => title);
};

test("what a limit took back goes out again when it is raised, once, with what was left of its time, and its timeline says why", async () => {
  const id = await live(240);
  await send(id, oven);
  const [first] = await ever(oven);
  await limitTo(200);
  expect(await stories(oven)).toEqual(["1 cancelled: limit"]);
  expect(await waiting(oven)).toEqual([]);
  expect(await timeline(oven)).toContain("Recipe Duck: cancelled (the appliance's limits no longer allow it)");
  // Not far enough: it stays away, and may come later.
  desk.road.clock.forward(dayMs);
  await limitTo(220);
  expect(await stories(oven)).toEqual(["1 cancelled: limit"]);
  await limitTo(240);
  expect(await stories(oven)).toEqual(["1 cancelled: limit", "2 queued"]);
  expect(await waiting(oven)).toEqual(["Duck"]);
  const [, again] = await ever(oven);
  expect(again).toMatchObject({ expiresAtMs: first!.expiresAtMs, priority: first!.priority, subject: id });
  await limitTo(250);
  await desk.content.tick();
  expect(await stories(oven)).toEqual(["1 cancelled: limit", "2 queued"]);
  // Up and down as often as one likes: there is one that waits, or none.
  await limitTo(230);
  expect(await waiting(oven)).toEqual([]);
  await limitTo(250);
  expect(await stories(oven)).toEqual(["1 cancelled: limit", "2 cancelled: limit", "3 queued"]);
});

test("what the appliance has, what a person took back and what is over does not come again", async () => {
  const others = ["stored", "called", "left", "late"].map((name) => `${name}-${round}`);
  const [stored, called, left, late] = others as [string, string, string, string];
  await desk.road.devices.add(others, { model: key });
  const id = await live(240);
  await send(id, oven, ...others);
  await sql`UPDATE delivery SET expires_at_ms = ${desk.road.clock.nowMs() + dayMs} WHERE device_id = ${late}`.execute(
    desk.database.db,
  );
  await limitTo(200);
  // It had the message already, and says so late.
  const [taken] = await ever(stored);
  const ref = (await desk.road.devices.find([stored])).get(stored)!;
  const atMs = desk.road.clock.nowMs();
  const receipt = { deliveryId: taken!.id, attempt: 1, atMs, step: "stored" };
  await desk.database.db
    .transaction()
    .execute((tx) => desk.deliveries.ingestReceipts(tx, [{ device: ref, receipt, receivedAtMs: atMs }]));
  const [unwanted] = await ever(called);
  expect(await desk.deliveries.cancel(system, unwanted!.id)).toMatchObject({ kind: "closed" });
  // Somebody else's by now.
  await sql`UPDATE device SET household_since_ms = ${atMs + 1} WHERE id = ${left}`.execute(desk.database.db);
  desk.road.clock.forward(dayMs);
  await limitTo(250);
  expect(await stories(oven)).toEqual(["1 cancelled: limit", "2 queued"]);
  expect(await stories(stored)).toEqual(["1 done"]);
  expect(await stories(called)).toEqual(["1 cancelled: person"]);
  expect(await stories(left)).toEqual(["1 cancelled: limit"]);
  expect(await stories(late)).toEqual(["1 cancelled: limit"]);
});

test("a recipe that was withdrawn meanwhile is not sent again, also where a later version of it is out by then", async () => {
  const id = await live(240);
  await send(id, oven);
  await limitTo(200);
  await desk.ask("POST", `/items/${id}/withdraw`, {});
  await limitTo(250);
  expect(await stories(oven)).toEqual(["1 cancelled: person"]);
  await desk.ask("PUT", `/items/${id}`, roast(240, "Better duck"));
  await desk.ask("POST", `/items/${id}/submit`, {});
  await desk.ask("POST", `/items/${id}/approve`, {}, desk.jonas);
  expect((await desk.schedule(id, { models: [key] })).body).toMatchObject({ state: "live" });
  await desk.content.tick();
  expect(await stories(oven)).toEqual(["1 cancelled: person"]);
});

test("what goes again is the recipe as it is by then, and a version that asks less brings it without another limit", async () => {
  const id = await live(240);
  await send(id, oven);
  await limitTo(200);
  await desk.ask("PUT", `/items/${id}`, roast(190, "Gentle duck"));
  await desk.ask("POST", `/items/${id}/submit`, {});
  await desk.ask("POST", `/items/${id}/approve`, {}, desk.jonas);
  expect((await desk.schedule(id, { models: [key] })).body).toMatchObject({ state: "live" });
  await desk.content.tick();
  expect(await waiting(oven)).toEqual(["Gentle duck"]);
  await limitTo(250);
  expect(await stories(oven)).toEqual(["1 cancelled: limit", "2 queued"]);
});

test("a large fleet goes in pieces; whatever breaks off between two of them or runs beside them, each appliance gets one", async () => {
  const fleet = Array.from({ length: 2_300 }, (_, at) => `fleet-${round}-${at}`);
  const refs = await desk.road.devices.add(fleet, { model: key });
  const id = await live(240);
  const expiresAtMs = desk.road.clock.nowMs() + dayMs;
  await desk.database.db.transaction().execute((tx) =>
    desk.content.deliver(
      tx,
      refs.map((device) => ({ itemId: id, device, expiresAtMs })),
    ),
  );
  await limitTo(200);
  let [pieces, breaks] = [0, true];
  desk.content.takenBack.onSendAgain({
    unwanted: async () => new Set(),
    async sentAgain(_tx, pairs) {
      expect(pairs.length).toBeLessThanOrEqual(1_000);
      pieces += 1;
      // Once, in the second piece: what the transaction wrote is gone with it.
      if (pieces === 2 && breaks) throw new Error("the process ends here");
    },
  });
  await expect(limitTo(250)).rejects.toThrow("the process ends here");
  const counted = async () =>
    (
      await sql<{ phase: string; n: number; devices: number }>`
        SELECT phase, count(*)::int AS n, count(DISTINCT device_key)::int AS devices FROM delivery
        WHERE subject = ${id} GROUP BY 1 ORDER BY 1`.execute(desk.database.db)
    ).rows;
  expect(await counted()).toEqual([
    { phase: "cancelled", n: 2_300, devices: 2_300 },
    { phase: "queued", n: 1_000, devices: 1_000 },
  ]);
  breaks = false;
  await Promise.all([desk.content.tick(), desk.content.tick(), desk.content.tick()]);
  expect(await counted()).toEqual([
    { phase: "cancelled", n: 2_300, devices: 2_300 },
    { phase: "queued", n: 2_300, devices: 2_300 },
  ]);
});

test("what was sent by hand before it is live, or of a version that another replaced since, is taken back too, and goes again while that very version may be sent", async () => {
  const others = ["scheduled", "replaced", "withdrawn"].map((name) => `${name}-${round}`);
  const [later, old, gone] = others as [string, string, string];
  await desk.road.devices.add(others, { model: key });
  const ids = await Promise.all([1, 2, 3].map(() => desk.approved(roast(240))));
  const [approved, scheduled, withdrawn] = ids as [string, string, string];
  await desk.schedule(scheduled, { models: [key], from: desk.inHours(100), zone: "UTC" });
  await send(approved, oven);
  await send(scheduled, later);
  await send(withdrawn, gone);
  const replaced = await live(240);
  await send(replaced, old);
  await desk.ask("PUT", `/items/${replaced}`, roast(190, "Gentle duck"));
  await desk.ask("POST", `/items/${replaced}/submit`, {});
  await desk.ask("POST", `/items/${replaced}/approve`, {}, desk.jonas);
  expect((await desk.schedule(replaced, { models: [key] })).body).toMatchObject({ state: "live" });
  expect(await waiting(old)).toEqual(["Duck"]);
  await limitTo(200);
  for (const deviceId of [oven, later, gone]) expect(await stories(deviceId)).toEqual(["1 cancelled: limit"]);
  // What replaced it asks for less.
  expect(await stories(old)).toEqual(["1 cancelled: limit", "2 queued"]);
  expect(await waiting(old)).toEqual(["Gentle duck"]);
  await desk.ask("POST", `/items/${withdrawn}/withdraw`, {});
  // Another version that nobody has sent: it is not what the household was to have.
  await desk.ask("PUT", `/items/${approved}`, roast(230, "Other duck"));
  await desk.ask("POST", `/items/${approved}/submit`, {});
  await desk.ask("POST", `/items/${approved}/approve`, {}, desk.jonas);
  await limitTo(250);
  expect(await waiting(oven)).toEqual(["Duck"]);
  expect(await waiting(later)).toEqual(["Duck"]);
  expect(await stories(old)).toEqual(["1 cancelled: limit", "2 queued"]);
  expect(await waiting(gone)).toEqual([]);
});
