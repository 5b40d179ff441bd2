/**
 * A campaign that runs, one that is a draft, and a recall, for six households of which some agreed and some did not; and one whose
 * households nothing but a person reaches.
 */
import mqtt, { type MqttClient } from "mqtt";
import { loadModels } from "../../device-sim/models.ts";
import { ask } from "../support/ask.ts";
import { type RunningService, until } from "../support/service-process.ts";

const dayMs = 86_400_000;
const households = 6;
/** More than a page of them. */
const homesForPerson = 28;

export interface CampaignStage {
  campaignId: string;
  draftId: string;
  /** Approved, and to go out in three days. */
  plannedId: string;
  /** The day of it, where the browser is. */
  plannedDate: string;
  /** Nothing but a draft, to be changed. */
  sharedId: string;
  recallId: string;
  /** Of a household with two ovens, one of which acknowledged it. */
  halfRecallId: string;
  /** Of whom nothing but a person reaches. */
  personId: string;
  leave(): Promise<unknown>;
  /** Who got it, and who did not agree. */
  agreedId: string;
  silentId: string;
  itemTitle: string;
}

/** @param key whose word it is; the admin's where it is left out */
async function made(service: RunningService, method: string, path: string, body?: unknown, key = service.key) {
  const { status, text, body: answer } = await ask(`${service.http}/api/v1`, key, method, path, body);
  if (status >= 300) throw new Error(`${path}: ${status} ${text}`);
  return answer;
}

async function homes(service: RunningService): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 1; n <= households; n += 1) {
    const device = `oven-${n}`;
    await made(service, "POST", "/devices/batch", { devices: [{ id: device, model: "oven-x200", serial: device }] });
    const home = { name: `Household ${n}`, locale: "en", timeZone: "Europe/Berlin" };
    const { id } = await made(service, "POST", "/households", home);
    await made(service, "PUT", `/households/${id}/devices/${device}`);
    ids.push(id);
    if (n > 4) continue;
    const said = { purpose: "market", channel: "app", evidence: "Set-up", locale: "en", version: 1 };
    await made(service, "POST", `/households/${id}/consents`, said);
  }
  return ids;
}

/** Households with an oven alone, whose serial numbers begin with `fan-`. */
async function ovenHomes(service: RunningService): Promise<void> {
  const ids = Array.from({ length: homesForPerson }, (_, at) => `fan-${String(at + 1).padStart(2, "0")}`);
  const devices = ids.map((id) => ({ id, model: "oven-x200", serial: id }));
  await made(service, "POST", "/devices/batch", { devices });
  for (const device of ids) {
    const home = { name: `Household of ${device}`, locale: "en", timeZone: "Europe/Berlin" };
    const { id } = await made(service, "POST", "/households", home);
    await made(service, "PUT", `/households/${id}/devices/${device}`);
  }
}

