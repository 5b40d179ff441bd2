import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { SetClock } from "../../test/support/down-road.ts";
import { Kitchen, type Person } from "../../test/support/kitchen.ts";
import { until } from "../../test/support/service-process.ts";
import { shopSecret, TestShop } from "../../test/support/shop.ts";
import { type GrantEvent, grantStates, stepGrant } from "./core/grant-life.ts";

const clock = new SetClock();
let kitchen: Kitchen;
let shop: TestShop;
let ovens = 0;

beforeAll(async () => {
  shop = await TestShop.open();
  kitchen = await Kitchen.open({ clock, notices: { mail: null, reach: "loopback" } });
  await kitchen.as("admin", "PUT", "/loyalty/shop", { url: shop.url, secret: shopSecret });
  const filter = {
    title: "Water filter",
    article: "F-1",
    currency: "EUR",
    listPriceMinor: 2_000,
    floorMinor: 1_000,
    prices: [
      { tier: null, priceMinor: 1_800, reason: "You cook with us" },
      { tier: "gold", priceMinor: 1_200, reason: "You are a gold member" },
    ],
    pointsCost: 40,
  };
  await kitchen.as("content", "PUT", "/loyalty/offers/filter", filter);
  await kitchen.as("content", "PUT", "/loyalty/offers/cloth", { ...filter, title: "Cloth", pointsCost: 20 });
});
beforeEach(() => {
  shop.answer = () => 200;
  shop.beforeAnswer = async () => {};
  shop.calls.length = 0;
  shop.charged.clear();
});
afterAll(async () => {
  await kitchen.close();
  await shop.close();
});

interface Home extends Person {
  oven: string;
  offerId: string;
}

/** A household that cooked once, and has an offer. */
async function home(expiresInMs = 86_400_000, offer = "filter", pointsCost = 40): Promise<Home> {
  ovens += 1;
  const oven = `offer-oven-${ovens}`;
  await kitchen.ovens(oven);
  const owner = await kitchen.newOwner(oven);
  clock.forward(1_000);
  await kitchen.event(oven, "program.finished");
  const asked = { offer, expiresAtMs: clock.nowMs() + expiresInMs };
  const { status, body } = await kitchen.as("content", "POST", `/households/${owner.householdId}/offers`, asked);
  expect(status).toBe(201);
  expect(body).toMatchObject({
    listPrice: { amountMinor: 2_000, currency: "EUR" },
    price: { amountMinor: 1_800, currency: "EUR" },
    reason: "You cook with us",
    pointsCost,
  });
  return { ...owner, oven, offerId: body.offerId };
}

const points = async ({ key }: Home) => (await kitchen.call(key, "GET", "/my/points")).body.balance.active;
const grant = async ({ key, offerId }: Home) =>
  (await kitchen.call(key, "GET", "/my/offers")).body.items.find(
    (item: { offerId: string }) => item.offerId === offerId,
  );
const touch = (one: Home, what: "redeem" | "undo") =>
  kitchen.call(one.key, "POST", `/my/offers/${one.offerId}/${what}`);
const tick = () => kitchen.slices.loyalty.offers.tick();
/** The text of the newest message to an oven. */
const saidAt = async (oven: string): Promise<string> => {
  const rows = await kitchen.slices.deliveries.sendable([oven], true, 10);
  const bodies = rows.map(({ body }) => z.object({ text: z.string() }).safeParse(body).data?.text ?? "");
  return bodies.at(-1) ?? "";
};
const expectSound = async () =>
  expect((await kitchen.as("viewer", "GET", "/loyalty/check")).body).toMatchObject({ ok: true, broken: [] });

