/** Orders that the shop never answered: it may have charged, and is told to cancel them. */
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { SetClock } from "../../test/support/down-road.ts";
import { Kitchen, type Person } from "../../test/support/kitchen.ts";
import { shopSecret, TestShop } from "../../test/support/shop.ts";

const clock = new SetClock();
const hourMs = 3_600_000;
let kitchen: Kitchen;
let shop: TestShop;

beforeAll(async () => {
  shop = await TestShop.open();
  kitchen = await Kitchen.open({ clock, notices: { mail: null, reach: "loopback" } });
  await kitchen.as("admin", "PUT", "/loyalty/shop", { url: shop.url, secret: shopSecret });
  const prices = [{ tier: null, priceMinor: 1_800, reason: "You cook with us" }];
  const filter = { title: "Water filter", article: "F-1", currency: "EUR", listPriceMinor: 2_000, floorMinor: 1_000 };
  await kitchen.as("content", "PUT", "/loyalty/offers/filter", { ...filter, prices, pointsCost: 40 });
});
beforeEach(() => {
  shop.answer = () => 200;
  shop.answerToCancel = () => 200;
  shop.chargesAnyway = false;
  shop.calls.length = 0;
  shop.charged.clear();
  shop.cancelled.clear();
});
afterAll(async () => {
  await kitchen.close();
  await shop.close();
});

type Home = Person & { oven: string; offerId: string };

/** A household that cooked, has an offer, and touched it. */
async function touched(): Promise<Home> {
  const one = await kitchen.newHome("unanswered");
  clock.forward(1_000);
  await kitchen.event(one.oven, "program.finished");
  const asked = { offer: "filter", expiresAtMs: clock.nowMs() + 86_400_000 };
  const { body } = await kitchen.as("content", "POST", `/households/${one.householdId}/offers`, asked);
  await kitchen.call(one.key, "POST", `/my/offers/${body.offerId}/redeem`);
  clock.forward(10_001);
  return { ...one, offerId: body.offerId };
}

const tick = async () => {
  await kitchen.slices.loyalty.offers.tick();
  await kitchen.slices.loyalty.cancellations.tick();
};
async function hours(count: number): Promise<void> {
  for (let hour = 0; hour < count; hour += 1) {
    clock.forward(hourMs);
    await tick();
  }
}
const stateOf = async ({ key, offerId }: Home): Promise<string> =>
  (await kitchen.call(key, "GET", "/my/offers")).body.items.find((item: Home) => item.offerId === offerId).state;
const casesOf = async ({ householdId }: Home) =>
  (await kitchen.as("support", "GET", `/cases?household=${householdId}`)).body.items;
const points = async ({ key }: Home) => (await kitchen.call(key, "GET", "/my/points")).body.balance.active;

test("whoever was charged by a call that was never answered is charged no more: the shop is told to cancel under the same key, until it does", async () => {
  const one = await touched();
  shop.chargesAnyway = true;
  shop.answer = () => 504;
  shop.answerToCancel = () => 503;
  await hours(26);
  expect(await stateOf(one)).toBe("failed");
  expect(await points(one)).toBe(60);
  expect([...shop.charged.keys()]).toEqual([one.offerId]);
  shop.answerToCancel = () => 409;
  await hours(3);
  expect(shop.cancelled.size).toBe(0);
  shop.answerToCancel = () => 200;
  await hours(1);
  expect([[...shop.cancelled], [...shop.charged]]).toEqual([[one.offerId], []]);
  // It is told once, and nobody else has to look.
  shop.cancelled.clear();
  await hours(30);
  expect([...shop.cancelled]).toEqual([]);
  expect(await casesOf(one)).toEqual([]);
  expect((await kitchen.as("viewer", "GET", "/loyalty/check")).body).toMatchObject({ ok: true, broken: [] });
});

test.each([
  ["will not cancel", () => 422, 26],
  ["cannot be told for a day", () => 503, 52],
])("a shop that %s has one person look, once", async (_how, answer, count) => {
  const one = await touched();
  shop.answer = () => 503;
  shop.answerToCancel = answer;
  await hours(count);
  const [found, ...others] = await casesOf(one);
  expect(others).toEqual([]);
  expect(found).toMatchObject({ title: "Was it charged? Water filter", status: "open" });
  const { entries } = (await kitchen.as("support", "GET", `/cases/${found.id}`)).body;
  expect(JSON.stringify(entries)).toContain(one.offerId);
  await hours(30);
  expect(await casesOf(one)).toHaveLength(1);
});

test("two who tell the shop at once, and one who dies before the answer is noted, leave one cancellation and no case", async () => {
  const one = await touched();
  shop.answer = () => 503;
  for (let hour = 0; hour < 26; hour += 1) {
    clock.forward(hourMs);
    await kitchen.slices.loyalty.offers.tick();
  }
  const { cancellations } = kitchen.slices.loyalty;
  let asked = 0;
  shop.answerToCancel = () => {
    asked += 1;
    return 200;
  };
  // Whoever claimed it and died is waited for, and then it is told again under the same key.
  await sql`
    UPDATE loyalty_grant SET cancel_attempts = 1, cancel_next_at_ms = ${clock.nowMs() + 30_000}
    WHERE id = ${one.offerId}`.execute(kitchen.base.db);
  await cancellations.tick();
  expect(asked).toBe(0);
  clock.forward(30_000);
  await Promise.all([cancellations.tick(), cancellations.tick()]);
  expect(asked).toBe(1);
  expect([...shop.cancelled]).toEqual([one.offerId]);
  await hours(30);
  expect(asked).toBe(1);
  expect(await casesOf(one)).toEqual([]);
});

test("a shop that is at the same key still (409) is asked again, and takes the order", async () => {
  const one = await touched();
  shop.answer = () => 409;
  await tick();
  expect(await stateOf(one)).toBe("calling");
  shop.answer = () => 200;
  await hours(1);
  expect(await stateOf(one)).toBe("redeemed");
  expect([...shop.charged]).toEqual([[one.offerId, 1_800]]);
  expect(shop.cancelled.has(one.offerId)).toBe(false);
});

test("an order that the shop refused is not cancelled: it says itself that nothing was charged", async () => {
  const one = await touched();
  shop.answer = () => 402;
  await hours(30);
  expect(await stateOf(one)).toBe("failed");
  expect(shop.cancelled.size).toBe(0);
  expect(await casesOf(one)).toEqual([]);
});
