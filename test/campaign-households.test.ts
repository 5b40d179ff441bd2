/** Campaigns from a segment's households to what the shop charged, and households that become one and two again while campaigns run. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { holdoutDraw, quarterOf } from "../cloud/engagement/core/holdout.ts";
import { CampaignKitchen, dayMs } from "./support/campaign-kitchen.ts";
import { SetClock } from "./support/down-road.ts";
import { Kitchen, type KitchenAnswer, type Person } from "./support/kitchen.ts";
import { Mailbox } from "./support/mailbox.ts";
import { shopSecret, TestShop } from "./support/shop.ts";

const clock = new SetClock();
let kitchen: Kitchen;
let stage: CampaignKitchen;
let mailbox: Mailbox;
let shop: TestShop;
let homes = 0;

beforeAll(async () => {
  mailbox = await Mailbox.open();
  shop = await TestShop.open();
  const notices = { mail: { url: mailbox.url, from: "hearth@maker.example" }, reach: "loopback" as const };
  kitchen = await Kitchen.open({ clock, notices });
  stage = new CampaignKitchen(kitchen);
  await kitchen.as("admin", "PUT", "/loyalty/shop", { url: shop.url, secret: shopSecret });
});
afterAll(async () => {
  await kitchen.close();
  await mailbox.close();
  await shop.close();
});
beforeEach(async () => {
  await stage.policy();
  mailbox.got.length = 0;
});

const ok = ({ status, body }: KitchenAnswer): KitchenAnswer["body"] => {
  if (status >= 300) throw new Error(`${status} ${JSON.stringify(body)}`);
  return body;
};

/** Written, handed in, approved by somebody else, and out. */
async function written(draft: object): Promise<string> {
  const { id } = ok(await kitchen.as("content", "POST", "/content/items", draft));
  ok(await kitchen.as("content", "POST", `/content/items/${id}/submit`, {}));
  ok(await kitchen.as("admin", "POST", `/content/items/${id}/approve`, {}));
  ok(await kitchen.as("content", "POST", `/content/items/${id}/schedule`, {}));
  return id;
}
const message = (title: string, more: object = {}) =>
  written({ kind: "message", class: "promotional", locales: { en: { title, text: `${title}.` } }, ...more });

/** A segment of whoever speaks a language, as marketing does not make them: each test has its own. */
async function segmentOf(language: string, more = ""): Promise<string> {
  const id = `speaks-${language}`;
  const body = { title: `Speaks ${language}`, description: "", expression: `language == "${language}"${more}` };
  ok(await kitchen.as("content", "PUT", `/segments/${id}`, body));
  await kitchen.slices.segments.tick();
  return id;
}

async function owner(language: string, agrees: readonly string[] = ["market"]): Promise<Person & { oven: string }> {
  homes += 1;
  const oven = `H${String(homes).padStart(4, "0")}`;
  const person = await stage.household(oven, agrees);
  ok(await kitchen.call(person.key, "PATCH", "/my/household", { locale: language }));
  return { ...person, oven };
}

/** Somebody without an appliance, who agreed to marketing and is written to. */
async function prospect(language: string, channels: object = {}): Promise<{ householdId: string; email: string }> {
  homes += 1;
  const email = `prospect-${homes}@example.com`;
  const home = { name: `Prospect ${homes}`, locale: language, timeZone: "Europe/Berlin" };
  const { id } = ok(await kitchen.as("support", "POST", "/households", home));
  ok(await kitchen.as("support", "POST", `/households/${id}/members`, { name: "Pia", email }));
  const order = { order: ["email"], quiet: null, perWeekMax: null, ...channels };
  ok(await kitchen.as("support", "PATCH", `/households/${id}`, { channels: order }));
  const version = await stage.textOf("market");
  const said = { purpose: "market", channel: "app", evidence: "Signed up", locale: "en", version };
  ok(await kitchen.as("support", "POST", `/households/${id}/consents`, said));
  return { householdId: id, email };
}
const campaign = (segmentId: string, itemIds: string[], more: object = {}) => ({
  kind: "campaign",
  name: `For ${segmentId}`,
  audience: { kind: "segment", segmentId },
  itemIds,
  bestHour: false,
  expiresAtMs: clock.nowMs() + 30 * dayMs,
  ...more,
});
/** Whether a household is held out this quarter. */
const isDrawn = ({ householdId }: { householdId: string }): boolean =>
  holdoutDraw(quarterOf(clock.nowMs()), householdId) < 0.15;

