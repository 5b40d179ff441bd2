import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Kitchen, type Person } from "../../test/support/kitchen.ts";
import type { Merged } from "./households.ts";

let kitchen: Kitchen;
const heard: [string, Merged][] = [];

beforeAll(async () => {
  kitchen = await Kitchen.open();
  kitchen.slices.households.onMerged(async (_tx, merge) => void heard.push(["merged", merge]));
  kitchen.slices.households.onUnmerged(async (_tx, merge) => void heard.push(["unmerged", merge]));
});
afterAll(() => kitchen.close());

const newOwner = async (): Promise<Person> => kitchen.newOwner(await kitchen.newOven());

/** Somebody whom the shop knows by a number, and nobody else. */
async function newProspect(value: string = randomUUID()): Promise<{ id: string; reference: object }> {
  const reference = { kind: "shop_customer", value };
  const { householdId } = await shop({ reference, prospect: {} });
  return { id: householdId, reference };
}
async function shop(more: object) {
  const fact = { source: "shop", id: randomUUID(), type: "price.checked", atMs: kitchen.clock.nowMs(), ...more };
  const { items } = (await kitchen.as("facts", "POST", "/facts", { facts: [fact] })).body;
  expect(items[0].outcome).toBe("accepted");
  return items[0];
}
const factsOf = async (id: string) => (await kitchen.as("viewer", "GET", `/households/${id}/facts`)).body.items.length;
const read = async (id: string) => (await kitchen.as("viewer", "GET", `/households/${id}`)).body;
const welcome = async (id: string) =>
  (await kitchen.as("support", "POST", `/households/${id}/welcome`)).body.code as string;
const merge = (from: string, into: string) =>
  kitchen.as("support", "POST", `/households/${into}/merges`, { from, reason: "They called" });
const undo = (id: string) => kitchen.as("support", "POST", `/households/merges/${id}/undo`, { reason: "They are two" });
const titles = async (id: string) =>
  (await kitchen.as("viewer", "GET", `/households/${id}/timeline?kinds=household`)).body.items.map(
    ({ title }: { title: string }) => title,
  );

test("who pairs with the code that a prospect was sent is the prospect: one household, told once, with all that came before", async () => {
  const prospect = await newProspect();
  const code = await welcome(prospect.id);
  const shown = await kitchen.showCode(await kitchen.newOven());
  const { status, body } = await kitchen.call(null, "POST", "/my/pair", { code: shown, name: "Ada", welcome: code });
  expect(status).toBe(201);
  const into = body.household.id as string;
  expect(heard.at(-1)).toMatchObject(["merged", { from: prospect.id, into, parts: [prospect.id] }]);
  expect(await read(prospect.id)).toMatchObject({ mergedInto: into });
  expect([await factsOf(into), await factsOf(prospect.id)]).toEqual([1, 0]);
  expect(await titles(into)).toEqual(["A prospect became part of this household"]);
  // What comes for the old name or the old id is theirs.
  expect(await shop({ reference: prospect.reference })).toMatchObject({ householdId: into });
  expect(await shop({ householdId: prospect.id })).toMatchObject({ householdId: into });
  expect(await factsOf(into)).toBe(3);
  const { items } = (await kitchen.as("viewer", "GET", "/households?limit=500")).body;
  const ids = items.map((one: { id: string }) => one.id);
  expect([ids.includes(into), ids.includes(prospect.id)]).toEqual([true, false]);
});

test("a code is good once: who is second pairs nothing, and who has a household may redeem it later", async () => {
  const prospect = await newProspect();
  const code = await welcome(prospect.id);
  const owner = await newOwner();
  expect((await kitchen.call(owner.key, "POST", "/my/welcome", { code })).status).toBe(200);
  const again = await kitchen.call(owner.key, "POST", "/my/welcome", { code });
  expect([again.status, again.body.code]).toEqual([422, "welcome_code_wrong"]);
  const oven = await kitchen.newOven();
  const shown = await kitchen.showCode(oven);
  const before = (await kitchen.as("viewer", "GET", "/households?limit=500")).body.items.length;
  const second = await kitchen.call(null, "POST", "/my/pair", { code: shown, name: "Eve", welcome: code });
  expect([second.status, second.body.code]).toEqual([422, "welcome_code_wrong"]);
  // Nothing of the try stays: no household, and the appliance's code is good still.
  expect((await kitchen.as("viewer", "GET", "/households?limit=500")).body.items).toHaveLength(before);
  expect((await kitchen.call(null, "POST", "/my/pair", { code: shown, name: "Eve" })).status).toBe(201);
});