test("one touch at the oven redeems exactly once, however often it is told and from wherever it comes again", async () => {
  const one = await home();
  const id = randomUUID();
  await kitchen.event(one.oven, "offer.redeemed", { offerId: one.offerId }, { id });
  await kitchen.event(one.oven, "offer.redeemed", { offerId: one.offerId }, { id });
  await kitchen.event(one.oven, "offer.redeemed", { offerId: one.offerId });
  expect((await touch(one, "redeem")).body.code).toBe("offer_already_redeemed");
  expect(await points(one)).toBe(20);
  const [entry] = (await kitchen.call(one.key, "GET", "/my/points/entries")).body.items;
  expect(entry).toMatchObject({ kind: "reservation", title: "Water filter" });
  await tick();
  expect(shop.calls).toEqual([]);
  clock.forward(10_001);
  await tick();
  await tick();
  expect([...shop.charged]).toEqual([[one.offerId, 1_800]]);
  expect(shop.calls).toEqual([one.offerId]);
  expect(await grant(one)).toMatchObject({ state: "redeemed", price: { amountMinor: 1_800 } });
  expect(await points(one)).toBe(20);
  await expectSound();
});

test("of two touches at once from two places one redeems, and the other is told so", async () => {
  const one = await home();
  const answers = await Promise.all([touch(one, "redeem"), touch(one, "redeem"), touch(one, "redeem")]);
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409, 409]);
  expect(await points(one)).toBe(20);
  clock.forward(10_001);
  await Promise.all([tick(), tick()]);
  expect(shop.calls).toEqual([one.offerId]);
  await expectSound();
});

test("the oven and the app redeem the same offer at the same time: one touch counts, one order is charged, and the points are right", async () => {
  const place = fc.constantFrom("oven", "the same touch again", "app");
  const outside = await kitchen.base.database.connect();
  const held = async () => {
    const { rows } = await outside.query<{ n: number }>(`
      SELECT count(*)::int AS n FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()`);
    return rows[0]?.n ?? 0;
  };
  await fc.assert(
    fc.asyncProperty(fc.array(place, { maxLength: 3 }), fc.boolean(), async (others, isOvenFirst) => {
      // Its points would do for two.
      const one = await home(86_400_000, "cloth", 20);
      const id = randomUUID();
      const atOven = (touchId: string) =>
        kitchen.event(one.oven, "offer.redeemed", { offerId: one.offerId }, { id: touchId });
      const answers: number[] = [];
      const make = {
        oven: () => atOven(randomUUID()),
        "the same touch again": () => atOven(id),
        async app() {
          answers.push((await touch(one, "redeem")).status);
        },
      };
      const places = [...(isOvenFirst ? (["oven", "app"] as const) : (["app", "oven"] as const)), ...others];
      // The first two are under way before either gets the household's points.
      await outside.query("BEGIN");
      await outside.query("SELECT 1 FROM ledger_account WHERE household_id = $1 FOR UPDATE", [one.householdId]);
      const touches = Promise.all(places.map((where) => make[where]()));
      await until("the oven and the app wait for one another", async () => (await held()) >= 2);
      await outside.query("ROLLBACK");
      await touches;
      const won = answers.filter((status) => status === 200).length;
      expect(answers.filter((status) => status !== 200 && status !== 409)).toEqual([]);
      const { rows } = await sql<{ at_oven: boolean }>`
        SELECT device_key IS NOT NULL AS at_oven FROM loyalty_grant WHERE id = ${one.offerId}`.execute(kitchen.base.db);
      expect(won).toBe(rows[0]?.at_oven === true ? 0 : 1);
      expect(await points(one)).toBe(40);
      shop.calls.length = 0;
      shop.charged.clear();
      clock.forward(10_001);
      await Promise.all([tick(), tick()]);
      await tick();
      expect([...shop.charged]).toEqual([[one.offerId, 1_800]]);
      expect(shop.calls).toEqual([one.offerId]);
      expect(await grant(one)).toMatchObject({ state: "redeemed" });
      expect(await points(one)).toBe(40);
      await expectSound();
    }),
    { numRuns: 8 },
  );
  await outside.end();
});