/** Goes on for a minute, after which who came into the audience meanwhile is looked for. */
async function goOn(ms = 60_000): Promise<void> {
  clock.forward(ms);
  await kitchen.slices.segments.tick();
  await stage.tick();
  await kitchen.slices.engagement.tickLetters();
}
async function start(body: object): Promise<string> {
  const id = await stage.run({ ...body });
  await goOn(0);
  return id;
}
const merge = async (from: string, into: string): Promise<string> =>
  ok(await kitchen.as("support", "POST", `/households/${into}/merges`, { from, reason: "They called" })).id;
const unmerge = async (id: string) =>
  ok(await kitchen.as("support", "POST", `/households/merges/${id}/undo`, { reason: "They are two" }));
const answersOf = async (householdId: string): Promise<string[]> =>
  (await stage.decisionsOf({ householdId })).map(
    ({ title, answer, reason }: { title: string; answer: string; reason: string | null }) =>
      `${title}: ${reason ?? answer}`,
  );

test("a campaign is for who is in its segment, and for who comes into it while it runs", async () => {
  const segment = await segmentOf("sv", " && programs >= 2");
  const [cook, beginner, german] = [
    await owner("sv", ["market", "personalise"]),
    await owner("sv", ["market", "personalise"]),
    await owner("de", ["market", "personalise"]),
  ];
  for (const { oven } of [cook, cook, german, german]) await kitchen.event(oven, "program.finished", {});
  const id = await start(campaign(segment, [await message("Cardamom buns")]));
  expect((await stage.read(id)).funnel).toMatchObject({ members: 1, decided: 1, queued: 1 });
  expect(await stage.inbox(cook.oven)).toMatchObject([{ label: "Cardamom buns" }]);
  for (const _ of [1, 2]) await kitchen.event(beginner.oven, "program.finished", {});
  await goOn();
  expect((await stage.read(id)).funnel).toMatchObject({ members: 2, decided: 2, queued: 2 });
  expect(await stage.inbox(beginner.oven)).toMatchObject([{ label: "Cardamom buns" }]);
  expect(await stage.inbox(german.oven)).toEqual([]);
});

test("an offer that a campaign sent is redeemed at the oven, charged once, and counted as the goal; so is what the hold-out buys by itself", async () => {
  const offer = {
    title: "Baking stone",
    article: "S-1",
    currency: "EUR",
    listPriceMinor: 3_000,
    floorMinor: 1_000,
    prices: [{ tier: null, priceMinor: 2_500, reason: "You bake bread" }],
    pointsCost: 10,
  };
  ok(await kitchen.as("content", "PUT", "/loyalty/offers/stone", offer));
  const item = await written({
    kind: "offer",
    offerKey: "stone",
    locales: { en: { title: "A stone for bread", text: "Crisp crusts." } },
  });
  await stage.policy({ holdoutShare: 0.15 });
  const segment = await segmentOf("fi");
  const people: (Person & { oven: string })[] = [];
  // The draw is by household and quarter, so that it is known beforehand who will be held out: made until there are some of either.
  while (people.length < 3 || people.every(isDrawn)) people.push(await owner("fi"));
  while (!people.some(isDrawn)) people.push(await owner("fi"));
  const goal = { event: "offer.redeemed", withinDays: 7 };
  const id = await start(campaign(segment, [item], { goal }));
  const { funnel } = await stage.read(id);
  expect(funnel).toMatchObject({ members: people.length, decided: people.length });
  expect(funnel.queued).toBe(funnel.arms.treated.households);
  const treated: (Person & { oven: string })[] = [];
  const heldOut: (Person & { oven: string })[] = [];
  for (const one of people) ((await stage.inbox(one.oven)).length === 0 ? heldOut : treated).push(one);
  expect([treated.length, heldOut.length]).toEqual([funnel.arms.treated.households, funnel.arms.held_out.households]);
  const [buyer] = treated;
  if (buyer === undefined) throw new Error("somebody gets it");
  const [delivery] = await stage.inbox(buyer.oven);
  const [granted] = ok(await kitchen.call(buyer.key, "GET", "/my/offers")).items;
  expect(granted).toMatchObject({ price: { amountMinor: 2_500 }, reason: "You bake bread", state: "granted" });
  await stage.receipt(buyer.oven, delivery.id, "shown", "acted");
  await kitchen.event(buyer.oven, "program.finished", {});
  const touch = { id: randomUUID() };
  for (const _ of [1, 2]) await kitchen.event(buyer.oven, "offer.redeemed", { offerId: granted.offerId }, touch);
  clock.forward(10_001);
  await kitchen.slices.loyalty.offers.tick();
  expect([...shop.charged]).toEqual([[granted.offerId, 2_500]]);
  for (const { oven } of heldOut) await kitchen.event(oven, "offer.redeemed", { offerId: randomUUID() });
  expect((await stage.read(id)).funnel).toMatchObject({
    shown: 1,
    acted: 1,
    arms: {
      treated: { households: treated.length, reached: 1 },
      held_out: { households: heldOut.length, reached: heldOut.length },
    },
  });
});