test("the same e-mail address proves nothing: who pairs with the address of a prospect is a household of its own", async () => {
  const prospect = await newProspect();
  await kitchen.as("support", "POST", `/households/${prospect.id}/members`, { name: "Ada", email: "ada@example.org" });
  const shown = await kitchen.showCode(await kitchen.newOven());
  const given = { code: shown, name: "Mallory", email: "ada@example.org" };
  const { body } = await kitchen.call(null, "POST", "/my/pair", given);
  expect(body.household.id).not.toBe(prospect.id);
  expect((await read(prospect.id)).mergedInto).toBeNull();
  expect(await factsOf(body.household.id)).toBe(0);
});

test("guessing welcome codes is bounded like guessing any code", async () => {
  const owner = await newOwner();
  const tries: number[] = [];
  for (let at = 0; at < 12; at += 1) {
    const answer = await kitchen.call(owner.key, "POST", "/my/welcome", { code: `guess-${at}` }, "192.0.2.77");
    tries.push(answer.status);
  }
  expect(tries.slice(-2)).toEqual([429, 429]);
});

test("staff joins two households with a reason and takes it back with one: each has again what was its own, and what came since", async () => {
  const prospect = await newProspect();
  await kitchen.as("support", "POST", `/households/${prospect.id}/members`, { name: "Ben", email: "ben@example.org" });
  const owner = await newOwner();
  const into = owner.householdId;
  await shop({ householdId: into });
  const merged = await merge(prospect.id, into);
  expect(merged.status).toBe(201);
  expect((await read(into)).members.map(({ name, role }: { name: string; role: string }) => [name, role])).toEqual(
    expect.arrayContaining([
      ["Ada", "owner"],
      ["Ben", "member"],
    ]),
  );
  await shop({ reference: prospect.reference });
  await shop({ householdId: into });
  expect(await factsOf(into)).toBe(4);
  const undone = await undo(merged.body.id);
  expect(undone.body).toMatchObject({ from: prospect.id, into, undone: { reason: "They are two" } });
  expect(heard.at(-1)).toMatchObject(["unmerged", { mergeId: merged.body.id, from: prospect.id, into, staying: [] }]);
  expect([await factsOf(into), await factsOf(prospect.id)]).toEqual([2, 2]);
  expect(await read(prospect.id)).toMatchObject({ mergedInto: null, members: [{ name: "Ben" }] });
  expect((await read(into)).members.map(({ name }: { name: string }) => name)).toEqual(["Ada"]);
  expect(await titles(into)).toEqual([
    "A prospect is a household of its own again",
    "A prospect became part of this household",
  ]);
  expect((await undo(merged.body.id)).body.code).toBe("merge_undone");
  expect((await merge(prospect.id, into)).status).toBe(201);
  const { rows } = await sql<{ action: string }>`
    SELECT action FROM audit_entry WHERE subject = ${`household:${into}`} AND action LIKE '%merged' ORDER BY sequence`.execute(
    kitchen.base.db,
  );
  expect(rows.map(({ action }) => action)).toEqual(["household.merged", "household.unmerged", "household.merged"]);
});

test("what cannot be joined is refused by name: one with an appliance, one that is part of another, itself, nobody", async () => {
  const [owner, other] = [await newOwner(), await newOwner()];
  const prospect = await newProspect();
  expect((await merge(other.householdId, owner.householdId)).body.code).toBe("not_a_prospect");
  expect((await merge(owner.householdId, owner.householdId)).body.code).toBe("same_household");
  expect((await merge(randomUUID(), owner.householdId)).body.code).toBe("household_not_found");
  await merge(prospect.id, owner.householdId);
  expect((await merge(prospect.id, other.householdId)).body.code).toBe("household_merged");
  const bare = await kitchen.as("support", "POST", `/households/${owner.householdId}/merges`, { from: prospect.id });
  expect(bare.body.errors[0].pointer).toBe("/body/reason");
  expect((await kitchen.as("support", "POST", `/households/${owner.householdId}/welcome`)).body.code).toBe(
    "not_a_prospect",
  );
});

