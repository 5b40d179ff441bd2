import { type RawBuilder, sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deliverySteps, type Receipt } from "#protocol/delivery.ts";
import { type DownRoad, downRoad } from "../../test/support/down-road.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import type { DeviceRef } from "../devices/devices.ts";
import { transaction } from "../platform/database.ts";
import { stepDelivery } from "./core/delivery-life.ts";
import { Deliveries, type Delivery, type DeliveryMove, type DeliverySet, type SendHow } from "./deliveries.ts";

let database: TestDatabase;
let road: DownRoad;
let deliveries: Deliveries;
const seen: DeliveryMove[] = [];
const kicked: [string[], SendHow][] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  road = downRoad(database.db);
  deliveries = new Deliveries(road.deps);
  deliveries.whenWaiting((ids, how) => kicked.push([ids, how]));
  deliveries.onMoved(async (_tx, moves) => void seen.push(...moves));
});
afterAll(() => database.drop());

const dayMs = 86_400_000;
let made = 0;
const newDevices = (count: number): Promise<DeviceRef[]> =>
  road.devices.add(Array.from({ length: count }, () => `set-${(made += 1)}`));

const listed = (devices: readonly DeviceRef[], online = false): RawBuilder<unknown> => sql`
  SELECT key AS device_key, id AS device_id, ${online}::boolean AS online
  FROM json_to_recordset(${JSON.stringify(devices)}::json) AS r(key int, id text)`;

const pairs = sql`SELECT delivery_id, device_key FROM created ORDER BY device_key`;

const setOf = (devices: RawBuilder<unknown>, over: Partial<DeliverySet> = {}): DeliverySet => ({
  devices,
  kind: "firmware",
  subject: "firmware",
  label: "2.1.0",
  body: { releaseId: "r" },
  priority: 5,
  expiresAtMs: road.clock.nowMs() + 30 * dayMs,
  andThen: pairs,
  ...over,
});

const create = (set: DeliverySet) =>
  transaction(database.db, (tx) => deliveries.createForSet<{ delivery_id: string; device_key: number }>(tx, set));

async function say(device: DeviceRef, receipt: Omit<Receipt, "atMs">) {
  const receivedAtMs = road.clock.nowMs();
  const facts = [{ device, receivedAtMs, receipt: { ...receipt, atMs: receivedAtMs - 5 } }];
  const { afterCommit } = await transaction(database.db, (tx) => deliveries.ingestReceipts(tx, facts));
  afterCommit();
}

async function known(id = ""): Promise<Delivery> {
  const found = await deliveries.get(id);
  if (found === null) throw new Error(`no delivery ${id}`);
  return found.delivery;
}

test("a set is created whole, each device once, and its pairs reach the caller's own statement", async () => {
  const devices = await newDevices(3);
  const rows = await create(setOf(listed(devices)));
  expect(rows.map(({ device_key }) => device_key)).toEqual(devices.map(({ key }) => key));
  expect(await known(rows[0]?.delivery_id)).toMatchObject({
    deviceId: devices[0]?.id,
    phase: "queued",
    generation: 1,
    attempt: 1,
    label: "2.1.0",
  });
  expect(await create(setOf(sql`SELECT 1 AS device_key, '' AS device_id, false AS online WHERE false`))).toEqual([]);
});

