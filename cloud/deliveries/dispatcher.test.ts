import { afterAll, beforeAll, expect, test } from "vitest";
import { delivery as wireDelivery } from "#protocol/delivery.ts";
import { type DownRoad, downRoad } from "../../test/support/down-road.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import type { DeviceRef } from "../devices/devices.ts";
import { transaction } from "../platform/database.ts";
import { Deliveries, Dispatcher, type DownItem, type NewDelivery } from "./deliveries.ts";

let database: TestDatabase;
let road: DownRoad;
let deliveries: Deliveries;
let dispatcher: Dispatcher;
let items: DownItem[] = [];
let batches = 0;
let sizes: number[] = [];
let linkIds = 0;
/** Until when it is quiet where devices stand, and who was asked about. */
const quiet = { ends: new Map<string, number>(), asked: [] as (readonly string[])[] };

beforeAll(async () => {
  database = await createTestDatabase();
  road = downRoad(database.db);
  deliveries = new Deliveries(road.deps);
  dispatcher = new Dispatcher({
    deliveries,
    clock: road.clock,
    link: {
      deliver(given) {
        batches += 1;
        sizes.push(given.length);
        items.push(...given);
      },
    },
    async quietEnds(deviceIds) {
      quiet.asked.push(deviceIds);
      return quiet.ends;
    },
    quietOver: async () => [],
    render: {
      firmware: ({ body, deviceId }) => ({ ...body, href: `http://hearth.test/${deviceId}?n=${(linkIds += 1)}` }),
    },
    onError(error) {
      throw error;
    },
  });
  deliveries.whenWaiting((ids, how) => {
    if (how === "unhurried") dispatcher.kickUnhurried(ids);
    else dispatcher.kick(ids);
  });
});
afterAll(async () => {
  await dispatcher.stop();
  await database.drop();
});

let devicesMade = 0;
async function devices(n: number): Promise<DeviceRef[]> {
  return road.devices.add(Array.from({ length: n }, () => `oven-${(devicesMade += 1)}`));
}

async function sent(): Promise<DownItem[]> {
  await dispatcher.idle();
  const given = items;
  items = [];
  return given;
}

async function command(device: DeviceRef): Promise<string> {
  const outcome = await deliveries.commands.send({ kind: "system" }, device.id, { name: "identify", args: {} });
  return outcome.kind === "accepted" ? outcome.id : "";
}

const create = (wanted: NewDelivery[]) => transaction(database.db, (tx) => deliveries.create(tx, wanted));

const message = (device: DeviceRef, subject: string) => ({
  device,
  kind: "message" as const,
  subject,
  body: { kind: "message", id: subject, version: 1, locale: "en", title: "Hello", text: "There" },
  priority: 3,
  expiresAtMs: road.clock.nowMs() + 86_400_000,
});

test("what is created goes out at once as the wire's Delivery, and is sent once the gateway wrote it", async () => {
  const [device] = await devices(1);
  if (device === undefined) return;
  const id = await command(device);
  const [item] = await sent();
  expect(item).toMatchObject({ deviceId: device.id, channel: "inbox" });
  expect(wireDelivery.parse(JSON.parse(item?.payload ?? ""))).toMatchObject({
    id,
    kind: "command",
    attempt: 1,
    generation: 1,
  });
  expect(await deliveries.get(id)).toMatchObject({ delivery: { phase: "queued" } });
  dispatcher.onWritten(item?.ref ?? "", road.clock.nowMs());
  await dispatcher.idle();
  expect(await deliveries.get(id)).toMatchObject({ delivery: { phase: "sent" } });
});

test("a device that was away gets everything open when its subscription is granted, again without a new attempt", async () => {
  const [device] = await devices(1);
  if (device === undefined) return;
  const { ids, afterCommit } = await transaction(database.db, (tx) =>
    deliveries.create(tx, [message(device, "a"), message(device, "b")]),
  );
  afterCommit();
  for (const { ref } of await sent()) dispatcher.onNotWritten(ref, device.id, "absent");
  expect(await sent()).toEqual([]);
  for (let connection = 0; connection < 2; connection += 1) {
    dispatcher.onReady(device.id);
    const given = await sent();
    expect(given.map(({ ref }) => ref).toSorted()).toEqual(ids.map((id) => `${id}:1`).toSorted());
    for (const { ref } of given) dispatcher.onWritten(ref, road.clock.nowMs());
  }
  await dispatcher.idle();
  dispatcher.kick([device.id]);
  expect(await sent()).toEqual([]);
});

