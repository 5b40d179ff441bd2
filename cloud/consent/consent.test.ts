import { createHash, randomUUID } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Kitchen, type Person } from "../../test/support/kitchen.ts";
import { consentFacts } from "./consent.ts";

let kitchen: Kitchen;
let ovens = 0;

beforeAll(async () => {
  kitchen = await Kitchen.open();
});
afterAll(() => kitchen.close());

async function newOwner(): Promise<Person> {
  ovens += 1;
  await kitchen.ovens(`oven-c${ovens}`);
  return kitchen.newOwner(`oven-c${ovens}`);
}

const give = (by: Person, purpose: string, more: object = {}) =>
  kitchen.call(by.key, "POST", "/my/consents", { purpose, locale: "en", version: 1, ...more });
const withdraw = (by: Person, purpose: string, more: object = {}) =>
  kitchen.call(by.key, "POST", "/my/consents/withdrawals", { purpose, ...more });
const agreed = async (id: string) =>
  [...((await kitchen.slices.consent.agreed(kitchen.base.db, [id])).get(id) ?? [])].toSorted((a, b) =>
    a.localeCompare(b),
  );
const receiptsOf = async (id: string) =>
  (await kitchen.as("viewer", "GET", `/households/${id}/consents`)).body.receipts;

test("nothing is agreed to by itself but that the product runs", async () => {
  const owner = await newOwner();
  expect(await agreed(owner.householdId)).toEqual(["run"]);
  const prospect = (await kitchen.as("admin", "POST", "/households", { name: "A", locale: "en", timeZone: "UTC" }))
    .body;
  expect(await agreed(prospect.id)).toEqual(["run"]);
});

test("a receipt says in which words, when, where, for what in return and by whom, and withdrawing takes no more than giving", async () => {
  const owner = await newOwner();
  const given = await give(owner, "personalise");
  expect(given.status).toBe(201);
  const { words } = given.body;
  expect(given.body).toMatchObject({
    purpose: "personalise",
    decision: "given",
    textLocale: "en",
    textVersion: 1,
    wordsSha256: createHash("sha256").update(words).digest("hex"),
    inReturn: expect.stringContaining("Recipes"),
    channel: "app",
    atMs: kitchen.clock.nowMs(),
    by: `owner:${owner.householdId}/${owner.memberId}`,
  });
  expect(await agreed(owner.householdId)).toEqual(["personalise", "run"]);
  kitchen.clock.forward(1);
  // Fewer fields than giving: no words, no reason, one request.
  const withdrawn = await withdraw(owner, "personalise");
  expect([withdrawn.status, withdrawn.body.decision]).toEqual([201, "withdrawn"]);
  expect(await agreed(owner.householdId)).toEqual(["run"]);
  const mine = (await kitchen.call(owner.key, "GET", "/my/consents")).body;
  expect(mine.receipts.map((one: { decision: string }) => one.decision)).toEqual(["withdrawn", "given"]);
  expect(mine.standings).toMatchObject([{ purpose: "personalise", isGiven: false }]);
  expect(mine.texts.map((one: { purpose: string; locale: string }) => `${one.purpose} ${one.locale}`)).toContain(
    "market de",
  );
});

test("a member may give and withdraw like the owner, and a stranger's household is untouched", async () => {
  const [owner, other] = [await newOwner(), await newOwner()];
  const member = await kitchen.newMember(owner);
  expect((await give(member, "improve")).status).toBe(201);
  expect(await agreed(owner.householdId)).toEqual(["improve", "run"]);
  expect(await agreed(other.householdId)).toEqual(["run"]);
});

test("receipts and words are only ever added: neither is changed or removed in the database", async () => {
  const owner = await newOwner();
  await give(owner, "market");
  for (const table of ["consent_receipt", "consent_text"]) {
    await expect(sql`UPDATE ${sql.table(table)} SET in_return = 'nothing'`.execute(kitchen.base.db)).rejects.toThrow(
      "append-only",
    );
    await expect(sql`DELETE FROM ${sql.table(table)}`.execute(kitchen.base.db)).rejects.toThrow("append-only");
  }
});

