import { expect, test } from "vitest";
import { campaignKitchen } from "../../test/support/campaign-kitchen.ts";
import type { Person } from "../../test/support/kitchen.ts";
import { chosenTopicsMax } from "./chosen-topics.ts";

const { kitchen, stage } = await campaignKitchen();

const choose = (person: Person, ...topics: string[]) => kitchen.call(person.key, "PUT", "/my/topics", { topics });
const topicsOf = async (householdId: string): Promise<string[]> =>
  (await kitchen.as("viewer", "GET", `/households/${householdId}/topics`)).body.topics;
const mine = async ({ key }: Person) => (await kitchen.call(key, "GET", "/my/decisions")).body.items;
/** Of two items to choose from the one that went out. */
const sentTo = async (person: Person) =>
  (await mine(person)).find(({ answer }: { answer: string }) => answer === "send");
/** The topics that lie with what was decided about somebody. */
async function keptOf({ householdId }: Person): Promise<string[]> {
  const kept = new Set<string>();
  const decisions = kitchen.slices.engagement.householdData.find(({ name }) => name === "decisions");
  for await (const row of decisions?.rows(kitchen.base.db, householdId) ?? [])
    for (const topic of (row as { state: { chosen: string[] } }).state.chosen) kept.add(topic);
  return [...kept];
}
const prospect = async (): Promise<string> =>
  (await kitchen.as("support", "POST", "/households", { name: "Prospect", locale: "en", timeZone: "Europe/Berlin" }))
    .body.id;

/** Nobody has the key of a prospect. */
const chooseFor = (householdId: string, ...topics: string[]) =>
  kitchen.slices.engagement.topics.choose({ kind: "system" }, householdId, topics);

async function merge(from: string, into: string): Promise<string> {
  const { status, body } = await kitchen.as("support", "POST", `/households/${into}/merges`, {
    from,
    reason: "Called",
  });
  expect(status).toBe(201);
  return body.id;
}
async function undo(mergeId: string): Promise<void> {
  const { status } = await kitchen.as("support", "POST", `/households/merges/${mergeId}/undo`, {
    reason: "They are two",
  });
  expect(status).toBe(200);
}

test("what a household chose makes an item suit it better, and it reads so; without consent to personalise nothing of it counts", async () => {
  const advised = await stage.household("C-1", ["market", "personalise"]);
  const silent = await stage.household("C-2", ["market"]);
  const [fish, meat] = [
    await stage.message("Fish", { topics: ["fish"] }),
    await stage.message("Meat", { topics: ["meat"] }),
  ];
  for (const one of [advised, silent]) expect((await choose(one, "meat")).body).toEqual({ topics: ["meat"] });
  await stage.run(stage.campaign([fish, meat], "C-0", "C-9"));
  await stage.tick();
  const chose = { from: "intent", term: "chose_this", points: 3, about: "topic:meat" };
  expect(await sentTo(advised)).toMatchObject({
    title: "Meat",
    why: "Your household agreed to offers and ideas. You chose to hear of this.",
    trace: { terms: [chose] },
  });
  expect(await sentTo(silent)).toMatchObject({
    why: "Your household agreed to offers and ideas.",
    trace: { terms: [] },
  });
  // Nor does it lie with what was decided about those who did not agree.
  expect([await keptOf(advised), await keptOf(silent)]).toEqual([["meat"], []]);
  // What was decided is decided the same again from what lies with it, whatever is chosen since.
  await choose(advised, "fish");
  const explained = { householdId: advised.householdId, itemId: meat };
  expect((await kitchen.as("support", "POST", "/decisions/explain", explained)).body.replay).toMatchObject({
    same: true,
  });

  await stage.withdraw(advised, "personalise");
  expect(await topicsOf(advised.householdId)).toEqual(["fish"]);
  expect(await sentTo(advised)).toMatchObject({ why: "Your household agreed to offers and ideas." });
});

test("a choice stands in place of the one before, and one that cannot be is refused by name and changes nothing", async () => {
  const person = await stage.household("C-11", []);
  await choose(person, "rye", "bread");
  expect((await choose(person, "bread", "cakes")).body).toEqual({ topics: ["bread", "cakes"] });
  const many = Array.from({ length: chosenTopicsMax + 1 }, (_, n) => `t${n}`);
  for (const [topics, named] of [
    [["cakes", "Rye bread"], "/topics/1"],
    [["rye", "rye"], "must not name a topic twice"],
    [many, "/topics"],
  ] as const) {
    const { status, body } = await choose(person, ...topics);
    expect([status, body.code, JSON.stringify(body)]).toEqual([400, "invalid_request", expect.stringContaining(named)]);
  }
  expect((await kitchen.call(person.key, "GET", "/my/topics")).body).toEqual({ topics: ["bread", "cakes"] });
  expect((await choose(person)).body).toEqual({ topics: [] });
  const nobody = "018f0000-0000-7000-8000-000000000001";
  for (const list of ["topics", "decisions"])
    expect((await kitchen.as("support", "GET", `/households/${nobody}/${list}`)).body.code, list).toBe(
      "decision_household_not_found",
    );
});

test("of two households that become one all that both chose stands, and each has its own again when that is taken back", async () => {
  const person = await stage.household("C-21", []);
  const [first, second, into] = [await prospect(), await prospect(), person.householdId];
  await choose(person, "bread");
  await chooseFor(first, "bread", "fish");
  await chooseFor(second, "fish", "rye");
  const merges = [await merge(first, into), await merge(second, into)];
  expect(await topicsOf(into)).toEqual(["bread", "fish", "rye"]);
  await choose(person, "bread", "fish", "cakes");
  await undo(merges[0] ?? "");
  // What the second chose, too, stays though it went with the first; what all dropped as one is dropped, what all chose as one stays.
  expect([await topicsOf(first), await topicsOf(into)]).toEqual([
    ["bread", "fish"],
    ["bread", "cakes", "fish"],
  ]);
  await undo(merges[1] ?? "");
  expect([await topicsOf(second), await topicsOf(into)]).toEqual([["fish"], ["bread", "cakes"]]);
});

test("what all dropped as one does not come back because one of them leaves", async () => {
  const person = await stage.household("C-31", []);
  const [first, second] = [await prospect(), await prospect()];
  for (const one of [first, second]) await chooseFor(one, "fish");
  const merged = await merge(first, person.householdId);
  await merge(second, person.householdId);
  await choose(person);
  await undo(merged);
  expect(await topicsOf(person.householdId)).toEqual([]);
});

test("chosen topics are erased with the household, also those that rest with what became part of it", async () => {
  const person = await stage.household("C-41", []);
  const other = await prospect();
  await choose(person, "bread");
  await chooseFor(other, "bread");
  await merge(other, person.householdId);
  for (const id of [person.householdId, other])
    expect(await kitchen.slices.engagement.topics.of(id)).toEqual(["bread"]);
  expect((await kitchen.call(person.key, "DELETE", "/my/household")).status).toBe(200);
  for (const id of [person.householdId, other]) expect(await kitchen.slices.engagement.topics.of(id)).toEqual([]);
});