test("who was written to as a prospect gets nothing of the campaign again as an owner, and two again are asked each by itself", async () => {
  const segment = await segmentOf("da");
  const early = await prospect("da");
  const id = await start(campaign(segment, [await message("Rye bread")]));
  expect(mailbox.got.map(({ to }) => to)).toEqual([early.email]);
  const late = await owner("da");
  const mergeId = await merge(early.householdId, late.householdId);
  await goOn();
  await goOn();
  expect(await answersOf(late.householdId)).toEqual(["Rye bread: send"]);
  expect([await stage.inbox(late.oven), mailbox.got.length]).toEqual([[], 1]);
  expect((await stage.read(id)).funnel).toMatchObject({ members: 1, decided: 1, sent: 1 });
  await unmerge(mergeId);
  await goOn();
  expect(await answersOf(early.householdId)).toEqual(["Rye bread: send"]);
  // The owner never had it: it was the other one's.
  expect(await stage.inbox(late.oven)).toHaveLength(1);
  expect([await answersOf(late.householdId), mailbox.got.length]).toEqual([["Rye bread: send"], 1]);
});

test("what waits for a prospect when it becomes part of a household that has it already goes no more", async () => {
  const segment = await segmentOf("nb");
  const quiet = { fromMinute: 0, toMinute: 1_439, meanwhile: "hold" };
  const [waiting, has] = [await prospect("nb", { quiet }), await owner("nb")];
  const id = await start(campaign(segment, [await message("Lefse")]));
  expect(await answersOf(waiting.householdId)).toEqual(["Lefse: quiet_hours"]);
  await merge(waiting.householdId, has.householdId);
  await goOn(2 * dayMs);
  expect([await stage.inbox(has.oven), mailbox.got]).toMatchObject([[{ label: "Lefse" }], []]);
  expect((await stage.read(id)).funnel).toMatchObject({
    members: 1,
    decided: 1,
    queued: 1,
    waiting: {},
    suppressed: {},
  });
});

