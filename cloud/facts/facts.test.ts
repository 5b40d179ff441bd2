import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Kitchen } from "../../test/support/kitchen.ts";
import { batchMax, dataCharactersMax, knownTypes } from "./core/fact.ts";

let kitchen: Kitchen;
beforeAll(async () => {
  kitchen = await Kitchen.open();
  const rule = {
    title: "Something noticed",
    act: { type: "thing.noticed" },
    effects: [{ points: 5 }],
    limit: { kind: "per", period: "day", count: 1_000 },
  };
  const put = await kitchen.as("content", "PUT", "/loyalty/rules/noticed", rule);
  if (put.status !== 200) throw new Error(`the rule was not made: ${JSON.stringify(put.body)}`);
  kitchen.clock.forward(10_000);
});
afterAll(() => kitchen.close());

const newHousehold = async () =>
  (await kitchen.as("admin", "POST", "/households", { name: "Huber", locale: "de", timeZone: "Europe/Berlin" })).body
    .id as string;

const fact = (more: object) => ({
  source: "shop",
  id: randomUUID(),
  type: "thing.noticed",
  atMs: kitchen.clock.nowMs(),
  data: { sku: "OX-200" },
  ...more,
});
const send = async (...facts: unknown[]) => (await kitchen.as("facts", "POST", "/facts", { facts })).body.items;
const outcomes = async (...facts: unknown[]): Promise<string[]> =>
  (await send(...facts)).map((one: { outcome: string; reason?: string }) => one.reason ?? one.outcome);
const stored = async (id: string) =>
  (await kitchen.as("viewer", "GET", `/households/${id}/facts?limit=500`)).body.items;
const points = async (id: string) => (await kitchen.as("viewer", "GET", `/households/${id}/balance`)).body.active;

test("a fact is stored, and what follows from it happens in the same transaction: points are there with the answer", async () => {
  const householdId = await newHousehold();
  const one = fact({ householdId });
  expect(await send(one)).toEqual([{ at: 0, id: one.id, outcome: "accepted", householdId }]);
  expect(await stored(householdId)).toMatchObject([
    { source: "shop", id: one.id, type: "thing.noticed", data: one.data },
  ]);
  expect(await points(householdId)).toBe(5);
});

test("sent again, in one batch or another, a fact is a duplicate and earns nothing more; with other content it is refused by name", async () => {
  const householdId = await newHousehold();
  const one = fact({ householdId });
  expect(await outcomes(one, one)).toEqual(["accepted", "duplicate"]);
  // The same whatever the order of its keys.
  const turned = { householdId, data: one.data, atMs: one.atMs, type: one.type, id: one.id, source: one.source };
  expect(await outcomes(turned)).toEqual(["duplicate"]);
  expect(await outcomes({ ...one, data: { sku: "OX-300" } })).toEqual(["id_with_other_content"]);
  expect(await outcomes({ ...one, source: "web" })).toEqual(["accepted"]);
  expect(await stored(householdId)).toHaveLength(2);
  expect(await points(householdId)).toBe(10);
});

test("two batches with the same facts at the same moment, in opposite order, are taken once", async () => {
  const householdId = await newHousehold();
  const facts = Array.from({ length: 40 }, () => fact({ householdId }));
  const [first, second] = await Promise.all([outcomes(...facts), outcomes(...facts.toReversed())]);
  expect([...first, ...second].toSorted()).toEqual([...facts.map(() => "accepted"), ...facts.map(() => "duplicate")]);
  expect(await points(householdId)).toBe(200);
});

test("every item has its own outcome: what is wrong with one does not concern its neighbours", async () => {
  const householdId = await newHousehold();
  const items = await send(
    fact({ householdId }),
    fact({ householdId, source: "telepathy" }),
    "nonsense",
    fact({ householdId: randomUUID() }),
    fact({ householdId, atMs: kitchen.clock.nowMs() + 3_600_000 }),
    fact({ householdId, data: { text: "a\u0000b" } }),
    fact({ householdId, data: { text: "x".repeat(dataCharactersMax) } }),
    fact({}),
    fact({ householdId, type: "visited" }),
    fact({ householdId, reference: { kind: "shop_customer", value: "1" } }),
    fact({ reference: { kind: "shop_customer", value: "nobody" } }),
    fact({ householdId, type: "something.quite_new" }),
  );
  expect(items.map((one: { outcome: string; reason?: string }) => one.reason ?? one.outcome)).toEqual([
    "accepted",
    "not_a_fact",
    "not_a_fact",
    "household_unknown",
    "at_in_the_future",
    "not_a_fact",
    "not_a_fact",
    "not_a_fact",
    "not_a_fact",
    "not_a_fact",
    "reference_unknown",
    "accepted",
  ]);
  const said = items.map((one: { detail?: string }) => one.detail ?? "");
  expect(said[1]).toContain("/source");
  expect(said[5]).toContain("/data");
  expect(said[8]).toContain("/type");
  expect((await stored(householdId)).map((one: { type: string }) => one.type).toSorted()).toEqual([
    "something.quite_new",
    "thing.noticed",
  ]);
});