test("within ten seconds a touch is taken back: the points are back, and the shop hears nothing", async () => {
  const one = await home();
  const id = randomUUID();
  await kitchen.event(one.oven, "offer.redeemed", { offerId: one.offerId }, { id });
  clock.forward(9_999);
  expect((await touch(one, "undo")).body).toMatchObject({ state: "granted", undoUntilMs: null });
  expect(await points(one)).toBe(60);
  clock.forward(60_000);
  await tick();
  expect(shop.calls).toEqual([]);
  // A new touch counts anew, and is too old to take back after its own ten seconds.
  expect((await touch(one, "redeem")).status).toBe(200);
  clock.forward(10_000);
  expect((await touch(one, "undo")).body.code).toBe("too_late_to_undo");
  await tick();
  expect([...shop.charged.keys()]).toEqual([one.offerId]);
  expect((await touch(one, "undo")).body.code).toBe("too_late_to_undo");
  expect(await points(one)).toBe(20);
  await expectSound();
});

test("a shop that refuses for good gives the points back, with the expiry that they had, and the owner is told at the oven", async () => {
  const one = await home();
  const lots = async () =>
    (await kitchen.as("viewer", "GET", `/households/${one.householdId}/points`)).body.lots as { expiresAtMs: number }[];
  const before = await lots();
  shop.answer = () => 402;
  expect((await touch(one, "redeem")).status).toBe(200);
  clock.forward(10_001);
  await tick();
  expect(shop.calls).toEqual([one.offerId]);
  expect(shop.charged.size).toBe(0);
  expect(await grant(one)).toMatchObject({ state: "failed", detail: "HTTP 402" });
  expect(await points(one)).toBe(60);
  expect(await lots()).toEqual(before);
  const deliveries = (await kitchen.as("viewer", "GET", `/deliveries?device=${one.oven}`)).body.items;
  expect(deliveries).toMatchObject([{ kind: "message", label: "Your order did not work" }]);
  expect(await saidAt(one.oven)).toContain("Nothing was charged. Your points are back.");
  expect((await touch(one, "redeem")).body.code).toBe("offer_failed");
  await expectSound();
});

test("a shop that is away is asked again under the same key, and after a day the points are back", async () => {
  const [patient, unlucky] = [await home(), await home()];
  shop.answer = () => 503;
  await touch(patient, "redeem");
  clock.forward(10_001);
  await tick();
  expect(await grant(patient)).toMatchObject({ state: "calling", detail: "HTTP 503" });
  shop.answer = () => 200;
  clock.forward(60_000);
  await tick();
  expect(await grant(patient)).toMatchObject({ state: "redeemed", attempts: 2 });
  expect([...shop.charged.keys()]).toEqual([patient.offerId]);

  shop.answer = () => 503;
  await touch(unlucky, "redeem");
  for (let hour = 0; hour < 26; hour += 1) {
    clock.forward(3_600_000);
    await tick();
  }
  expect(await grant(unlucky)).toMatchObject({ state: "failed" });
  expect(await points(unlucky)).toBe(60);
  // Nobody knows whether it was charged: nothing is said that may be untrue.
  const said = await saidAt(unlucky.oven);
  expect(said).toContain("The shop has not answered your order");
  expect(said).toContain("Your points are back.");
  expect(said).not.toContain("Nothing was charged");
  await expectSound();
});

test("a crash between the shop's answer and the commit: charged once, and the points are right", async () => {
  const one = await home();
  await touch(one, "redeem");
  clock.forward(10_001);
  const outside = await kitchen.base.database.connect();
  const waiting = `
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()`;
  // The shop has charged. What would record it waits for a lock, and its connection is killed there.
  shop.beforeAnswer = async () => {
    await outside.query("BEGIN");
    await outside.query("SELECT 1 FROM loyalty_grant WHERE id = $1 FOR UPDATE", [one.offerId]);
  };
  const crashed = tick().then(
    () => "survived",
    () => "crashed",
  );
  for (;;) {
    const { rows } = await outside.query<{ pid: number }>(waiting);
    const [blocked] = rows;
    if (blocked === undefined) {
      await new Promise((done) => setTimeout(done, 20));
      continue;
    }
    await outside.query("SELECT pg_terminate_backend($1)", [blocked.pid]);
    break;
  }
  expect(await crashed).toBe("crashed");
  await outside.query("ROLLBACK");
  await outside.end();
  expect([...shop.charged]).toEqual([[one.offerId, 1_800]]);
  expect(await grant(one)).toMatchObject({ state: "calling" });
  expect((await touch(one, "undo")).body.code).toBe("too_late_to_undo");

  shop.beforeAnswer = async () => {};
  clock.forward(60_000);
  await tick();
  expect(shop.calls).toEqual([one.offerId, one.offerId]);
  expect([...shop.charged]).toEqual([[one.offerId, 1_800]]);
  expect(await grant(one)).toMatchObject({ state: "redeemed" });
  expect(await points(one)).toBe(20);
  const { rows } = await sql`SELECT 1 FROM ledger_transfer WHERE cause = ${one.offerId} AND kind = 'spending'`.execute(
    kitchen.base.db,
  );
  expect(rows.length).toBeGreaterThan(0);
  await expectSound();
});