test("a set supersedes in SQL exactly what the pure life of a delivery lets be superseded, in every phase and step", async () => {
  const steps = deliverySteps.firmware.filter((step) => step !== "confirmed" && step !== "rolled_back");
  const devices = await newDevices(steps.length + 2);
  const first = await create(setOf(listed(devices)));
  for (const [at, step] of steps.entries()) {
    const device = devices[at];
    if (device !== undefined) await say(device, { deliveryId: first[at]?.delivery_id ?? "", attempt: 1, step });
  }
  const sent = first[steps.length]?.delivery_id ?? "";
  await deliveries.noteWritten([{ id: sent, attempt: 1, atMs: road.clock.nowMs() }]);
  const before = await Promise.all(first.map(({ delivery_id }) => known(delivery_id)));
  const busy = sql`SELECT device_key, NULL AS delivery_id FROM busy UNION ALL SELECT device_key, delivery_id::text FROM created`;
  const second = new Map((await create(setOf(listed(devices), { andThen: busy }))).map((row) => [row.device_key, row]));
  for (const [at, delivery] of before.entries()) {
    const terms = { kind: "firmware" as const, expiresAtMs: delivery.expiresAtMs };
    const atMs = road.clock.nowMs();
    const state =
      delivery.phase === "received"
        ? { phase: "received" as const, attempt: 1, step: delivery.step ?? "", sinceMs: atMs }
        : delivery.phase === "sent"
          ? { phase: "sent" as const, attempt: 1, sends: 1, sentAtMs: atMs }
          : { phase: "queued" as const, attempt: 1, sends: 0, notBeforeMs: 0 };
    const mayBe = stepDelivery(terms, state, { kind: "superseded", atMs }).kind === "moved";
    const now = await known(delivery.id);
    expect([delivery.phase, delivery.step, now.phase]).toEqual([
      delivery.phase,
      delivery.step,
      mayBe ? "superseded" : delivery.phase,
    ]);
    expect(second.get(devices[at]?.key ?? 0)?.delivery_id === null).toBe(!mayBe);
  }
});

test("a set is taken back in SQL exactly as far as one delivery may be", async () => {
  const devices = await newDevices(3);
  const [waiting, offered, loading] = await create(setOf(listed(devices)));
  if (devices[1] !== undefined)
    await say(devices[1], { deliveryId: offered?.delivery_id ?? "", attempt: 1, step: "offered" });
  if (devices[2] !== undefined)
    await say(devices[2], { deliveryId: loading?.delivery_id ?? "", attempt: 1, step: "downloading" });
  const ids = [waiting, offered, loading].map((row) => row?.delivery_id ?? "");
  const rows = await transaction(database.db, (tx) =>
    deliveries.cancelForSet<{ delivery_id: string }>(
      tx,
      sql`SELECT unnest(${ids}::uuid[])`,
      sql`SELECT delivery_id FROM cancelled`,
    ),
  );
  expect(rows.map((row) => row.delivery_id).toSorted()).toEqual(ids.slice(0, 2).toSorted());
  expect((await Promise.all(ids.map(known))).map(({ phase }) => phase)).toEqual(["cancelled", "cancelled", "received"]);
  // Closed for good: what the device says afterwards moves nothing.
  if (devices[0] !== undefined) await say(devices[0], { deliveryId: ids[0] ?? "", attempt: 1, step: "confirmed" });
  expect((await known(ids[0])).phase).toBe("cancelled");
});

test("devices that are here are sent to by the next tick, those that are away when they come, and nobody before the time that was set", async () => {
  const [here, away, later] = await newDevices(3);
  if (here === undefined || away === undefined || later === undefined) throw new Error("no devices");
  await create(setOf(listed([here], true)));
  await create(setOf(listed([away])));
  await create(setOf(listed([later], true), { notBeforeMs: road.clock.nowMs() + 60_000 }));
  kicked.length = 0;
  await deliveries.tick(road.clock.nowMs());
  const told = () => kicked.flatMap(([ids]) => ids).filter((id) => [here.id, away.id, later.id].includes(id));
  expect(told()).toEqual([here.id]);
  const sendable = (device: DeviceRef) => deliveries.sendable([device.id], false, 10);
  expect([(await sendable(away)).length, (await sendable(later)).length]).toEqual([1, 0]);
  await deliveries.tick(road.clock.forward(60_000));
  expect(told()).toEqual([here.id, later.id]);
  expect(await sendable(later)).toHaveLength(1);
});

test("whoever has to know sees each move in its own transaction, with the device's reason", async () => {
  const [device] = await newDevices(1);
  if (device === undefined) throw new Error("no device");
  const [row] = await create(setOf(listed([device]), { attemptsMax: 1 }));
  const id = row?.delivery_id ?? "";
  seen.length = 0;
  await say(device, { deliveryId: id, attempt: 1, step: "downloading" });
  await say(device, { deliveryId: id, attempt: 1, step: "failed", reason: "download_too_slow" });
  expect(seen).toMatchObject([
    { deliveryId: id, deviceKey: device.key, from: "queued", to: "received", step: "downloading", reason: null },
    { from: "received", to: "failed", cause: "device", reason: "download_too_slow" },
  ]);
});

