import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Receipt } from "#protocol/delivery.ts";
import { type DownRoad, downRoad } from "../../test/support/down-road.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import type { DeviceRef } from "../devices/devices.ts";
import { transaction } from "../platform/database.ts";
import { randomIds } from "../platform/ids.ts";
import { Deliveries, type Delivery, type NewDelivery } from "./deliveries.ts";

let database: TestDatabase;
let road: DownRoad;
let deliveries: Deliveries;
const waiting: string[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  road = downRoad(database.db);
  deliveries = new Deliveries(road.deps);
  deliveries.whenWaiting((ids) => waiting.push(...ids));
});
afterAll(() => database.drop());

const dayMs = 86_400_000;
let devicesMade = 0;
const oneDevice = async (): Promise<DeviceRef> => {
  const [device] = await road.devices.add([`oven-${(devicesMade += 1)}`]);
  if (device === undefined) throw new Error("no device");
  return device;
};

const firmware = (device: DeviceRef): NewDelivery => ({
  device,
  kind: "firmware",
  subject: "firmware",
  label: "2.1.0",
  body: { sha256: "aa" },
  priority: 5,
  expiresAtMs: road.clock.nowMs() + 30 * dayMs,
});

async function create(...wanted: NewDelivery[]): Promise<string[]> {
  const { ids, afterCommit } = await transaction(database.db, (tx) => deliveries.create(tx, wanted));
  afterCommit();
  return ids;
}

async function say(device: DeviceRef, ...receipts: Omit<Receipt, "atMs">[]) {
  const receivedAtMs = road.clock.nowMs();
  const facts = receipts.map((receipt) => ({ device, receivedAtMs, receipt: { ...receipt, atMs: receivedAtMs - 5 } }));
  const { unknown, afterCommit } = await transaction(database.db, (tx) => deliveries.ingestReceipts(tx, facts));
  afterCommit();
  return unknown;
}

async function known(id: string | undefined): Promise<Delivery> {
  const found = await deliveries.get(id ?? "");
  if (found === null) throw new Error(`no delivery ${id}`);
  return found.delivery;
}

test("generations count per device, kind and subject, and a newer delivery supersedes the open older one", async () => {
  const device = await oneDevice();
  const [first] = await create(firmware(device));
  const [other] = await create({ ...firmware(device), kind: "recipe", subject: "pie" });
  const [second, third] = await create(firmware(device), firmware(device));
  expect(
    [await known(first), await known(second), await known(third)].map(({ generation, phase }) => [generation, phase]),
  ).toEqual([
    [1, "superseded"],
    [2, "superseded"],
    [3, "queued"],
  ]);
  expect(await known(other)).toMatchObject({ generation: 1, phase: "queued" });
});

test("firmware that an appliance downloads is not superseded", async () => {
  const device = await oneDevice();
  const [first = ""] = await create(firmware(device));
  await say(device, { deliveryId: first, attempt: 1, step: "downloading", progress: 0.2 });
  const [second] = await create(firmware(device));
  expect(await known(first)).toMatchObject({ phase: "received", step: "downloading" });
  expect(await known(second)).toMatchObject({ generation: 2, phase: "queued" });
});