/** A household with two ovens, one of which does as it is told: it shows what comes, and its owner acknowledges it. */
async function twoOvens(service: RunningService): Promise<MqttClient> {
  const devices = ["oven-7", "oven-8"].map((id) => ({ id, model: "oven-x200", serial: id }));
  const { items } = await made(service, "POST", "/devices/batch", { devices });
  const home = { name: "Two ovens", locale: "en", timeZone: "Europe/Berlin" };
  const { id } = await made(service, "POST", "/households", home);
  for (const device of devices) await made(service, "PUT", `/households/${id}/devices/${device.id}`);
  const clientId = "oven-7";
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${service.mqttPort}`, {
    clientId,
    username: clientId,
    password: items.find((item: { id: string }) => item.id === clientId).token,
    protocolVersion: 4,
    reconnectPeriod: 0,
  });
  client.on("message", (_topic, payload) => {
    const delivery = JSON.parse(payload.toString());
    for (const step of ["stored", "shown", "acted"]) {
      const receipt = { deliveryId: delivery.id, attempt: delivery.attempt, atMs: Date.now(), step };
      client.publish(`hearth/v1/devices/${clientId}/receipts`, JSON.stringify(receipt), { qos: 1 });
    }
  });
  await client.subscribeAsync(`hearth/v1/devices/${clientId}/inbox`, { qos: 1 });
  return client;
}

const range = (to: string, from = "oven-1") => ({ kind: "serials", model: "oven-x200", ranges: [{ from, to }] });

export async function setCampaignStage(service: RunningService): Promise<CampaignStage> {
  for (const model of loadModels().values()) await made(service, "PUT", `/models/${model.key}`, model);
  const ids = await homes(service);
  const keyOf = async (name: string): Promise<string> =>
    (await made(service, "POST", "/staff/keys", { name, role: "content" })).secret;
  const [author, reviewer] = [await keyOf("Mara"), await keyOf("Jonas")];
  const item = async (title: string, itemClass: string, models?: readonly string[]): Promise<string> => {
    const draft = { kind: "message", class: itemClass, models, locales: { en: { title, text: `${title}.` } } };
    const { id } = await made(service, "POST", "/content/items", draft, author);
    await made(service, "POST", `/content/items/${id}/submit`, { note: "Ready" }, author);
    await made(service, "POST", `/content/items/${id}/approve`, { note: "Good" }, reviewer);
    await made(service, "POST", `/content/items/${id}/schedule`, {}, author);
    return id;
  };
  const roast = await item("Roast on Sunday", "promotional");
  const hinge = await item("Have the hinge changed", "recall");
  const expiresAtMs = Date.now() + 30 * dayMs;
  await made(service, "PUT", "/engagement/policy", { caps: [], roomMax: 5, holdoutShare: 0 });
  const campaign = async (body: object, runs: boolean): Promise<string> => {
    const { id } = await made(service, "POST", "/campaigns", { expiresAtMs, ...body }, author);
    if (!runs) return id;
    for (const step of ["approve", "start"])
      await made(service, "POST", `/campaigns/${id}/${step}`, undefined, reviewer);
    return id;
  };
  const goal = { event: "program.finished", withinDays: 7 };
  const plan = { kind: "campaign", itemIds: [roast], bestHour: false, goal };
  const campaignId = await campaign({ ...plan, name: "Sunday roasts", audience: range("oven-6") }, true);
  const draftId = await campaign({ ...plan, name: "Monday bread", audience: range("oven-5") }, false);
  const plannedDate = new Date(Date.now() + 3 * dayMs).toISOString().slice(0, 10);
  const schedule = { date: plannedDate, minute: 600 };
  const plannedId = await campaign({ ...plan, name: "Plum days", audience: range("oven-5"), schedule }, false);
  await made(service, "POST", `/campaigns/${plannedId}/approve`, undefined, reviewer);
  const decided = (id: string, count: number) =>
    until("everybody is decided about", async () => {
      const { body } = await service.api(`/api/v1/campaigns/${id}`);
      return body.funnel.decided === count;
    });
  // A recall that is on its way goes before whatever is promotional.
  await decided(campaignId, 6);
  const recall = { kind: "recall", name: "Door hinge", audience: range("oven-3"), itemIds: [hinge] };
  const recallId = await campaign(recall, true);
  await decided(recallId, 3);
  await ovenHomes(service);
  // No display of theirs shows it, and there is no mail.
  const filter = await item("Clean the filter of your dishwasher", "service", ["dishwasher-d4"]);
  const filters = { ...plan, name: "Filters", audience: range("fan-99", "fan-01"), itemIds: [filter] };
  const personId = await campaign(filters, true);
  await decided(personId, homesForPerson);
  const oven = await twoOvens(service);
  const latch = { kind: "recall", name: "Door latch", audience: range("oven-8", "oven-7"), itemIds: [hinge] };
  const halfRecallId = await campaign(latch, true);
  await until("one of the two ovens acknowledged", async () => {
    const { body } = await service.api(`/api/v1/campaigns/${halfRecallId}/recall`);
    return JSON.stringify(body).includes('"acknowledgedAtMs":1');
  });
  return {
    campaignId,
    draftId,
    plannedId,
    plannedDate,
    sharedId: await campaign({ ...plan, name: "Shared dough", audience: range("oven-5") }, false),
    recallId,
    halfRecallId,
    personId,
    leave: () => oven.endAsync(true),
    agreedId: ids[0] ?? "",
    silentId: ids[5] ?? "",
    itemTitle: "Roast on Sunday",
  };
}