test("a failure is tried again where another try may help, after its own pause, as often as the delivery allows", async () => {
  const [slow, unfit, twice] = await newDevices(3);
  if (slow === undefined || unfit === undefined || twice === undefined) throw new Error("no devices");
  const [a] = await create(setOf(listed([slow])));
  const [b] = await create(setOf(listed([unfit])));
  const [c] = await create(setOf(listed([twice]), { attemptsMax: 2 }));
  await say(slow, { deliveryId: a?.delivery_id ?? "", attempt: 1, step: "failed", reason: "disk_full" });
  await say(unfit, { deliveryId: b?.delivery_id ?? "", attempt: 1, step: "failed", reason: "wrong_hardware" });
  expect(await known(a?.delivery_id)).toMatchObject({ phase: "queued", attempt: 2 });
  expect((await deliveries.sendable([slow.id], false, 10)).length).toBe(0);
  expect(await known(b?.delivery_id)).toMatchObject({ phase: "failed", attempt: 1 });
  await say(twice, { deliveryId: c?.delivery_id ?? "", attempt: 1, step: "failed", reason: "image_hash_wrong" });
  await say(twice, { deliveryId: c?.delivery_id ?? "", attempt: 2, step: "failed", reason: "image_hash_wrong" });
  expect(await known(c?.delivery_id)).toMatchObject({ phase: "failed", attempt: 2 });
});

test("what a delivery carries can change while it is open, and goes out again", async () => {
  const [device] = await newDevices(1);
  if (device === undefined) throw new Error("no device");
  const [row] = await create(setOf(listed([device]), { body: { consent: "ask", a: 1 } }));
  const id = row?.delivery_id ?? "";
  await say(device, { deliveryId: id, attempt: 1, step: "offered" });
  kicked.length = 0;
  const outcome = await transaction(database.db, (tx) => deliveries.amend(tx, id, { consent: "given" }));
  if (outcome.kind === "amended") outcome.afterCommit();
  expect(kicked).toEqual([[[device.id], "everything"]]);
  expect((await deliveries.get(id))?.body).toEqual({ consent: "given", a: 1 });
  expect((await deliveries.sendable([device.id], false, 10)).map((one) => one.body)).toEqual([
    { consent: "given", a: 1 },
  ]);
  await transaction(database.db, (tx) => deliveries.decline(tx, { kind: "system" }, id));
  expect(await known(id)).toMatchObject({ phase: "rejected", cause: "owner" });
  expect(await transaction(database.db, (tx) => deliveries.amend(tx, id, {}))).toEqual({ kind: "closed" });
});

test("a hundred thousand are created at once, and two sets at once leave one delivery open for each device", async () => {
  const count = 100_000;
  await sql`INSERT INTO device (id, model, serial, created_at_ms) SELECT 'many-' || n, 'oven-x200', 'many-' || n, 0
    FROM generate_series(1, ${count}) AS n`.execute(database.db);
  const all = sql`SELECT key AS device_key, id AS device_id, false AS online FROM device WHERE id LIKE 'many-%'`;
  const counted = sql`SELECT count(*)::int AS n FROM created`;
  const began = performance.now();
  const [one] = await transaction(database.db, (tx) =>
    deliveries.createForSet<{ n: number }>(tx, setOf(all, { andThen: counted })),
  );
  console.info(`a set of ${count}: ${Math.round(performance.now() - began)} ms`);
  expect(one?.n).toBe(count);
  const some = sql`SELECT key AS device_key, id AS device_id, false AS online FROM device WHERE id LIKE 'many-1____'`;
  await Promise.all([create(setOf(some)), create(setOf(some))]);
  const { rows } = await sql<{ open: number; devices: number }>`
    SELECT count(*) FILTER (WHERE phase = 'queued') AS open, count(DISTINCT device_key) AS devices
    FROM delivery WHERE device_id LIKE 'many-1____'`.execute(database.db);
  expect(rows).toEqual([{ open: 10_000, devices: 10_000 }]);
});