test("two that are one have one arm, that of what went out, and count once; two again, each has its own and what waited for it", async () => {
  const segment = await segmentOf("is");
  const [told, waiting] = [await prospect("is"), await owner("is")];
  const quiet = { fromMinute: 0, toMinute: 1_439, meanwhile: "hold" };
  const order = { order: ["display"], quiet, perWeekMax: null };
  ok(await kitchen.call(waiting.key, "PATCH", "/my/household", { channels: order }));
  const id = await start(campaign(segment, [await message("Skyr")]));
  const apart = { members: 2, decided: 2, queued: 1, sent: 1, waiting: { quiet_hours: 1 } };
  const { funnel: before } = await stage.read(id);
  expect(before).toMatchObject(apart);
  const mergeId = await merge(told.householdId, waiting.householdId);
  await goOn();
  const one = { members: 1, decided: 1, queued: 1, sent: 1, waiting: {}, suppressed: {} };
  expect((await stage.read(id)).funnel).toMatchObject({ ...one, arms: { treated: { households: 1 } } });
  expect(await answersOf(waiting.householdId)).toEqual(["Skyr: send"]);
  await unmerge(mergeId);
  expect((await stage.read(id)).funnel).toEqual(before);
  expect([await answersOf(told.householdId), await answersOf(waiting.householdId)]).toEqual([
    ["Skyr: send"],
    ["Skyr: quiet_hours"],
  ]);
  // Joined again for good: what waited never goes to who has it already.
  await merge(told.householdId, waiting.householdId);
  await goOn(2 * dayMs);
  expect([await stage.inbox(waiting.oven), mailbox.got.length]).toEqual([[], 1]);
});

test("what waits is sent to the household that both have become, and stays with it when they are two again", async () => {
  const segment = await segmentOf("pl");
  const quiet = { fromMinute: 0, toMinute: 1_439, meanwhile: "hold" };
  const waiting = await prospect("pl", { quiet });
  await start(campaign(segment, [await message("Pierogi")]));
  const into = await owner("pl");
  const mergeId = await merge(waiting.householdId, into.householdId);
  await goOn(2 * dayMs);
  expect(await stage.inbox(into.oven)).toMatchObject([{ label: "Pierogi" }]);
  await unmerge(mergeId);
  await goOn();
  expect(await stage.inbox(into.oven)).toHaveLength(1);
  expect([await answersOf(into.householdId), await answersOf(waiting.householdId)]).toEqual([
    ["Pierogi: send"],
    ["Pierogi: quiet_hours"],
  ]);
});

test("caps count what both had, and each has its own count again when they are two", async () => {
  const segment = await segmentOf("nl");
  const known = await prospect("nl");
  await start(campaign(segment, [await message("Stamppot")]));
  expect(mailbox.got).toHaveLength(1);
  const into = await owner("nl");
  const mergeId = await merge(known.householdId, into.householdId);
  await stage.policy({ caps: [{ days: 7, max: 1, classes: ["promotional"] }] });
  await start(campaign(segment, [await message("Erwtensoep")]));
  expect(await answersOf(into.householdId)).toEqual(["Erwtensoep: capped", "Stamppot: send"]);
  await unmerge(mergeId);
  await start(campaign(await segmentOf("nl"), [await message("Poffertjes")]));
  const last = async (householdId: string) => (await answersOf(householdId)).filter((line) => line.startsWith("Poff"));
  expect(await last(known.householdId)).toEqual(["Poffertjes: capped"]);
});

const isHeldOut = async (householdId: string) => (await answersOf(householdId)).includes("Kringle: held_out");

test("who is held out of a campaign stays so as part of another household, and as one of its own again", async () => {
  const segment = await segmentOf("et");
  const item = await message("Kringle");
  await stage.policy({ holdoutShare: 0.15 });
  const prospects: { householdId: string; email: string }[] = [];
  while (prospects.filter(isDrawn).length < 2) prospects.push(await prospect("et"));
  const id = await start(campaign(segment, [item], { goal: { event: "program.finished", withinDays: 7 } }));
  const heldOut = prospects.filter(isDrawn);
  const { held_out: arm } = (await stage.read(id)).funnel.arms;
  expect(arm.households).toBe(heldOut.length);
  for (const { householdId, email } of heldOut) {
    const into = await owner("et");
    const mergeId = await merge(householdId, into.householdId);
    await goOn();
    expect([await isHeldOut(into.householdId), await stage.inbox(into.oven)]).toEqual([true, []]);
    expect(mailbox.got.map(({ to }) => to)).not.toContain(email);
    // What it does as one household counts in the arm that it was drawn into.
    await kitchen.event(into.oven, "program.finished", {});
    await unmerge(mergeId);
    expect(await isHeldOut(householdId)).toBe(true);
  }
  expect((await stage.read(id)).funnel.arms.held_out).toMatchObject({ reached: arm.households });
});