test("a change of the words is a further version: older receipts keep theirs, and nobody agrees to words that are no longer shown", async () => {
  const owner = await newOwner();
  const before = (await give(owner, "improve")).body;
  const text = { purpose: "improve", locale: "en", words: "May we count your pizzas?", inReturn: "The count" };
  const put = await kitchen.as("content", "PUT", "/consents/texts", text);
  expect(put.body).toMatchObject({ version: 2, words: text.words });
  expect((await kitchen.as("content", "PUT", "/consents/texts", text)).body.version).toBe(2);
  const [kept] = await receiptsOf(owner.householdId);
  expect(kept).toEqual(before);
  expect(kept.words).not.toBe(text.words);
  const other = await newOwner();
  expect((await give(other, "improve")).body.code).toBe("consent_text_outdated");
  expect((await give(other, "improve", { version: 3 })).body.code).toBe("consent_text_not_found");
  expect((await give(other, "improve", { version: 2 })).body.words).toBe(text.words);
  const { items } = (await kitchen.as("viewer", "GET", "/consents/texts/versions?purpose=improve&locale=en")).body;
  expect(items.map((one: { version: number }) => one.version)).toEqual([2, 1]);
});

test("an objection to marketing is absolute: staff cannot enter a consent over it, and the household takes it back itself", async () => {
  const owner = await newOwner();
  const { householdId } = owner;
  await give(owner, "market");
  kitchen.clock.forward(1);
  await withdraw(owner, "market");
  kitchen.clock.forward(1);
  const said = { purpose: "market", channel: "phone", evidence: "Call 17", locale: "en", version: 1 };
  const tried = await kitchen.as("support", "POST", `/households/${householdId}/consents`, said);
  expect([tried.status, tried.body.code]).toEqual([409, "objection_stands"]);
  expect(await agreed(householdId)).toEqual(["run"]);
  expect((await give(owner, "market")).status).toBe(201);
  expect(await agreed(householdId)).toEqual(["market", "run"]);
});

test("staff enters what was said elsewhere, with what shows it; what is older than what holds is kept and changes nothing", async () => {
  const { householdId } = await newOwner();
  const path = `/households/${householdId}/consents`;
  const said = { purpose: "personalise", channel: "letter", locale: "de", version: 1 };
  const bare = await kitchen.as("support", "POST", path, said);
  expect([bare.status, bare.body.errors[0].pointer]).toEqual([400, "/body/evidence"]);
  const nowMs = kitchen.clock.nowMs();
  const evidence = "Letter in folder 12";
  const given = await kitchen.as("support", "POST", path, { ...said, evidence, atMs: nowMs - 1_000 });
  expect(given.body).toMatchObject({
    channel: "letter",
    evidence,
    textLocale: "de",
    by: expect.stringMatching(/^staff:/),
  });
  const withdrawal = { purpose: "personalise", channel: "phone", evidence: "Call 18" };
  await kitchen.as("support", "POST", `${path}/withdrawals`, { ...withdrawal, atMs: nowMs - 500 });
  await kitchen.as("support", "POST", path, { ...said, evidence: "An older letter", atMs: nowMs - 700 });
  expect(await agreed(householdId)).toEqual(["run"]);
  expect(await receiptsOf(householdId)).toHaveLength(3);
  const early = await kitchen.as("support", "POST", path, { ...said, evidence, atMs: nowMs + 3_600_000 });
  expect(early.body.code).toBe("word_from_the_future");
});

test("sharing is agreed to party by party, by the party's name, and is asked for no other purpose", async () => {
  const owner = await newOwner();
  const text = {
    purpose: "share",
    party: "green-energy",
    locale: "en",
    words: "You may tell Green Energy",
    inReturn: "A tariff",
  };
  expect((await kitchen.as("content", "PUT", "/consents/texts", text)).body.code).toBe("party_unnamed");
  const named = await kitchen.as("content", "PUT", "/consents/texts", { ...text, partyName: "Green Energy AG" });
  expect(named.body).toMatchObject({ party: "green-energy", partyName: "Green Energy AG", version: 1 });
  await kitchen.as("content", "PUT", "/consents/texts", { ...text, party: "club", partyName: "Club" });
  expect((await give(owner, "share")).body.code).toBe("party_without_share");
  expect((await give(owner, "improve", { party: "club" })).body.code).toBe("party_without_share");
  expect((await give(owner, "share", { party: "nobody" })).body.code).toBe("consent_text_not_found");
  await give(owner, "share", { party: "green-energy" });
  await give(owner, "share", { party: "club" });
  kitchen.clock.forward(1);
  await withdraw(owner, "share", { party: "green-energy" });
  const parties = await kitchen.slices.consent.sharedWith(kitchen.base.db, [owner.householdId]);
  expect([...(parties.get(owner.householdId) ?? [])]).toEqual(["club"]);
  expect(await agreed(owner.householdId)).toEqual(["run", "share"]);
});

