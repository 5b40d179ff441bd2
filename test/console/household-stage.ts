/** A household with a history, a prospect whom only the shop knows, and what both did and agreed to. */
import { loadModels } from "../../device-sim/models.ts";
import type { RunningService } from "../support/service-process.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

export interface HouseholdStage {
  familyId: string;
  prospectId: string;
}

async function made(service: RunningService, method: string, path: string, body?: unknown) {
  const answer = await service.api(`/api/v1${path}`, { method, ...(body === undefined ? {} : { body }) });
  if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** What the shop and the web site say of both. */
async function tellFacts(service: RunningService, familyId: string): Promise<string> {
  const nowMs = Date.now();
  const prospect = { name: "Visitor 4711", locale: "de", timeZone: "Europe/Vienna" };
  const reference = { kind: "shop_customer", value: "4711" };
  const facts = [
    {
      householdId: familyId,
      source: "web",
      id: "w1",
      type: "recipe.searched",
      data: { words: "sourdough" },
      ago: 3 * dayMs,
    },
    {
      householdId: familyId,
      source: "app",
      id: "a1",
      type: "recipe.saved",
      data: { recipe: "Country loaf" },
      ago: 2 * dayMs,
    },
    {
      householdId: familyId,
      source: "shop",
      id: "s1",
      type: "order.placed",
      data: { order: "2026-118", sku: "stone-40" },
      ago: dayMs,
    },
    {
      householdId: familyId,
      source: "shop",
      id: "s3",
      type: "warranty.registered",
      data: { years: 5 },
      ago: 2 * dayMs,
    },
    { reference, prospect, source: "shop", id: "s2", type: "price.checked", data: { sku: "OX-200" }, ago: 5 * hourMs },
    {
      reference,
      prospect,
      source: "web",
      id: "w2",
      type: "page.viewed",
      data: { path: "/ovens/x200" },
      ago: 4 * hourMs,
    },
  ].map(({ ago, ...fact }) => ({ ...fact, atMs: nowMs - ago }));
  const { items } = await made(service, "POST", "/facts", { facts });
  return items.at(-1).householdId;
}

export async function setHouseholds(service: RunningService): Promise<HouseholdStage> {
  for (const model of loadModels().values()) await made(service, "PUT", `/models/${model.key}`, model);
  await made(service, "POST", "/devices", { id: "oven-7001", model: "oven-x200", serial: "HX-7001" });
  const family = await made(service, "POST", "/households", {
    name: "Okonkwo",
    locale: "de",
    timeZone: "Europe/Berlin",
    channels: {
      order: ["display", "email"],
      quiet: { fromMinute: 21 * 60, toMinute: 7 * 60 + 30, meanwhile: "hold" },
      perWeekMax: 2,
    },
  });
  const familyId: string = family.id;
  await made(service, "POST", `/households/${familyId}/members`, {
    name: "Ngozi Okonkwo",
    email: "ngozi@okonkwo.example",
  });
  await made(service, "PUT", `/households/${familyId}/devices/oven-7001`);
  await made(service, "POST", `/households/${familyId}/references`, {
    kind: "email_sha256",
    value: "9f86d081884c7d65",
  });
  const said = { channel: "phone", evidence: "Call 2026-1107", locale: "de", version: 1 };
  await made(service, "POST", `/households/${familyId}/consents`, { ...said, purpose: "personalise" });
  await made(service, "POST", `/households/${familyId}/consents`, { ...said, purpose: "market" });
  await made(service, "PUT", "/consents/texts", {
    purpose: "share",
    party: "green-energy",
    partyName: "Green Energy",
    locale: "de",
    words: "Sie dürfen Green Energy sagen, wann ich koche.",
    inReturn: "Ein Tarif, der zu den Kochzeiten passt.",
  });
  await made(service, "POST", "/cases", {
    deviceId: "oven-7001",
    severity: "service",
    title: "The door light flickers",
  });
  return { familyId, prospectId: await tellFacts(service, familyId) };
}