test("what an oven that was offline tells late counts by its own time, and after its end an offer is closed", async () => {
  const [closed, late] = [await home(1_000), await home(1_000)];
  const touchedMs = clock.nowMs();
  clock.forward(3_600_000);
  await tick();
  await kitchen.event(late.oven, "offer.redeemed", { offerId: late.offerId }, { atMs: touchedMs });
  expect(await grant(late)).toMatchObject({ state: "redeeming", redeemedAtMs: touchedMs });
  expect((await touch(closed, "redeem")).body.code).toBe("offer_expired");
  clock.forward(8 * 86_400_000);
  await tick();
  expect(await grant(closed)).toMatchObject({ state: "expired" });
});

test("a shop or a site that reports a touch orders nothing: it is made at the appliance, or by its people", async () => {
  const one = await home();
  for (const [at, source] of ["shop", "web", "app"].entries()) {
    const fact = { source, id: `touch-${at}-${one.offerId}`, householdId: one.householdId, atMs: clock.nowMs() };
    const facts = [{ ...fact, type: "offer.redeemed", data: { offerId: one.offerId } }];
    expect((await kitchen.as("facts", "POST", "/facts", { facts })).body.items).toMatchObject([
      { outcome: "accepted" },
    ]);
  }
  expect(await grant(one)).toMatchObject({ state: "granted" });
  await touch(one, "redeem");
  const undo = { source: "shop", id: `undo-${one.offerId}`, householdId: one.householdId, atMs: clock.nowMs() };
  await kitchen.as("facts", "POST", "/facts", {
    facts: [{ ...undo, type: "offer.undone", data: { offerId: one.offerId } }],
  });
  expect(await grant(one)).toMatchObject({ state: "redeeming" });
});

test("whoever has too few points or another household's offer redeems nothing", async () => {
  const [poor, rich] = [await home(), await home()];
  await kitchen.as("content", "PUT", "/loyalty/rewards/mitts", { title: "Oven mitts", pointsCost: 30 });
  expect((await kitchen.call(poor.key, "POST", "/my/redemptions", { reward: "mitts" })).status).toBe(201);
  expect((await touch(poor, "redeem")).body.code).toBe("exceeds_balance");
  await kitchen.event(poor.oven, "offer.redeemed", { offerId: rich.offerId });
  expect(await grant(rich)).toMatchObject({ state: "granted" });
});

const prices = (priceMinor: number, tier: string | null = null) => ({ prices: [{ tier, priceMinor, reason: "R" }] });

test("an offer below its floor, above its list price or for a tier of nowhere is refused by name", async () => {
  const base = { title: "F", article: "F", currency: "EUR", listPriceMinor: 2_000, floorMinor: 1_000 };
  const put = async (more: object) =>
    (await kitchen.as("content", "PUT", "/loyalty/offers/odd", { ...base, ...more })).body;
  expect(await put({ listPriceMinor: 999 })).toMatchObject({ code: "offer_below_floor" });
  expect(await put(prices(999))).toMatchObject({
    code: "offer_below_floor",
    detail: "prices.0.priceMinor: 999 is below the floor of 1000.",
  });
  expect(await put(prices(2_001))).toMatchObject({ code: "offer_above_list_price" });
  expect(await put(prices(1_500, "nowhere"))).toMatchObject({ code: "offer_tier_unknown" });
});

