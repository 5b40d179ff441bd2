/** A recipe that goes at the very moment at which a model gets other limits. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type ContentDesk, hotAirOven, hotAirUpTo, openContentDesk } from "../../test/support/content-desk.ts";
import { overOrWaiting } from "../../test/support/lock-waits.ts";
import { lockFeedVersion } from "./feeds-store.ts";

const system = { kind: "system" } as const;
const dayMs = 86_400_000;
let desk: ContentDesk;
let round = 0;
let [key, oven] = ["", ""];
let version = 1;
/** Holds the transaction open that stores a model's next version, where a test wants that. */
let heldOpen: { reached: () => void; until: Promise<void> } | null = null;

beforeAll(async () => {
  desk = await openContentDesk();
  await desk.road.devices.addModel("oven-other", hotAirUpTo(250));
  desk.road.devices.onModelPut(async () => {
    heldOpen?.reached();
    await heldOpen?.until;
    return () => {};
  });
});
afterAll(() => desk.close());
beforeEach(async () => {
  round += 1;
  [key, oven, version] = [`oven-${round}`, `held-${round}`, 1];
  await desk.road.devices.addModel(key, hotAirUpTo(250));
  await desk.road.devices.add([oven], { model: key });
});

async function limitTo(setpoint: number): Promise<void> {
  version += 1;
  expect(await desk.road.devices.putModel(system, hotAirOven(key, version, setpoint))).toEqual({ kind: "stored" });
}
async function live(setpoint: number): Promise<string> {
  const steps = [{ text: "Roast.", machine: { program: "HotAir", setpoint_c: setpoint } }];
  const id = await desk.approved({ kind: "recipe", locales: { en: { title: "Duck", steps } } });
  expect((await desk.schedule(id, { models: [key] })).body).toMatchObject({ state: "live" });
  return id;
}
const stories = async () =>
  (await desk.deliveries.list({ deviceId: oven, kind: null, phase: null, beforeId: null, limit: 50 })).map(
    ({ phase, cause }) => (cause === null ? phase : `${phase}: ${cause}`),
  );

const overOrWaits = <T>(work: Promise<T>, waiting: number) => overOrWaiting(desk.database.db, work, waiting);

test("what is being sent when a limit is lowered is taken back by it, also where it is committed later", async () => {
  const id = await live(240);
  const device = (await desk.road.devices.find([oven])).get(oven)!;
  const [sent, open] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const sending = desk.database.db.transaction().execute(async (tx) => {
    const expiresAtMs = desk.road.clock.nowMs() + dayMs;
    expect((await desk.content.deliver(tx, [{ itemId: id, device, expiresAtMs }])).deliveries).toHaveLength(1);
    sent.resolve();
    await open.promise;
  });
  await sent.promise;
  const limiting = await overOrWaits(limitTo(200), 1);
  open.resolve();
  await Promise.all([sending, limiting.done]);
  expect(await stories()).toEqual(["cancelled: limit"]);
});

test("what is sent while a lowered limit is being stored goes by that limit: it waits for it, and is refused by step", async () => {
  const id = await live(240);
  const device = (await desk.road.devices.find([oven])).get(oven)!;
  const [reached, open] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  heldOpen = { reached: reached.resolve, until: open.promise };
  const limiting = limitTo(200);
  await reached.promise;
  const byHand = await overOrWaits(desk.ask("POST", `/items/${id}/send`, { deviceIds: [oven] }), 1);
  const expiresAtMs = desk.road.clock.nowMs() + dayMs;
  const delivering = desk.database.db
    .transaction()
    .execute((tx) => desk.content.deliver(tx, [{ itemId: id, device, expiresAtMs }]));
  const bySlice = await overOrWaits(delivering, 2);
  heldOpen = null;
  open.resolve();
  await limiting;
  expect((await byHand.done).body).toMatchObject({ code: "recipe_does_not_fit" });
  expect((await bySlice.done).skipped).toMatchObject([{ deviceId: oven, rule: "does_not_fit" }]);
  expect(await stories()).toEqual([]);
});

test("a limit that is stored and a schedule of a recipe that it lets back do not wait for each other in a ring", async () => {
  const id = await live(240);
  await limitTo(200);
  await desk.content.tick();
  const [held, open] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const before = desk.database.db.transaction().execute(async (tx) => {
    await lockFeedVersion(tx, true);
    held.resolve();
    await open.promise;
  });
  await held.promise;
  const limiting = await overOrWaits(limitTo(250), 1);
  const scheduling = await overOrWaits(desk.schedule(id, { models: [key, "oven-other"] }), 2);
  open.resolve();
  await Promise.all([before, limiting.done]);
  expect(await scheduling.done).toMatchObject({ status: 200, body: { publishedTo: [key, "oven-other"] } });
});
