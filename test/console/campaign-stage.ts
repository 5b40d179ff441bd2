/** A campaign that runs, one that is a draft, and a recall, for six households of which some agreed and some did not. */
import { loadModels } from "../../device-sim/models.ts";
import { type RunningService, until } from "../support/service-process.ts";

const dayMs = 86_400_000;
const households = 6;

export interface CampaignStage {
  campaignId: string;
  draftId: string;
  recallId: string;
  /** Who got it, and who did not agree. */
  agreedId: string;
  silentId: string;
  itemTitle: string;
}

/** @param key whose word it is; the admin's where it is left out */
async function made(service: RunningService, method: string, path: string, body?: unknown, key = service.key) {
  const response = await fetch(`${service.http}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return text === "" ? null : JSON.parse(text);
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

const range = (to: string) => ({ kind: "serials", model: "oven-x200", ranges: [{ from: "oven-1", to }] });

export async function setCampaignStage(service: RunningService): Promise<CampaignStage> {
  for (const model of loadModels().values()) await made(service, "PUT", `/models/${model.key}`, model);
  const ids = await homes(service);
  const keyOf = async (name: string): Promise<string> =>
    (await made(service, "POST", "/staff/keys", { name, role: "content" })).secret;
  const [author, reviewer] = [await keyOf("Mara"), await keyOf("Jonas")];
  const item = async (title: string, itemClass: string): Promise<string> => {
    const draft = { kind: "message", class: itemClass, locales: { en: { title, text: `${title}.` } } };
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
  return {
    campaignId,
    draftId,
    recallId,
    agreedId: ids[0] ?? "",
    silentId: ids[5] ?? "",
    itemTitle: "Roast on Sunday",
  };
}