test("a batch is bounded, and one that is none is refused as a whole with the field named", async () => {
  const householdId = await newHousehold();
  const many = Array.from({ length: batchMax + 1 }, () => ({ ...fact({ householdId }), data: {} }));
  for (const facts of [[], many]) {
    const { status, body } = await kitchen.as("facts", "POST", "/facts", { facts });
    expect([status, body.errors[0].pointer]).toEqual([400, "/body/facts"]);
  }
});

test("every default type is taken as it is", async () => {
  const householdId = await newHousehold();
  const facts = knownTypes.map((type) => fact({ householdId, type }));
  expect(await outcomes(...facts)).toEqual(knownTypes.map(() => "accepted"));
});

test("an outside name belongs to one household; one that nobody has makes a prospect where that is asked for, once", async () => {
  const householdId = await newHousehold();
  const known = { kind: "shop_customer", value: "4711" };
  expect((await kitchen.as("support", "POST", `/households/${householdId}/references`, known)).status).toBe(204);
  const other = await newHousehold();
  const taken = await kitchen.as("support", "POST", `/households/${other}/references`, known);
  expect(taken.body.code).toBe("reference_taken");
  const [byName] = await send(fact({ reference: known }));
  expect(byName).toMatchObject({ outcome: "accepted", householdId });

  const unknown = { kind: "email_sha256", value: "ab12" };
  const prospect = { locale: "de", timeZone: "Europe/Vienna" };
  const answers = await Promise.all(
    [1, 2, 3].map(() =>
      send(fact({ reference: unknown, prospect }), fact({ reference: unknown, source: "web", prospect })),
    ),
  );
  const ids = new Set(answers.flat().map((one: { householdId: string }) => one.householdId));
  expect([ids.size, answers.flat().every((one: { outcome: string }) => one.outcome === "accepted")]).toEqual([1, true]);
  const [id = ""] = ids;
  const made = (await kitchen.as("viewer", "GET", `/households/${id}`)).body;
  expect(made).toMatchObject({ name: "Prospect", locale: "de", timeZone: "Europe/Vienna", devices: [], members: [] });
  expect(await points(id)).toBe(30);
  const list = (await kitchen.as("viewer", "GET", "/households?kind=prospect&limit=1")).body.items;
  expect(list).toMatchObject([{ id, devices: 0 }]);
  // Known from now on, also to who does not ask for a prospect.
  expect(await outcomes(fact({ reference: unknown }))).toEqual(["accepted"]);
});

test("a machine's key of the role facts reports facts and may do nothing else", async () => {
  const householdId = await newHousehold();
  expect((await kitchen.as("facts", "GET", `/households/${householdId}`)).status).toBe(403);
  expect((await kitchen.as("facts", "GET", "/devices")).status).toBe(403);
  expect((await kitchen.as("support", "POST", "/facts", { facts: [fact({ householdId })] })).status).toBe(403);
});

test("an id is unique for ever, also after its household was erased, and what is kept of it names nobody", async () => {
  await kitchen.ovens("oven-f1");
  const owner = await kitchen.newOwner("oven-f1");
  const one = fact({ householdId: owner.householdId, id: "order-secret-17", data: { note: "very secret" } });
  expect(await outcomes(one)).toEqual(["accepted"]);
  const [data] = kitchen.slices.facts.householdData;
  expect(await Array.fromAsync(data?.rows(kitchen.base.db, owner.householdId) ?? [])).toMatchObject([{ id: one.id }]);
  const erased = await kitchen.base.db
    .transaction()
    .execute((tx) => data?.erase(tx, owner.householdId) ?? Promise.resolve(0));
  expect(erased).toBe(1);
  expect(await stored(owner.householdId)).toEqual([]);
  expect(await outcomes(one)).toEqual(["duplicate"]);
  expect(await outcomes({ ...one, data: {} })).toEqual(["id_with_other_content"]);
  const { rows } = await sql<{ text: string }>`
    SELECT string_agg(i::text, ' ') AS text FROM outside_fact_identity i`.execute(kitchen.base.db);
  expect(rows[0]?.text).not.toMatch(/secret/);
});

test("however batches are cut, repeated and shuffled, every fact counts once and the points are those of the facts", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.nat(14), { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 5 }),
      async (batches) => {
        const householdId = await newHousehold();
        const run = randomUUID();
        const atMs = kitchen.clock.nowMs() - 1_000;
        const answers = await Promise.all(
          batches.map((batch) => outcomes(...batch.map((n) => fact({ householdId, atMs, id: `${run}-${n}` })))),
        );
        const sent = new Set(batches.flat());
        expect(answers.flat().filter((one) => one === "accepted")).toHaveLength(sent.size);
        expect(answers.flat().filter((one) => one === "duplicate")).toHaveLength(batches.flat().length - sent.size);
        expect(await stored(householdId)).toHaveLength(sent.size);
        expect(await points(householdId)).toBe(5 * sent.size);
      },
    ),
    { numRuns: 12 },
  );
});