test("an offer is made within its time alone, and none of those made outlasts it; the same definition again is no new version", async () => {
  const one = await home();
  const nowMs = kitchen.clock.nowMs();
  const base = { title: "Stone", article: "S", currency: "EUR", listPriceMinor: 2_000, floorMinor: 1_000 };
  const put = async (more: object) =>
    (await kitchen.as("content", "PUT", "/loyalty/offers/stone", { ...base, ...more })).body;
  const make = async (expiresAtMs: number) =>
    (await kitchen.as("content", "POST", `/households/${one.householdId}/offers`, { offer: "stone", expiresAtMs }))
      .body;
  expect(await put({ fromMs: nowMs + 10, untilMs: nowMs + 10 })).toMatchObject({ code: "invalid_request" });
  expect(await put({ fromMs: nowMs + 60_000, untilMs: nowMs + 120_000 })).toMatchObject({ version: 1 });
  expect(await put({ untilMs: nowMs + 120_000, fromMs: nowMs + 60_000 })).toMatchObject({ version: 1 });
  expect(await make(nowMs + 3_600_000)).toMatchObject({ code: "offer_not_in_force" });
  clock.forward(60_000);
  const { offerId } = await make(nowMs + 3_600_000);
  expect(await grant({ ...one, offerId })).toMatchObject({ expiresAtMs: nowMs + 120_000 });
  clock.forward(60_000);
  expect(await make(nowMs + 3_600_000)).toMatchObject({ code: "offer_not_in_force" });
});

test("households read tiers and rewards in their language, or in the one that is always there", async () => {
  const one = await home();
  const program = (await kitchen.as("viewer", "GET", "/loyalty/program")).body.definition;
  const [base, ...others] = program.tiers;
  const tiers = [{ ...base, names: { de: "Mitglied", fr: "Membre" } }, ...others];
  expect((await kitchen.as("content", "PUT", "/loyalty/program", { ...program, tiers })).status).toBe(200);
  const texts = { fr: { title: "Gants de four", description: "Chauds" } };
  const reward = { title: "Gloves", description: "Warm", pointsCost: 3, kind: "product", texts };
  expect((await kitchen.as("content", "PUT", "/loyalty/rewards/gloves", reward)).status).toBe(200);
  const read = async (locale: string) => {
    await kitchen.as("admin", "PATCH", `/households/${one.householdId}`, { locale });
    const gloves = (await kitchen.call(one.key, "GET", "/my/rewards")).body.items.find(
      ({ key }: { key: string }) => key === "gloves",
    );
    return [(await kitchen.call(one.key, "GET", "/my/points")).body.tier.title, gloves.title, gloves.description];
  };
  expect(await read("fr-CH")).toEqual(["Membre", "Gants de four", "Chauds"]);
  expect(await read("de-AT")).toEqual(["Mitglied", "Gloves", "Warm"]);
  expect(await read("en-GB")).toEqual([base.title, "Gloves", "Warm"]);
});

const shopAt = async (url: string) =>
  (await kitchen.as("admin", "PUT", "/loyalty/shop", { url, secret: shopSecret })).body;

test("the shop's address leads to the public, and never down into the house", async () => {
  // What is wrong is said at the field, and a private address by its name.
  expect(await shopAt("https://10.0.0.1/x")).toMatchObject({
    code: "shop_address_private",
    errors: [{ pointer: "/body/url", message: "10.0.0.1 is not in the internet" }],
  });
  expect(await shopAt("https://somebody@shop.example/")).toMatchObject({
    code: "shop_address_invalid",
    errors: [{ pointer: "/body/url", message: "must be an https address without user name, password or fragment" }],
  });
});

