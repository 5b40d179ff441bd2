/** A prospect's cases go where its people go, and come back where they were other people all the same. */
import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Kitchen } from "../../test/support/kitchen.ts";

let kitchen: Kitchen;
let made = 0;

beforeAll(async () => {
  kitchen = await Kitchen.open();
});
afterAll(() => kitchen.close());

interface Line {
  kind: string;
  text: string | null;
}

const get = async (path: string) => (await kitchen.as("support", "GET", path)).body;
const post = (path: string, body: object = {}) => kitchen.as("support", "POST", path, body);
const newHome = () => kitchen.newHome("joined");
async function newProspect(): Promise<string> {
  const fact = { source: "shop", id: `fact-${(made += 1)}`, type: "price.checked", atMs: kitchen.clock.nowMs() };
  const reference = { kind: "shop_customer", value: `customer-${made}` };
  const { items } = (await kitchen.as("facts", "POST", "/facts", { facts: [{ ...fact, reference, prospect: {} }] }))
    .body;
  return items[0].householdId;
}
const ask = async (householdId: string, text: string, cause = "help_other"): Promise<string> => {
  const { body } = await post("/cases", { householdId, severity: "service", cause, title: text, text });
  return body.id;
};
const join = async (from: string, into: string): Promise<string> =>
  (await post(`/households/${into}/merges`, { from, reason: "They called" })).body.id;
const undo = (mergeId: string) => post(`/households/merges/${mergeId}/undo`, { reason: "They are two" });
const casesOf = async (household: string): Promise<Set<string>> =>
  new Set((await get(`/cases?household=${household}`)).items.map(({ id }: { id: string }) => id));

test("a prospect's cases are its household's from the merge on, seen by its owner, and come back when it is undone", async () => {
  const home = await newHome();
  const prospect = await newProspect();
  const open = await ask(prospect, "Which oven fits?");
  const closed = await ask(prospect, "Do you deliver?", "delivery");
  await post(`/cases/${closed}/resolve`, { note: "We do" });
  const mergeId = await join(prospect, home.householdId);
  expect(await casesOf(home.householdId)).toEqual(new Set([open, closed]));
  expect(await casesOf(prospect)).toEqual(new Set());
  const mine = async () => (await kitchen.call(home.key, "GET", "/my/cases")).body.items.length;
  expect(await mine()).toBe(2);
  await post(`/cases/${open}/messages`, { text: "The small one" });
  // What comes under the old id is theirs too.
  const later = await ask(prospect, "And the price?", "price");
  expect(await casesOf(home.householdId)).toContain(later);
  expect((await undo(mergeId)).status).toBe(200);
  expect(await casesOf(prospect)).toEqual(new Set([open, closed]));
  // What was opened while they were one is of the household that it was opened for.
  expect(await casesOf(home.householdId)).toEqual(new Set([later]));
  expect(await mine()).toBe(1);
});

test("two who asked the same before they were one have two cases, which staff make one; undone, each has its own words", async () => {
  const home = await newHome();
  const prospect = await newProspect();
  const theirs = await ask(prospect, "SECRET of the prospect");
  const ours = (await kitchen.call(home.key, "POST", "/my/help", { topic: "other", text: "Of the home" })).body.id;
  const mergeId = await join(prospect, home.householdId);
  expect(await casesOf(home.householdId)).toEqual(new Set([ours, theirs]));
  expect((await post(`/cases/${theirs}/merge`, { into: ours })).status).toBe(200);
  // Whoever asks the same again asks there.
  expect((await kitchen.call(home.key, "POST", "/my/help", { topic: "other", text: "Again" })).body.id).toBe(ours);
  expect(JSON.stringify(await get(`/cases/${ours}`))).toContain("SECRET");
  await undo(mergeId);
  expect(await get(`/cases/${theirs}`)).toMatchObject({ householdId: prospect, status: "open", mergedInto: null });
  expect(JSON.stringify(await get(`/cases/${ours}`))).not.toContain("SECRET of the");
  const seen = (await kitchen.call(home.key, "GET", `/my/cases/${ours}`)).body;
  expect(seen.messages.map(({ text }: { text: string }) => text)).toEqual(["Of the home", "Again"]);
});

test("an erasure takes the words of a household that became part of another, in whichever case they are", async () => {
  const home = await newHome();
  const prospect = await newProspect();
  const theirs = await ask(prospect, "Of the prospect");
  const ours = await ask(home.householdId, "Of the home");
  await join(prospect, home.householdId);
  await post(`/cases/${theirs}/merge`, { into: ours });
  const { name } = await get(`/households/${home.householdId}`);
  const path = `/households/${home.householdId}/erase`;
  expect((await kitchen.as("admin", "POST", path, { confirm: name })).status).toBeLessThan(300);
  const { rows } = await sql`
    SELECT to_jsonb(c) AS line FROM service_case c WHERE id IN (${theirs}, ${ours})
    UNION ALL SELECT to_jsonb(e) FROM case_entry e WHERE case_id IN (${theirs}, ${ours})`.execute(kitchen.base.db);
  expect(rows.length).toBeGreaterThan(2);
  for (const word of ["Of the prospect", "Of the home", prospect, home.householdId])
    expect(JSON.stringify(rows)).not.toContain(word);
});

test("whatever households are joined and parted, each case and each word is with the people whose it is", async () => {
  const acts = fc.array(
    fc.record({ kind: fc.constantFrom("join", "part", "merge", "ask"), at: fc.nat(), to: fc.nat() }),
    { minLength: 3, maxLength: 10 },
  );
  await fc.assert(
    fc.asyncProperty(acts, async (steps) => {
      const homes = [(await newHome()).householdId, await newProspect(), await newProspect()];
      const whose = new Map<string, string>();
      for (const home of homes) whose.set(await ask(home, `Of ${home}`), home);
      /** Joins in their order: the last is taken back first. */
      const joins: { id: string; from: string; into: string }[] = [];
      const now = (home: string): string => {
        const one = joins.find(({ from }) => from === home);
        return one === undefined ? home : now(one.into);
      };
      for (const { kind, at, to } of steps) {
        const [one = "", other = ""] = [homes[at % homes.length], homes[to % homes.length]];
        if (kind === "join" && one !== homes[0] && one !== other && now(one) === one && now(other) === other)
          joins.push({ id: await join(one, other), from: one, into: other });
        const last = joins.at(-1);
        if (kind === "part" && last !== undefined) {
          expect((await undo(last.id)).status).toBe(200);
          joins.pop();
        }
        if (kind === "merge") {
          const ids = [...whose.keys()];
          await post(`/cases/${ids[at % ids.length]}/merge`, { into: ids[to % ids.length] });
        }
        if (kind === "ask") {
          const id = await ask(one, `Of ${now(one)}`, `cause_${(made += 1)}`);
          whose.set(id, now(one));
        }
      }
      for (const home of homes) {
        const expected = [...whose].flatMap(([id, owner]) => (now(owner) === home ? [id] : []));
        expect(await casesOf(home)).toEqual(new Set(expected));
      }
      // Parted again, nobody reads a word of others.
      for (const { id } of joins.toReversed()) await undo(id);
      for (const [id, owner] of whose) {
        const { entries, householdId } = await get(`/cases/${id}`);
        expect(householdId).toBe(owner);
        const words = (entries as Line[]).flatMap(({ kind, text }) => (kind === "opened" ? [text] : []));
        expect(words.every((text) => text === `Of ${owner}`)).toBe(true);
      }
    }),
    { numRuns: 6 },
  );
});
