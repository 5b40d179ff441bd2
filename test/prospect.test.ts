/**
 * One customer followed through the whole service, over real HTTP and MQTT: somebody looks at a price, buys, pairs the oven with the code
 * that came with it, and cooks. One household, one ledger, and the stages from acquisition over activation to engagement. Segments, points,
 * stages and decisions read what the shop says as they read what the oven says.
 */
import { createHash, randomUUID } from "node:crypto";
import mqtt, { type MqttClient } from "mqtt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { approvedContent } from "./support/approved-content.ts";
import { ask } from "./support/ask.ts";
import { registerOvens } from "./support/ovens.ts";
import { preparedDataDir } from "./support/prepared-data-dir.ts";
import {
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
  service = await startServiceProcess({ dataDir: await preparedDataDir() });
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

const staff = async (path: string) => (await service.api(`/api/v1${path}`)).body;

const reference = { kind: "shop_customer", value: "4711" };
const prospect = { name: "Visitor 4711", locale: "de", timeZone: "Europe/Berlin" };
const nowMs = Date.now();
const looked = {
  source: "web",
  id: "look-1",
  type: "price.checked",
  atMs: nowMs - 30 * hourMs,
  data: { sku: "OX-200", topic: "baking" },
};
const bought = {
  source: "shop",
  id: "order-118",
  type: "order.placed",
  atMs: nowMs - 8 * hourMs,
  data: { order_id: "118", amount_minor: 4_900 },
};

const tell = async (...facts: object[]) => {
  const { status, body } = await ask(`${service.http}/api/v1`, shopKey, "POST", "/facts", { facts });
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
const agree = async (id: string, purpose: string) => {
  const body = { purpose, locale: "en", version: 1, channel: "web", evidence: "The form beside the price" };
  expect((await service.api(`/api/v1/households/${id}/consents`, { method: "POST", body })).status).toBe(201);
};
/** The segments that a household is in, and what they see of it. */
const seenOf = async (id: string) => {
  const { status, body } = await service.api(`/api/v1/households/${id}/segments`);
  if (status !== 200) return null;
  const facts = body.facts as { name: string; value: unknown }[];
  return {
    facts: Object.fromEntries(facts.map(({ name, value }) => [name, value])),
    segments: (body.segments as { id: string }[]).map((one) => one.id),
  };
};

/** An offer for those who bought and cook, to be decided about: of what bakers like, and to sell. */
async function planned(): Promise<string> {
  const definition = { title: "New bakers", description: "", expression: "orders >= 1 && programs >= 3" };
  expect((await service.api("/api/v1/segments/new-bakers", { method: "PUT", body: definition })).status).toBe(200);
  const locales = { en: { title: "A baking stone", text: "For crusts." } };
  const itemId = await approvedContent(service, { kind: "message", class: "promotional", topics: ["baking"], locales });
  const path = `/api/v1/content/items/${itemId}/schedule`;
  expect((await service.api(path, { method: "POST", body: {} })).status).toBe(200);
  const audience = { kind: "segment", segmentId: "new-bakers" };
  const campaign = { kind: "campaign", name: "Baking stones", audience, itemIds: [itemId], bestHour: false };
  const body = { ...campaign, expiresAtMs: Date.now() + 10 * 86_400_000 };
  const made = await service.api("/api/v1/campaigns", { method: "POST", body });
  expect([made.status, made.body]).toEqual([201, expect.anything()]);
  return itemId;
}

test("a prospect checks a price, buys, pairs and cooks: one household, one ledger, acquisition to activation to engagement", async () => {
  // Somebody whom the shop knows by a number looks at a price, and later orders.
  const itemId = await planned();
  const [created] = await tell({ ...looked, id: "page-1", type: "page.viewed", reference, prospect });
  const prospectId = created?.householdId ?? "";
  for (const purpose of ["personalise", "market"]) await agree(prospectId, purpose);
  expect(await tell({ ...looked, reference })).toMatchObject([{ outcome: "accepted", householdId: prospectId }]);
  expect((await seenOf(prospectId))?.segments).toContain("looking-at-prices");
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
  const paired = await ask(`${service.http}/api/v1`, null, "POST", "/my/pair", {
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
  // What the shop said of the visitor is said of the household, which owns an oven; the visitor alone is in no segment any more.
  const owner = await seenOf(householdId);
  expect(owner?.facts).toMatchObject({ appliances: 1, price_checks: 1, orders: 1, page_views: 1, programs: 0 });
  expect(owner?.facts).toMatchObject({
    consents: ["market", "personalise", "run"],
    stage: "activation",
    days_since_paired: 0,
  });
  expect(owner?.segments).not.toContain("looking-at-prices");
  expect(await seenOf(prospectId)).toBeNull();

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

  // One condition over what the shop said and what the oven said, met by the third program; and it counts each once.
  const cooks = await seenOf(householdId);
  expect(cooks?.segments).toContain("new-bakers");
  expect(cooks?.facts).toMatchObject({ price_checks: 2, orders: 1, programs: 3, stage: "engagement" });
  // What would be decided now weighs the look at the price, and nothing that is to sell comes without the consent that was given then.
  const decidedNow = async () => {
    const asked = { method: "POST", body: { householdId, itemId } };
    const { now } = (await service.api("/api/v1/decisions/explain", asked)).body;
    return now[0];
  };
  const would = await decidedNow();
  expect(would.trace.terms).toContainEqual(expect.objectContaining({ from: "intent", about: "topic:baking" }));
  expect(would.reason).not.toBe("no_consent");

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

  const withdrawal = { purpose: "market", channel: "phone", evidence: "They rang" };
  const withdrawn = `/api/v1/households/${householdId}/consents/withdrawals`;
  expect((await service.api(withdrawn, { method: "POST", body: withdrawal })).status).toBe(201);
  expect(await decidedNow()).toMatchObject({ answer: "suppress", reason: "no_consent" });

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
