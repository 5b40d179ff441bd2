import { randomBytes } from "node:crypto";
import { z } from "zod";
import { type Api, request } from "../api.ts";
import { openReceiver } from "./receiver.ts";
import type { Stage } from "./stage.ts";

const dayMs = 86_400_000;
const standing = z.object({
  balance: z.object({ active: z.number() }),
  tier: z.object({ title: z.string(), rank: z.number() }),
});
const made = z.object({ offerId: z.string() });
const grants = z.object({ items: z.array(z.object({ offerId: z.string(), state: z.string() })) });

const readPoints = async (api: Api, householdId: string) =>
  standing.parse(await request(api, "GET", `/households/${householdId}/points`));

/** The maker's shop: it takes every order, and knows it by its key. */
const openShop = async (signal: AbortSignal): Promise<string> => `${await openReceiver(signal, () => 204)}/orders`;

/** What points are good for. */
async function setProgram(api: Api, shopUrl: string): Promise<void> {
  const secret = `whsec_${randomBytes(24).toString("base64")}`;
  await request(api, "PUT", "/loyalty/shop", { url: shopUrl, secret });
  await request(api, "PUT", "/loyalty/rewards/cook_book", {
    title: "Cook book “Slow Sunday”",
    description: "Forty recipes that need little energy.",
    pointsCost: 300,
    stock: 50,
  });
  await request(api, "PUT", "/loyalty/rewards/apron", {
    title: "Linen apron",
    description: "For those who cook a lot.",
    texts: { de: { title: "Leinenschürze", description: "Für alle, die viel kochen." } },
    pointsCost: 800,
    stock: 40,
    tier: "gold",
  });
  await request(api, "PUT", "/loyalty/rules/patience", {
    title: "Told us how it is while we mended it",
    act: { type: "feedback.given" },
    when: "open_cases > 0",
    effects: [{ points: 20 }],
    limit: { kind: "per", period: "month", count: 1 },
  });
  await request(api, "PUT", "/loyalty/offers/baking_stone", {
    title: "Baking stone",
    article: "BS-1",
    currency: "EUR",
    listPriceMinor: 3_990,
    floorMinor: 2_900,
    prices: [{ tier: "silver", priceMinor: 3_490, reason: "You are a silver member" }],
  });
  await request(api, "PUT", "/loyalty/offers/water_filter", {
    title: "Water filter, pack of two",
    article: "WF-2",
    currency: "EUR",
    listPriceMinor: 2_990,
    floorMinor: 1_900,
    prices: [
      { tier: null, priceMinor: 2_690, reason: "You cook with us" },
      { tier: "silver", priceMinor: 2_290, reason: "You are a silver member" },
    ],
  });
}

/** A household that ordered long enough ago for its points to count reaches a tier, redeems a reward, and takes an offer at its oven. */
export async function playPoints(stage: Stage): Promise<void> {
  const { api, fleet, homeOf, clocks, signal, tell } = stage.deps;
  const [oven, other] = stage.ofModel("oven-s80").slice(-2);
  const [home, neighbours] = [homeOf.get(oven?.id ?? ""), homeOf.get(other?.id ?? "")];
  if (oven === undefined || home === undefined || neighbours === undefined) return;
  await setProgram(api, await openShop(signal));
  const nowMs = clocks.real.nowMs();
  const fact = (householdId: string, type: string, daysAgo: number, data: object) => ({
    source: "shop",
    id: `${type}-${householdId}-${daysAgo}`,
    type,
    atMs: nowMs - daysAgo * dayMs,
    householdId,
    data,
  });
  await request(api, "POST", "/facts", {
    facts: [
      fact(home.id, "order.placed", 40, { order_id: "O-2041", amount_minor: 64_900 }),
      fact(home.id, "price.checked", 41, { article: "OX-200" }),
      fact(neighbours.id, "order.placed", 30, { order_id: "O-2077", amount_minor: 38_000 }),
      fact(neighbours.id, "order.returned", 22, { order_id: "O-2077" }),
    ],
  });
  await stage.until(async () => (await readPoints(api, home.id)).tier.rank > 0);
  const { balance, tier } = await readPoints(api, home.id);
  tell(
    `The ${home.name} household is ${tier.title} now, with ${balance.active} points; its neighbours sent an order back, and its points with it.`,
  );
  await request(api, "POST", `/households/${home.id}/redemptions`, { reward: "cook_book" });
  tell(`They redeem 300 points for a cook book.`);
  const expiresAtMs = nowMs + 14 * dayMs;
  const offered = await request(api, "POST", `/households/${home.id}/offers`, { offer: "water_filter", expiresAtMs });
  const { offerId } = made.parse(offered);
  fleet.touchOffer(oven.id, offerId);
  await stage.until(async () => {
    const { items } = grants.parse(await request(api, "GET", "/loyalty/grants"));
    return items.some((one) => one.offerId === offerId && one.state === "redeemed");
  });
  tell(`One touch at ${oven.id} ordered a water filter at their own price; the shop has it after ten seconds.`);
}