test("of many who join one prospect at the same moment one does, and it is told once", async () => {
  const prospect = await newProspect();
  const owners = [await newOwner(), await newOwner(), await newOwner()];
  const codes = await Promise.all(owners.map(() => welcome(prospect.id)));
  const toldBefore = heard.length;
  const answers = await Promise.all([
    ...owners.map((owner, at) =>
      kitchen.call(owner.key, "POST", "/my/welcome", { code: codes[at] }, `192.0.2.${90 + at}`),
    ),
    ...owners.map((owner) => merge(prospect.id, owner.householdId)),
  ]);
  expect(answers.filter(({ status }) => status < 300)).toHaveLength(1);
  expect(answers.every(({ status }) => status < 500)).toBe(true);
  expect(heard.length).toBe(toldBefore + 1);
});

test("a chain of merges is one household, and is undone from its end", async () => {
  const [first, second, owner] = [await newProspect(), await newProspect(), await newOwner()];
  const one = (await merge(first.id, second.id)).body;
  const two = (await merge(second.id, owner.householdId)).body;
  expect(await shop({ reference: first.reference })).toMatchObject({ householdId: owner.householdId });
  expect(await factsOf(owner.householdId)).toBe(3);
  expect((await undo(one.id)).body.code).toBe("household_merged");
  expect((await undo(two.id)).status).toBe(200);
  expect([await factsOf(owner.householdId), await factsOf(second.id)]).toEqual([0, 3]);
  expect((await undo(one.id)).status).toBe(200);
  expect([await factsOf(second.id), await factsOf(first.id)]).toEqual([1, 2]);
});

test("what either withdrew is withdrawn for the one that they became, and each has its own consents back", async () => {
  const prospect = await newProspect();
  const owner = await newOwner();
  const agree = (id: string, purpose: string) =>
    kitchen.as("support", "POST", `/households/${id}/consents`, {
      purpose,
      channel: "web",
      evidence: "Form",
      locale: "en",
      version: 1,
    });
  const object = (id: string) =>
    kitchen.as("support", "POST", `/households/${id}/consents/withdrawals`, {
      purpose: "market",
      channel: "phone",
      evidence: "Call",
    });
  await agree(owner.householdId, "market");
  await agree(prospect.id, "personalise");
  await object(prospect.id);
  const agreed = async (id: string) =>
    [...((await kitchen.slices.consent.agreed(kitchen.base.db, [id])).get(id) ?? [])].toSorted((a, b) =>
      a.localeCompare(b),
    );
  const merged = (await merge(prospect.id, owner.householdId)).body;
  expect(await agreed(owner.householdId)).toEqual(["personalise", "run"]);
  const { receipts } = (await kitchen.as("viewer", "GET", `/households/${owner.householdId}/consents`)).body;
  const carried = receipts.filter((one: { channel: string }) => one.channel === "merge");
  expect(carried).toHaveLength(2);
  expect(carried.every((one: { carriedFrom: string | null }) => one.carriedFrom !== null)).toBe(true);
  await undo(merged.id);
  expect(await agreed(owner.householdId)).toEqual(["market", "run"]);
  expect(await agreed(prospect.id)).toEqual(["personalise", "run"]);
});

test("a household that is erased takes the prospect that it was along", async () => {
  const prospect = await newProspect();
  const owner = await newOwner();
  await merge(prospect.id, owner.householdId);
  expect((await kitchen.call(owner.key, "DELETE", "/my/household")).status).toBe(200);
  expect((await kitchen.as("viewer", "GET", `/households/${prospect.id}`)).status).toBe(404);
  const { rows } = await sql<{ n: number }>`
    SELECT count(*) AS n FROM household_reference WHERE household_id = ${prospect.id}`.execute(kitchen.base.db);
  expect(rows).toEqual([{ n: 0 }]);
});

test("one question says how households are reached: language, zone, channels, people, appliances", async () => {
  const owner = await newOwner();
  const prospect = await newProspect();
  const unknown = randomUUID();
  const reach = await kitchen.slices.households.reachOf(kitchen.base.db, [owner.householdId, prospect.id, unknown]);
  expect(reach.get(owner.householdId)).toMatchObject({
    locale: "en",
    timeZone: "UTC",
    channels: { order: ["display"], quiet: null, perWeekMax: null },
    members: [{ id: owner.memberId, name: "Ada", email: null }],
    devices: [{ model: "oven", householdId: owner.householdId, key: expect.any(Number) }],
  });
  expect(reach.get(prospect.id)).toMatchObject({ members: [], devices: [] });
  expect(reach.has(unknown)).toBe(false);
});
