import { z } from "zod";
import { request } from "../api.ts";
import type { KnownHome } from "./setting.ts";
import type { Stage } from "./stage.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Of how many households more is known than their appliances. */
const householdsMax = 60;
/** Requests under way at a time. */
const requestsMax = 6;

const outcomes = z.object({
  items: z.array(z.object({ outcome: z.string(), householdId: z.string().optional() })),
});

/** What people agreed to when they set their appliance up; by the household's place. Some never answered, some said no later. */
const choicesOf = (place: number): readonly string[] =>
  ["improve", "personalise", "market"].filter(
    (_purpose, at) => place % 7 !== 6 && (place % 5 !== 4 || at === 1) && (place % 3 !== 2 || at !== 0),
  );

/** Households agree and object, the shop and the web site report what they do there, and somebody without an appliance becomes one of them. */
export async function playHouseholds(stage: Stage): Promise<void> {
  const homes = [...new Map([...stage.deps.homeOf.values()].map((home) => [home.id, home])).values()].slice(
    0,
    householdsMax,
  );
  await nameParty(stage);
  await all(homes, (home, place) => settle(stage, home, place));
  const { tell } = stage.deps;
  tell(`${homes.length} households said what their data may be used for; each has the receipt, in their own words.`);
  await tellElsewhere(stage, homes);
  await joinProspect(stage, homes);
}

async function nameParty({ deps: { api } }: Stage): Promise<void> {
  const party = { purpose: "share", party: "hearthstone-energy", partyName: "Hearthstone Energy" };
  const english = {
    locale: "en",
    words: "You may tell Hearthstone Energy when I cook.",
    inReturn: "A tariff that fits.",
  };
  await request(api, "PUT", "/consents/texts", { ...party, ...english });
}

/** Works through a list, some at a time. */
async function all<T>(items: readonly T[], work: (item: T, place: number) => Promise<void>): Promise<void> {
  const waiting = [...items.entries()];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await work(next[1], next[0]);
  };
  await Promise.all(Array.from({ length: requestsMax }, worker));
}

/** What one household agreed to, and how it wants to be reached. */
async function settle({ deps: { api, clocks } }: Stage, { id, locale }: KnownHome, place: number): Promise<void> {
  const path = `/households/${id}/consents`;
  const atMs = clocks.real.nowMs() - 10 * dayMs;
  const words = {
    channel: "app",
    evidence: "Set-up in the app",
    locale: locale.startsWith("de") ? "de" : "en",
    version: 1,
  };
  for (const purpose of choicesOf(place)) await request(api, "POST", path, { ...words, purpose, atMs });
  if (place % 11 === 3) {
    const withdrawal = { purpose: "market", channel: "phone", evidence: `Call ${1_000 + place}` };
    await request(api, "POST", `${path}/withdrawals`, withdrawal);
  }
  if (place % 4 !== 1) return;
  const quiet = { fromMinute: 21 * 60, toMinute: 7 * 60, meanwhile: place % 8 === 1 ? "hold" : "skip" };
  await request(api, "PATCH", `/households/${id}`, {
    channels: { order: ["display", "email"], quiet, perWeekMax: 2 },
  });
}

/** What each household did outside, so many hours ago. */
const doings = [
  { source: "web", type: "recipe.searched", hoursAgo: 70, data: { words: "sourdough" } },
  { source: "app", type: "recipe.saved", hoursAgo: 52, data: { recipe: "Country loaf" } },
  { source: "web", type: "price.checked", hoursAgo: 30, data: { article: "baking-stone" } },
  { source: "shop", type: "cart.added", hoursAgo: 29, data: { article: "baking-stone" } },
  {
    source: "shop",
    type: "order.placed",
    hoursAgo: 28,
    data: { order_id: "118", amount_minor: 3_900, article: "baking-stone" },
  },
  { source: "social", type: "mention.posted", hoursAgo: 6, data: { reach: 240 } },
] as const;

async function tellElsewhere({ deps: { api, clocks, tell } }: Stage, homes: readonly KnownHome[]): Promise<void> {
  const nowMs = clocks.real.nowMs();
  const facts = homes.slice(0, 30).flatMap(({ id }, place) =>
    doings.slice(0, 1 + (place % doings.length)).map(({ source, type, hoursAgo, data }, at) => ({
      householdId: id,
      source,
      id: `demo-${id}-${at}`,
      type,
      atMs: nowMs - (hoursAgo + place) * hourMs,
      data: "order_id" in data ? { ...data, order_id: `2026-${place}` } : data,
    })),
  );
  if (facts.length === 0) return;
  const { items } = outcomes.parse(await request(api, "POST", "/facts", { facts }));
  const taken = items.filter(({ outcome }) => outcome === "accepted").length;
  tell(`The shop, the app and the web site report ${taken} things that households did there; points follow at once.`);
}

/** Somebody looks at prices before they have an oven; one of them calls later and is found to be a household. */
async function joinProspect({ deps: { api, clocks, tell } }: Stage, homes: readonly KnownHome[]): Promise<void> {
  const nowMs = clocks.real.nowMs();
  const facts = ["Jo from the newsletter", "Visitor 2041", "Visitor 2042"].flatMap((name, at) =>
    ["page.viewed", "price.checked"].map((type, step) => ({
      reference: { kind: "shop_customer", value: String(2_040 + at) },
      prospect: { name, locale: "de", timeZone: "Europe/Berlin" },
      source: "shop",
      id: `demo-prospect-${at}-${step}`,
      type,
      atMs: nowMs - (40 - step) * hourMs,
      data: { article: "OX-200" },
    })),
  );
  const { items } = outcomes.parse(await request(api, "POST", "/facts", { facts }));
  const [from, home] = [items[0]?.householdId, homes[0]];
  const curious = items.at(-1)?.householdId;
  // Without that word nothing of what they look at may be reckoned with.
  if (curious !== undefined)
    await request(api, "POST", `/households/${curious}/consents`, {
      purpose: "personalise",
      channel: "web",
      evidence: "The web site's first page",
      locale: "de",
      version: 1,
    });
  if (from === undefined || home === undefined) return;
  await request(api, "POST", `/households/${home.id}/merges`, { from, reason: "They called and named the order" });
  tell(
    `Three people looked at prices who have no appliance; one is found to be the ${home.name} household, and joined.`,
  );
}
