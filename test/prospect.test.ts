/**
 * One customer followed through the whole service, over real HTTP and MQTT: somebody looks at a price, buys, pairs the oven with the code
 * that came with it, and cooks. One household, one ledger, and the stages from acquisition over activation to engagement.
 */
import { createHash, randomUUID } from "node:crypto";
import mqtt, { type MqttClient } from "mqtt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { registerOvens } from "./support/ovens.ts";
import {
  newDataDir,
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
  until,
} from "./support/service-process.ts";

const oven = "first-oven";
const hourMs = 3_600_000;

let service: RunningService;
let shopKey: string;
let device: MqttClient;

beforeAll(async () => {
  service = await startServiceProcess({ dataDir: await newDataDir() });
  const [token = ""] = await registerOvens(service, [oven]);
  const made = await service.api("/api/v1/staff/keys", { method: "POST", body: { name: "shop", role: "facts" } });
  shopKey = made.body.secret;
  device = await mqtt.connectAsync(`mqtt://127.0.0.1:${service.mqttPort}`, {
    clientId: oven,
    username: oven,
    password: token,
    protocolVersion: 4,
    reconnectPeriod: 0,
  });
});
afterAll(async () => {
  await device.endAsync(true);
  await stopServiceProcess(service);
  await removeDataDir(service.dataDir);
});

async function ask(key: string, method: string, path: string, body?: object) {
  const response = await fetch(`${service.http}/api/v1${path}`, {
    method,
    headers: {
      ...(key === "" ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers freely
  const json: any = await response.json();
  return { status: response.status, body: json };
}
const staff = async (path: string) => (await service.api(`/api/v1${path}`)).body;

const reference = { kind: "shop_customer", value: "4711" };
const prospect = { name: "Visitor 4711", locale: "de", timeZone: "Europe/Berlin" };
const nowMs = Date.now();
const looked = {
  source: "web",
  id: "look-1",
  type: "price.checked",
  atMs: nowMs - 30 * hourMs,
  data: { sku: "OX-200" },
};
const bought = {
  source: "shop",
  id: "order-118",
  type: "order.placed",
  atMs: nowMs - 8 * hourMs,
  data: { order_id: "118", amount_minor: 4_900 },
};

const tell = async (...facts: object[]) => {
  const { status, body } = await ask(shopKey, "POST", "/facts", { facts });
  expect(status).toBe(200);
  return body.items as { outcome: string; householdId?: string }[];
};
const event = (type: string, data: object, more: object = {}) =>
  device.publishAsync(
    `hearth/v1/devices/${oven}/events`,
    JSON.stringify({ id: randomUUID(), atMs: Date.now(), type, data, ...more }),
    { qos: 1 },
  );
const stageOf = async (id: string) => (await staff(`/households/${id}/lifecycle`)).stage as string;
const balanceOf = (id: string) => staff(`/households/${id}/balance`);

test("a prospect checks a price, buys, pairs and cooks: one household, one ledger, acquisition to activation to engagement", async () => {
  // Somebody whom the shop knows by a number looks at a price, and later orders.
  const [first] = await tell({ ...looked, reference, prospect });
  const prospectId = first?.householdId ?? "";
  expect(await tell({ ...bought, reference })).toMatchObject([{ outcome: "accepted", householdId: prospectId }]);
  expect(await stageOf(prospectId)).toBe("acquisition");
  const before = await balanceOf(prospectId);
  expect(before).toMatchObject({ active: 2, pending: 49 });

  // The code lies in the box with the oven, and its owner types it while pairing.
  const { code: welcome } = (await service.api(`/api/v1/households/${prospectId}/welcome`, { method: "POST" })).body;
  const code = "PA1R0001";
  const codeSha256 = createHash("sha256").update(code).digest("hex");
  await event("pairing.opened", { codeSha256, validMs: 600_000 });
  await until("the cloud knows the code", async () =>
    JSON.stringify(await staff(`/devices/${oven}/timeline`)).includes("Pairing opened"),
  );
  const paired = await ask("", "POST", "/my/pair", {
    code,
    name: "Ada",
    locale: "de",
    timeZone: "Europe/Berlin",
    welcome,
  });
  expect(paired.status).toBe(201);
  const householdId: string = paired.body.household.id;
  const listed = (await staff("/households")).items as { id: string; devices: number }[];
  expect(listed.map(({ id, devices }) => [id, devices])).toEqual([[householdId, 1]]);
  expect(await balanceOf(householdId)).toMatchObject(before);
  expect(await stageOf(householdId)).toBe("activation");

  // The shop sends everything again, as it does after a bad night, by the old name and the old id: nothing doubles.
  const again = await tell(
    { ...looked, reference, prospect },
    { ...bought, householdId: prospectId },
    { ...looked, id: "look-2", atMs: Date.now(), householdId: prospectId },
  );
  expect(again.map(({ outcome }) => outcome)).toEqual(["duplicate", "duplicate", "accepted"]);
  expect(again[2]?.householdId).toBe(householdId);

  // Three programs to their end, and one told twice.
  const cooked = { id: randomUUID() };
  for (const more of [{}, {}, cooked, cooked])
    await event("program.finished", { program: "HotAir", duration_s: 1_800 }, more);
  await until("they are engaged", async () => (await stageOf(householdId)) === "engagement");

  const { changes } = await staff(`/households/${householdId}/lifecycle`);
  expect(changes.map((one: { to: string }) => one.to).toReversed()).toEqual([
    "acquisition",
    "activation",
    "engagement",
  ]);
  const { items } = await staff(`/households/${householdId}/ledger?limit=500`);
  // Two looks at a price on two days, the order, and the three programs: each once, whoever told it how often.
  const entries = (items as { rule: string; points: number }[]).map(({ rule, points }) => `${rule} ${points}`);
  expect(entries.toSorted()).toEqual([
    "finished_program 10",
    "finished_program 10",
    "finished_program 10",
    "first_cook 50",
    "merge 2",
    "merge 49",
    "price_checked 2",
    "variety 15",
  ]);
  expect(await balanceOf(householdId)).toMatchObject({ active: 99, pending: 49 });
  expect(await balanceOf(prospectId)).toMatchObject({ active: 0, pending: 0 });
  expect(await staff("/loyalty/check")).toMatchObject({ ok: true, broken: [] });

  const { items: timeline } = await staff(`/households/${householdId}/timeline?limit=200`);
  const kinds = new Set(timeline.map((one: { kind: string }) => one.kind));
  expect(["fact", "event", "household", "points", "stage"].every((kind) => kinds.has(kind))).toBe(true);

  // Two after all: each has what was its own, and the ledger is whole.
  const [merge] = (await staff(`/households/${householdId}/merges`)).items;
  const undo = `/api/v1/households/merges/${merge.id}/undo`;
  expect((await service.api(undo, { method: "POST", body: { reason: "The code was passed on" } })).status).toBe(200);
  expect(await balanceOf(prospectId)).toMatchObject({ pending: 49 });
  expect((await balanceOf(householdId)).pending).toBe(0);
  expect(await stageOf(prospectId)).toBe("acquisition");
  expect(await staff("/loyalty/check")).toMatchObject({ ok: true, broken: [] });
});