test("whatever happens in whichever order, an offer is ordered at most once and never leaves its end", () => {
  const events: GrantEvent[] = ["redeem", "undo", "call", "took", "refuse", "expire"];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...events), { maxLength: 40 }), (sequence) => {
      let state: (typeof grantStates)[number] = "granted";
      let ended = 0;
      let open = 0;
      for (const event of sequence) {
        const outcome = stepGrant(state, event);
        if (outcome.kind === "refused") continue;
        if (event === "redeem") open += 1;
        if (event === "undo") open -= 1;
        if (["redeemed", "failed", "expired"].includes(outcome.to)) ended += 1;
        ({ to: state } = outcome);
        expect(open).toBeLessThanOrEqual(1);
        expect(ended).toBeLessThanOrEqual(1);
      }
    }),
  );
});

test("an offer says its title and its reason in the household's language, by the chain that items of content have, whatever it reads later", async () => {
  const soap = {
    title: "Soap",
    article: "S-1",
    currency: "EUR",
    listPriceMinor: 900,
    floorMinor: 500,
    prices: [{ tier: null, priceMinor: 700, reason: "You wash a lot" }],
    texts: {
      de: { title: "Seife", reasons: ["Sie spülen viel"] },
      "pt-BR": { title: "Sabão", reasons: ["Você lava muito"] },
    },
  };
  const put = (more: object) => kitchen.as("content", "PUT", "/loyalty/offers/soap", { ...soap, ...more });
  // Half a translation is none.
  expect((await put({ texts: { de: { title: "Seife", reasons: [] } } })).body).toMatchObject({
    code: "invalid_request",
    errors: [{ pointer: "/body/texts/de/reasons" }],
  });
  expect((await put({ locale: "de" })).body).toMatchObject({ errors: [{ pointer: "/body/texts/de" }] });
  expect((await put({})).status).toBe(200);
  const one = await home();
  const reads = async (locale: string) => {
    await kitchen.call(one.key, "PATCH", "/my/household", { locale });
    const asked = { offer: "soap", expiresAtMs: clock.nowMs() + 86_400_000 };
    const { body } = await kitchen.as("content", "POST", `/households/${one.householdId}/offers`, asked);
    const { items } = (await kitchen.call(one.key, "GET", "/my/offers")).body;
    const found = items.find(({ offerId }: { offerId: string }) => offerId === body.offerId);
    expect(found.reason).toBe(body.reason);
    return [found.title, found.reason];
  };
  expect(await reads("de-AT")).toEqual(["Seife", "Sie spülen viel"]);
  expect(await reads("pt-PT")).toEqual(["Sabão", "Você lava muito"]);
  expect(await reads("fr")).toEqual(["Soap", "You wash a lot"]);
  // The older ones are in the new language too, and the shop's failure is told in it.
  const { items } = (await kitchen.call(one.key, "GET", "/my/offers")).body;
  expect(
    items.filter(({ offer }: { offer: string }) => offer === "soap").map(({ title }: { title: string }) => title),
  ).toEqual(["Soap", "Soap", "Soap"]);
  await kitchen.call(one.key, "PATCH", "/my/household", { locale: "de" });
  shop.answer = () => 410;
  await touch({ ...one, offerId: items[0].offerId }, "redeem");
  clock.forward(11_000);
  await tick();
  expect(await saidAt(one.oven)).toContain("„Seife“");
  // Its author sees who reads what.
  const { markets } = (await kitchen.as("content", "POST", "/loyalty/offers/markets", soap)).body;
  expect(markets).toContainEqual({ locale: "pt-BR", models: [], reads: "pt-BR", because: "own" });
  expect(markets).toContainEqual({ locale: "en", models: ["oven"], reads: "en", because: "own" });
});

test("a shop's key that is no base64 could sign nothing: it is refused at its field", async () => {
  const put = async (secret: string) =>
    (await kitchen.as("admin", "PUT", "/loyalty/shop", { url: shop.url, secret })).body;
  const message = "must be `whsec_` and a key of 24 to 96 bytes in base64";
  for (const key of [
    "=".repeat(32),
    "A".repeat(33),
    `${"A".repeat(34)}B=`,
    "A".repeat(28),
    "A".repeat(132),
    "ä".repeat(32),
  ])
    expect(await put(`whsec_${key}`), key).toMatchObject({ errors: [{ pointer: "/body/secret", message }] });
  expect(await put(shopSecret)).toMatchObject({ url: shop.url });
});