test("that the product runs is no matter of consent, and says what ends it", async () => {
  const owner = await newOwner();
  const answer = await withdraw(owner, "run");
  expect([answer.status, answer.body.code]).toEqual([409, "run_is_the_contract"]);
});

test("the world hears of each consent in its transaction, and statements over many households see what holds", async () => {
  const owner = await newOwner();
  await give(owner, "personalise");
  kitchen.clock.forward(1);
  const given = async () =>
    (
      await sql<{ household_id: string }>`
        SELECT household_id FROM ${consentFacts} c WHERE household_id = ${owner.householdId} AND purpose = 'personalise'`.execute(
        kitchen.base.db,
      )
    ).rows.length;
  expect(await given()).toBe(1);
  await withdraw(owner, "personalise");
  expect(await given()).toBe(0);
  const { rows } = await sql<{ type: string; data: object }>`
    SELECT type, data FROM outbox WHERE subject = ${`household:${owner.householdId}`} AND type LIKE 'hearth.consent.%' ORDER BY id`.execute(
    kitchen.base.db,
  );
  const data = { householdId: owner.householdId, purpose: "personalise" };
  expect(rows).toEqual([
    { type: "hearth.consent.given", data },
    { type: "hearth.consent.withdrawn", data },
  ]);
});

test("what a withdrawal ends it ends at once, also for what lies stored: segments no longer know it, and what its appliances say may not be used", async () => {
  const owner = await newOwner();
  const { householdId } = owner;
  const db = kitchen.base.db;
  const personal = () => kitchen.slices.consent.agreedTo(db, [householdId], "personalise");
  const segment = { title: "Has something in the cart", expression: "in_cart" };
  expect((await kitchen.as("content", "PUT", "/segments/in-cart", segment)).status).toBeLessThan(300);
  await kitchen.slices.segments.tick();
  const members = async () => {
    const { items } = (await kitchen.as("content", "GET", "/segments/in-cart/members")).body;
    return items.map((one: { householdId: string }) => one.householdId);
  };
  const fact = { id: "cart-1", source: "shop", type: "cart.added", atMs: kitchen.clock.nowMs(), householdId, data: {} };
  await kitchen.as("facts", "POST", "/facts", { facts: [fact] });
  expect(await members()).not.toContain(householdId);
  await give(owner, "personalise");
  expect(await personal()).toEqual(new Set([householdId]));
  expect(await members()).toContain(householdId);
  kitchen.clock.forward(1);
  await withdraw(owner, "personalise");
  // Without a tick between: with the answer.
  expect(await members()).not.toContain(householdId);
  expect(await personal()).toEqual(new Set());
});

test("a household that is erased leaves no receipt, and the others keep theirs", async () => {
  const [gone, stays] = [await newOwner(), await newOwner()];
  await give(gone, "market");
  await give(stays, "market");
  const [data] = kitchen.slices.consent.householdData;
  const exported = await Array.fromAsync(data?.rows(kitchen.base.db, gone.householdId) ?? []);
  expect(exported).toMatchObject([{ purpose: "market", decision: "given", words: expect.stringContaining("offers") }]);
  const erased = await kitchen.base.db
    .transaction()
    .execute(async (tx) => [await data?.erase(tx, gone.householdId), await data?.erase(tx, randomUUID())]);
  expect(erased).toEqual([1, 0]);
  expect(await receiptsOf(gone.householdId)).toEqual([]);
  expect(await receiptsOf(stays.householdId)).toHaveLength(1);
});