test("promotions to many go out some at a time, each once, and what is urgent goes before them", async () => {
  const [fleet, [other]] = [await devices(600), await devices(1)];
  if (other === undefined) return;
  const promotions = await create(fleet.map((device) => message(device, "sale")));
  const urgent = await create([{ ...message(other, "leak"), priority: 9 }]);
  sizes = [];
  promotions.afterCommit();
  urgent.afterCommit();
  const given = await sent();
  expect(sizes).toEqual([1, 250, 250, 100]);
  expect(given[0]?.deviceId).toBe(other.id);
  const expected = [...promotions.ids, ...urgent.ids].map((id) => `${id}:1`);
  expect(given.map(({ ref }) => ref).toSorted()).toEqual(expected.toSorted());
});

test("a command whose deadline passed while its appliance was away is never sent", async () => {
  const [device] = await devices(1);
  if (device === undefined) return;
  await command(device);
  for (const { ref } of await sent()) dispatcher.onNotWritten(ref, device.id, "absent");
  road.clock.forward(30_000);
  dispatcher.onReady(device.id);
  expect(await sent()).toEqual([]);
});

test("a busy socket is tried again with the next tick", async () => {
  const [device] = await devices(1);
  if (device === undefined) return;
  await command(device);
  for (const { ref } of await sent()) dispatcher.onNotWritten(ref, device.id, "busy");
  expect(await sent()).toEqual([]);
  dispatcher.tick(road.clock.nowMs());
  expect(await sent()).toHaveLength(1);
});

test("a thousand devices that become ready together are served by a few queries, with a link signed for each", async () => {
  const fleet = await devices(1_000);
  const wanted = fleet.map((device) => ({
    ...message(device, "fw"),
    kind: "firmware" as const,
    body: { manifest: {} },
  }));
  await transaction(database.db, (tx) => deliveries.create(tx, wanted));
  batches = 0;
  for (const device of fleet) dispatcher.onReady(device.id);
  const given = await sent();
  expect(given).toHaveLength(1_000);
  expect(batches).toBe(5);
  const links = given.map(({ payload }) => JSON.parse(payload).body.href as string);
  expect(new Set(links).size).toBe(1_000);
});

test("what did not fit beside it follows when the appliance has taken something in", async () => {
  const [device] = await devices(1);
  if (device === undefined) return;
  const wanted = Array.from({ length: 30 }, (_, at) => message(device, `m-${at}`));
  const { afterCommit } = await transaction(database.db, (tx) => deliveries.create(tx, wanted));
  afterCommit();
  const first = await sent();
  expect(first).toHaveLength(20);
  const atMs = road.clock.nowMs();
  for (const { ref } of first) dispatcher.onWritten(ref, atMs);
  await dispatcher.idle();
  const facts = first.map(({ ref }) => ({
    device,
    receivedAtMs: atMs,
    receipt: { deliveryId: ref.split(":")[0] ?? "", attempt: 1, step: "stored", atMs },
  }));
  const taken = await transaction(database.db, (tx) => deliveries.ingestReceipts(tx, facts));
  taken.afterCommit();
  expect(await sent()).toHaveLength(10);
});

test("quiet hours are asked for once a page, and never for what does not keep them", async () => {
  const fleet = await devices(150);
  quiet.asked = [];
  const urgent = await create(fleet.map((device) => ({ ...message(device, "leak"), priority: 5 })));
  urgent.afterCommit();
  expect(await sent()).toHaveLength(150);
  expect(quiet.asked).toEqual([]);
  const status = await create(fleet.map((device) => ({ ...message(device, "points"), priority: 4 })));
  status.afterCommit();
  expect(await sent()).toHaveLength(150);
  expect(quiet.asked.map((ids) => ids.length)).toEqual([150]);
});

test("nothing behind what waits for the end of quiet hours waits with it", async () => {
  const [asleep, awake] = await devices(2);
  if (asleep === undefined || awake === undefined) return;
  const untilMs = road.clock.nowMs() + 3_600_000;
  quiet.ends.set(asleep.id, untilMs);
  const many = Array.from({ length: 25 }, (_, at) => message(asleep, `sale-${at}`));
  const first = await create([...many, message(awake, "sale")]);
  const urgent = await create([{ ...message(asleep, "leak"), priority: 9 }]);
  dispatcher.onReady(asleep.id);
  dispatcher.onReady(awake.id);
  const awakes = first.ids[25] ?? "";
  expect((await sent()).map(({ ref }) => ref)).toEqual([`${urgent.ids[0]}:1`, `${awakes}:1`]);
  const states = await Promise.all(first.ids.slice(0, 25).map((id) => deliveries.get(id)));
  expect(new Set(states.map((one) => one?.delivery.phase))).toEqual(new Set(["queued"]));
  expect(await deliveries.sendable([asleep.id], true, 30)).toHaveLength(1);
  quiet.ends.clear();
  road.clock.forward(3_600_000);
  await deliveries.tick(road.clock.nowMs());
  const waited = new Set(first.ids.map((id) => `${id}:1`));
  // Twenty have room, and the urgent one is on its way still.
  expect((await sent()).filter(({ ref, deviceId }) => deviceId === asleep.id && waited.has(ref))).toHaveLength(19);
});
