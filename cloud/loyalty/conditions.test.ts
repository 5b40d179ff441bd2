/** Earning conditions over what is known of a household: by the profile that segments see, once for each act. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Kitchen } from "../../test/support/kitchen.ts";
import type { HouseholdAct } from "../households/households.ts";

let kitchen: Kitchen;
beforeAll(async () => {
  kitchen = await Kitchen.open();
});
afterAll(() => kitchen.close());

const home = async (locale = "de-AT"): Promise<string> =>
  (await kitchen.as("admin", "POST", "/households", { name: "Huber", locale, timeZone: "Europe/Berlin" })).body.id;
const fact = (householdId: string, type: string, data: object = {}) => ({
  source: "shop",
  id: randomUUID(),
  type,
  atMs: kitchen.clock.nowMs(),
  data,
  householdId,
});
const send = async (...facts: object[]) => (await kitchen.as("facts", "POST", "/facts", { facts })).body.items;
const points = async (id: string) => (await kitchen.as("viewer", "GET", `/households/${id}/balance`)).body.active;
const base = { title: "Guests", act: { type: "guest.invited" }, effects: [{ points: 5 }] };
const limit = { kind: "per", period: "day", count: 50 };
const put = (definition: object, key = "guests") => kitchen.as("content", "PUT", `/loyalty/rules/${key}`, definition);
const dryRun = async (definition: object) =>
  (await kitchen.as("content", "POST", "/loyalty/rules/dry-run", { definition, days: 30 })).body;

const check = async (when: string, facts: object = {}) =>
  (await kitchen.as("content", "POST", "/loyalty/conditions/check", { when, facts })).body;

const rate = (id: string, rating: number) => send(fact(id, "feedback.given", { rating }));
const agree = (id: string) =>
  kitchen.as("support", "POST", `/households/${id}/consents`, {
    purpose: "personalise",
    channel: "web",
    evidence: "Form",
    locale: "en",
    version: 1,
  });

test("a condition reads what segments see of the household beside the act and its language; what its consent does not cover is unknown", async () => {
  const when = 'orders >= 2 && seats > 4 && language == "de" && tier == "base"';
  expect((await put({ ...base, limit, facts: { seats: "number" }, when })).body).toMatchObject({ version: 1 });
  kitchen.clock.forward(1_000);
  const [buys, looks, silent, english] = [await home(), await home(), await home(), await home("en-GB")];
  for (const id of [buys, looks, english]) expect((await agree(id)).status).toBe(201);
  for (const id of [buys, silent, english])
    await send(fact(id, "order.placed", { order_id: "1" }), fact(id, "order.placed", { order_id: "2" }));
  await send(...[buys, looks, silent, english].map((id) => fact(id, "guest.invited", { seats: 6 })));
  await send(fact(buys, "guest.invited", { seats: 2 }));
  expect(await Promise.all([buys, looks, silent, english].map(points))).toEqual([5, 0, 0, 0]);
  kitchen.clock.forward(1_000);
  expect(await dryRun({ ...base, limit, facts: { seats: "number" }, when })).toMatchObject({
    acts: 5,
    households: 1,
    points: 5,
    refused: 0,
    perHousehold: { median: 5, max: 5 },
  });
});

test("a condition over the household is judged once, when the act is told: told again it neither earns later nor is it taken back", async () => {
  const rule = { ...base, act: { type: "guest.fed" }, limit, when: "open_cases == 0 && last_feedback >= 4" };
  expect((await put(rule, "fed")).status).toBe(200);
  kitchen.clock.forward(1_000);
  const [glad, sad] = [await home(), await home()];
  await rate(glad, 5);
  const act = (householdId: string): HouseholdAct => ({
    householdId,
    source: `shop:${householdId}`,
    origin: "shop",
    type: "guest.fed",
    atMs: kitchen.clock.nowMs(),
    data: {},
    device: null,
  });
  const acts = [act(glad), act(sad)];
  const tell = () => kitchen.base.db.transaction().execute((tx) => kitchen.slices.loyalty.ingest(tx, acts));
  const before = { glad: await points(glad), sad: await points(sad) };
  await tell();
  await rate(glad, 1);
  await rate(sad, 5);
  const rated = { glad: await points(glad), sad: await points(sad) };
  await tell();
  expect(await points(glad)).toBe(rated.glad);
  expect(await points(sad)).toBe(rated.sad);
  const ledger = async (id: string) =>
    (await kitchen.as("viewer", "GET", `/households/${id}/ledger`)).body.items.filter(
      ({ rule: of }: { rule: string }) => of === "fed",
    );
  expect(await ledger(glad)).toMatchObject([{ points: 5, state: "active" }]);
  expect(await ledger(sad)).toEqual([]);
  expect(before.sad).toBe(0);
  expect((await kitchen.as("viewer", "GET", "/loyalty/check")).body).toMatchObject({
    ok: true,
    refusals: { condition_not_met: expect.any(Number) },
  });
});

test("a condition over a fact that nobody has, or of another type, is refused at its place; a fact of the act hides one of the household", async () => {
  const refusal = async (definition: object) => {
    const { status, body } = await put(definition, "odd");
    expect(status).toBe(422);
    return body.errors;
  };
  expect(await refusal({ ...base, limit, when: 'stage == "loyalty" && ordres > 2' })).toEqual([
    { pointer: "/when", message: expect.stringMatching(/^`ordres` at character 23: /) },
  ]);
  expect(await refusal({ ...base, limit, when: "stage > 2" })).toEqual([
    { pointer: "/when", message: expect.stringContaining("at character 1") },
  ]);
  expect(await refusal({ ...base, limit, effects: [{ points: { of: "seats", max: 9 } }] })).toEqual([
    { pointer: "/effects/0/points/of", message: "facts has no number named seats." },
  ]);
  expect((await put({ ...base, limit, facts: { orders: "text" }, when: 'orders == "many"' }, "odd")).status).toBe(200);
});

test("the vocabulary names acts with the facts of their data, and facts of every act", async () => {
  const { acts, facts } = (await kitchen.as("viewer", "GET", "/loyalty/vocabulary")).body;
  expect(acts).toContainEqual(
    expect.objectContaining({
      type: "order.placed",
      facts: expect.arrayContaining([expect.objectContaining({ name: "amount_minor", type: "number" })]),
    }),
  );
  expect(facts.map(({ name }: { name: string }) => name)).toEqual(
    expect.arrayContaining(["tier", "locale", "origin", "model", "hour", "weekday"]),
  );
});

test("a condition is checked while its rule is still being written: over the act's facts, the moment's and the household's", async () => {
  expect(await check('seats > 4 && orders >= 2 && tier == "base"', { seats: "number" })).toEqual({ kind: "ok" });
  expect(await check("hour > 6 && seats > 4")).toMatchObject({ kind: "refused", place: { from: 12, to: 17 } });
  expect(await check('seats == "many"', { seats: "number" })).toMatchObject({ kind: "refused" });
  expect(await check("hour >")).toMatchObject({ kind: "refused" });
});