test("two who create for one subject at once get two generations", async () => {
  const device = await oneDevice();
  const made = await Promise.all(Array.from({ length: 8 }, () => create(firmware(device))));
  const all = await Promise.all(made.flat().map(known));
  expect(all.map(({ generation }) => generation).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(all.filter(({ phase }) => phase === "queued")).toHaveLength(1);
});

test("ten thousand deliveries are created at once, and each change of phase is in the outbox", async () => {
  const devices = await road.devices.add(Array.from({ length: 10_000 }, (_, at) => `fleet-${at}`));
  const body = { sha256: "bb" };
  const ids = await create(...devices.map((device) => ({ ...firmware(device), body })));
  expect(new Set(ids).size).toBe(10_000);
  const { rows } = await sql<{ n: number }>`
    SELECT count(*) AS n FROM outbox WHERE type = 'hearth.delivery.queued' AND data ->> 'deviceId' LIKE 'fleet-%'`.execute(
    database.db,
  );
  expect(rows[0]?.n).toBe(10_000);
  expect(waiting).toEqual(expect.arrayContaining(["fleet-0", "fleet-9999"]));
});

test("receipts move a delivery, a lower one is kept and changes nothing, and a repeated one is stored once", async () => {
  const device = await oneDevice();
  const [id = ""] = await create(firmware(device));
  const of = (step: string, progress?: number) => ({
    deliveryId: id,
    attempt: 1,
    step,
    ...(progress === undefined ? {} : { progress }),
  });
  await say(device, of("downloading", 0.1), of("downloading", 0.6), of("verified"), of("offered"));
  await say(device, of("downloading", 0.9), of("verified"));
  const found = await deliveries.get(id);
  expect(found?.delivery).toMatchObject({ phase: "received", step: "verified" });
  const receipts = found?.receipts.map(({ step, progress, refused }) => [step, progress, refused]);
  expect(receipts?.toSorted(([a], [b]) => String(a).localeCompare(String(b)))).toEqual([
    ["downloading", 0.9, null],
    ["offered", null, "step_not_later"],
    ["verified", null, null],
  ]);
  await say(device, of("confirmed"));
  expect(await known(id)).toMatchObject({ phase: "done", step: "confirmed" });
});

test("a receipt for nothing, or for another appliance's delivery, comes back as unknown and changes nothing", async () => {
  const [owner, stranger] = [await oneDevice(), await oneDevice()];
  const [id = ""] = await create(firmware(owner));
  const unknown = await say(
    stranger,
    { deliveryId: id, attempt: 1, step: "confirmed" },
    { deliveryId: randomIds.next(), attempt: 1, step: "confirmed" },
  );
  expect(unknown).toHaveLength(2);
  expect(await deliveries.get(id)).toMatchObject({ delivery: { phase: "queued" }, receipts: [] });
});

test("a command's reply closes it with its result, and a refusal is kept as rejected", async () => {
  const device = await oneDevice();
  const ask = async (name: "identify" | "self_test") => {
    const sent = await deliveries.sendCommand({ kind: "system" }, device.id, { name, args: {} });
    return sent.kind === "accepted" ? sent.id : "";
  };
  const [obeyed, refused] = [await ask("identify"), await ask("self_test")];
  const atMs = road.clock.nowMs();
  const facts = [
    { device, receivedAtMs: atMs, reply: { commandId: obeyed, atMs, ok: true, result: { blinks: 3 } } },
    { device, receivedAtMs: atMs, reply: { commandId: refused, atMs, ok: false, reason: "door open" } },
    { device, receivedAtMs: atMs, reply: { commandId: randomIds.next(), atMs, ok: true } },
  ];
  const { unknown } = await transaction(database.db, (tx) => deliveries.ingestReplies(tx, facts));
  expect(unknown).toHaveLength(1);
  expect(await deliveries.get(obeyed)).toMatchObject({
    delivery: { phase: "done" },
    receipts: [{ result: { blinks: 3 } }],
  });
  expect(await deliveries.get(refused)).toMatchObject({
    delivery: { phase: "rejected" },
    receipts: [{ reason: "door open" }],
  });
});

test("a command to an appliance that is away expires, and is not sendable from its deadline on", async () => {
  const device = await oneDevice();
  const sent = await deliveries.sendCommand({ kind: "system" }, device.id, { name: "stop", args: {} });
  const id = sent.kind === "accepted" ? sent.id : "";
  road.clock.forward(29_999);
  expect(await deliveries.sendable([device.id], true, 10)).toHaveLength(1);
  road.clock.forward(1);
  expect(await deliveries.sendable([device.id], false, 10)).toHaveLength(0);
  await deliveries.noteWritten([{ id, attempt: 1, atMs: road.clock.nowMs() }]);
  expect(await known(id)).toMatchObject({ phase: "queued" });
  await deliveries.tick(road.clock.nowMs());
  expect(await known(id)).toMatchObject({ phase: "expired", cause: "deadline" });
});

test("silence after a write, and in a step, is noticed by the tick, which tries again and then gives up", async () => {
  const device = await oneDevice();
  const [id = ""] = await create(firmware(device));
  await deliveries.noteWritten([{ id, attempt: 1, atMs: road.clock.nowMs() }]);
  expect(await known(id)).toMatchObject({ phase: "sent" });
  waiting.length = 0;
  await deliveries.tick(road.clock.forward(2 * 60_000));
  expect(await known(id)).toMatchObject({ phase: "queued", attempt: 1 });
  expect(waiting).toContain(device.id);
  for (const [attempt, after] of [
    ["queued", 2],
    ["queued", 3],
    ["failed", 3],
  ].entries()) {
    await say(device, { deliveryId: id, attempt: attempt + 1, step: "installing" });
    await deliveries.tick(road.clock.forward(30 * 60_000));
    expect(await known(id)).toMatchObject({ phase: after[0], attempt: after[1] });
  }
  expect(await known(id)).toMatchObject({ cause: "timed_out" });
  await say(device, { deliveryId: id, attempt: 3, step: "confirmed" });
  expect(await known(id)).toMatchObject({ phase: "done" });
});

test("after its back-off a failed attempt is sendable again", async () => {
  const device = await oneDevice();
  const [id = ""] = await create(firmware(device));
  await say(device, { deliveryId: id, attempt: 1, step: "failed" });
  expect(await deliveries.sendable([device.id], true, 10)).toHaveLength(0);
  waiting.length = 0;
  await deliveries.tick(road.clock.forward(60_000));
  expect(waiting).toContain(device.id);
  expect(await deliveries.sendable([device.id], true, 10)).toMatchObject([{ id, attempt: 2 }]);
});

test("a page of a device's timeline tells what was sent, what the appliance said and what the cloud ended", async () => {
  const device = await oneDevice();
  const [first = ""] = await create(firmware(device));
  road.clock.forward(10);
  await say(device, { deliveryId: first, attempt: 1, step: "offered" });
  road.clock.forward(10);
  await create({ ...firmware(device), label: "2.2.0" });
  const entries = await deliveries.timeline(device, { beforeMs: road.clock.nowMs() + 1, limit: 10 });
  expect(entries.map(({ title }) => title).toSorted()).toEqual([
    "Firmware 2.1.0: offered",
    "Firmware 2.1.0: queued",
    "Firmware 2.1.0: superseded",
    "Firmware 2.2.0: queued",
  ]);
  expect(new Set(entries.map(({ id }) => id)).size).toBe(4);
  expect(await deliveries.timeline(device, { beforeMs: road.clock.nowMs(), limit: 1 })).toMatchObject([
    { title: "Firmware 2.1.0: offered" },
  ]);
});

test("a timeline says why a step went wrong, which word changed nothing, and the steps of one moment in their order", async () => {
  const device = await oneDevice();
  const [id = ""] = await create(firmware(device));
  road.clock.forward(10);
  for (const step of ["verified", "installing", "rebooting", "polishing"])
    await say(device, { deliveryId: id, attempt: 1, step });
  await say(device, { deliveryId: id, attempt: 1, step: "rolled_back", reason: "health_check_failed" });
  const entries = await deliveries.timeline(device, { beforeMs: road.clock.nowMs() + 1, limit: 10 });
  expect(entries.map(({ title }) => title)).toEqual([
    "Firmware 2.1.0: polishing (not a step of its kind, so nothing changed)",
    "Firmware 2.1.0: rolled back (The new firmware did not come up well; the appliance went back to what it had)",
    "Firmware 2.1.0: restarting",
    "Firmware 2.1.0: installing",
    "Firmware 2.1.0: checked",
    "Firmware 2.1.0: queued",
  ]);
});

test("nonsense about an update moves nothing and leaves a mark on the timeline", async () => {
  const device = await oneDevice();
  const [id = ""] = await create(firmware(device));
  await say(device, { deliveryId: id, attempt: 1, step: "offered" });
  road.clock.forward(10);
  const before = await known(id);
  for (const [attempt, step] of [
    [1, "cooked"],
    [1, "queued"],
    [7, "confirmed"],
    [1, "constructor"],
  ] as const)
    await say(device, { deliveryId: id, attempt, step, reason: "\u{1f525}" });
  expect(await known(id)).toEqual(before);
  const entries = await deliveries.timeline(device, { beforeMs: road.clock.nowMs() + 1, limit: 10 });
  const byTitle = entries.toSorted((a, b) => (a.title < b.title ? -1 : 1));
  expect(byTitle.map(({ title, data }) => [title, data["refused"]])).toEqual([
    [
      "Firmware 2.1.0: confirmed by a healthy boot (of an attempt that was never made, so nothing changed)",
      "attempt_not_made",
    ],
    ["Firmware 2.1.0: constructor (not a step of its kind, so nothing changed)", "unknown_step"],
    ["Firmware 2.1.0: cooked (not a step of its kind, so nothing changed)", "unknown_step"],
    ["Firmware 2.1.0: offered", null],
    ["Firmware 2.1.0: queued", null],
    ["Firmware 2.1.0: queued (not a step of its kind, so nothing changed)", "unknown_step"],
  ]);
});

test("what a device makes up about a delivery fills no table, and its true word still counts", async () => {
  const device = await oneDevice();
  const [id = ""] = await create(firmware(device));
  for (let batch = 0; batch < 30; batch += 1)
    await say(
      device,
      ...Array.from({ length: 20 }, (_, at) => ({
        deliveryId: id,
        attempt: 2 + 20 * batch + at,
        step: `made_up_${at}`,
      })),
    );
  expect((await deliveries.get(id))?.receipts).toHaveLength(200);
  await say(device, { deliveryId: id, attempt: 1, step: "downloading", progress: 0.25 });
  await say(device, { deliveryId: id, attempt: 1, step: "downloading", progress: 0.5 });
  expect(await known(id)).toMatchObject({ phase: "received", step: "downloading" });
  const said = (await deliveries.get(id))?.receipts.find(({ step }) => step === "downloading");
  expect(said).toMatchObject({ progress: 0.5, refused: null });
});

test("staff reads on a timeline which rollout an update was of, and its household does not", async () => {
  const device = await oneDevice();
  const rolloutId = "01980000-0000-7000-8000-00000000000a";
  deliveries.nameRollouts(async (ids) => new Map(ids.map((one) => [one, "Spring, careful"])));
  const [id = ""] = await create({ ...firmware(device), body: { sha256: "aa", rolloutId } });
  road.clock.forward(10);
  await say(device, { deliveryId: id, attempt: 1, step: "failed", reason: "wrong_hardware" });
  const page = { beforeMs: road.clock.nowMs() + 1, limit: 10 };
  const staff = await deliveries.timeline(device, page);
  expect(staff.map(({ title }) => title)).toEqual([
    "Firmware 2.1.0 (Spring, careful): failed (The image does not list this hardware)",
    "Firmware 2.1.0 (Spring, careful): queued",
  ]);
  expect(staff[0]?.data).toMatchObject({ rolloutId, reason: "wrong_hardware" });
  const owner = { householdId: "01980000-0000-7000-8000-00000000000b", sinceMs: 0 };
  const theirs = JSON.stringify(await deliveries.timeline(device, { ...page, owner }));
  expect(theirs).toContain("Firmware 2.1.0: failed (The image does not list this hardware)");
  expect(theirs).not.toMatch(/Spring|00000000000a/);
});

test("counts are per phase, with confirmed firmware apart", async () => {
  const before = await deliveries.counts();
  const device = await oneDevice();
  const [id = ""] = await create(firmware(device));
  await say(device, { deliveryId: id, attempt: 1, step: "confirmed" });
  const after = await deliveries.counts();
  expect(after.byPhase.done - before.byPhase.done).toBe(1);
  expect(after.firmwareConfirmed - before.firmwareConfirmed).toBe(1);
});
