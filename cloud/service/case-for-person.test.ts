import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Kitchen } from "../../test/support/kitchen.ts";
import type { CaseForPersonOutcome } from "./service.ts";

let kitchen: Kitchen;
let made = 0;
const day = 86_400_000;

beforeAll(async () => {
  kitchen = await Kitchen.open();
});
afterAll(() => kitchen.close());

async function household(): Promise<string> {
  const body = { name: `Household ${(made += 1)}`, locale: "en", timeZone: "Europe/Berlin" };
  return (await kitchen.as("support", "POST", "/households", body)).body.id;
}

function openFor(householdId: string, dedupeKey: string, title = "Call them"): Promise<CaseForPersonOutcome> {
  const wanted = {
    householdId,
    device: null,
    severity: "service",
    title,
    note: "They left twice.",
    dedupeKey,
  } as const;
  return kitchen.base.db
    .transaction()
    .execute((tx) => kitchen.slices.service.openFor(tx, wanted, { kind: "service", name: "lifecycle" }));
}

const get = async (path: string) => (await kitchen.as("support", "GET", path)).body;
const openOf = async (householdId: string) => (await get(`/cases/queue?household=${householdId}`)).items;

test("a household without an appliance has a case that staff find, read, work on and close", async () => {
  const householdId = await household();
  const { kind, caseId } = await openFor(householdId, "at_risk");
  expect(kind).toBe("opened");
  expect(await openOf(householdId)).toMatchObject([{ id: caseId, deviceId: null, model: null, householdId }]);
  const found = await get(`/cases/${caseId}`);
  expect(found).toMatchObject({ title: "Call them", cause: "at_risk", appliance: null, readingsHref: null });
  expect(found.entries).toMatchObject([{ kind: "opened", text: "They left twice.", by: "service:lifecycle" }]);
  expect((await kitchen.as("support", "GET", `/cases/${caseId}/answers`)).status).toBe(200);
  const said = await kitchen.as("support", "POST", `/cases/${caseId}/messages`, { text: "Hello" });
  expect([said.status, said.body.code]).toEqual([409, "case_without_owner"]);
  const asked = await kitchen.as("support", "POST", `/cases/${caseId}/diagnoses`, { kind: "self_test" });
  expect([asked.status, asked.body.code]).toEqual([409, "case_without_appliance"]);
  for (const path of ["take", "notes", "resolve"]) {
    const body =
      path === "notes" ? { text: "Called", status: "waiting_for_owner" } : path === "take" ? {} : { note: "Well" };
    expect((await kitchen.as("support", "POST", `/cases/${caseId}/${path}`, body)).status).toBe(200);
  }
  expect(await openOf(householdId)).toEqual([]);
});

test("of two who see the same at once, one opens the case and the other finds it", async () => {
  const householdId = await household();
  const outcomes = await Promise.all(Array.from({ length: 5 }, () => openFor(householdId, "at_risk")));
  expect(outcomes.map(({ kind }) => kind).toSorted()).toEqual(["known", "known", "known", "known", "opened"]);
  expect(new Set(outcomes.map(({ caseId }) => caseId)).size).toBe(1);
});

test("a state that returns within seven days reopens its case, later it opens another; a happening has one case, ever", async () => {
  const householdId = await household();
  const resolve = (id: string) => kitchen.as("support", "POST", `/cases/${id}/resolve`, { note: "Done" });
  const first = await openFor(householdId, "at_risk");
  const call = await openFor(householdId, "decision:0190-a");
  await resolve(first.caseId);
  await resolve(call.caseId);
  expect(await openFor(householdId, "at_risk")).toEqual({ kind: "reopened", caseId: first.caseId });
  expect(await openFor(householdId, "decision:0190-a")).toEqual({ kind: "known", caseId: call.caseId });
  expect((await openFor(householdId, "decision:0190-b")).kind).toBe("opened");
  await resolve(first.caseId);
  kitchen.clock.forward(8 * day);
  const later = await openFor(householdId, "at_risk");
  expect(later.kind).toBe("opened");
  expect(later.caseId).not.toBe(first.caseId);
});

test("whatever comes how often, each household has at most one open case for a reason, and no other household's", async () => {
  const ids = await Promise.all([household(), household()]);
  const act = fc.record({
    who: fc.constantFrom(...ids),
    key: fc.constantFrom("at_risk", "unhappy", "decision:1"),
    resolves: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 1, maxLength: 12 }), async (acts) => {
      for (const { who, key, resolves } of acts) {
        const { caseId } = await openFor(who, key);
        expect((await get(`/cases/${caseId}`)).householdId).toBe(who);
        if (resolves) await kitchen.as("support", "POST", `/cases/${caseId}/resolve`, { note: "Done" });
      }
      const { rows } = await sql`SELECT household_id, cause FROM service_case WHERE NOT is_closed AND device_key IS NULL
        GROUP BY household_id, cause HAVING count(*) > 1`.execute(kitchen.base.db);
      expect(rows).toEqual([]);
    }),
    { numRuns: 10 },
  );
});

test("an erased household's case stays as a figure, without the household and what was written of it", async () => {
  const householdId = await household();
  const { caseId } = await openFor(householdId, "at_risk");
  await kitchen.base.db.transaction().execute((tx) => kitchen.slices.service.forgetHousehold(tx, householdId, []));
  const found = await get(`/cases/${caseId}`);
  expect(found.householdId).toBeNull();
  expect(JSON.stringify(found)).not.toContain("They left twice");
});

test("a key that nobody could have meant is a mistake of ours, and throws", async () => {
  const householdId = await household();
  await expect(openFor(householdId, "At Risk!")).rejects.toThrow("snake_case");
});

test("words that are too long are cut, and what is left is text", async () => {
  const householdId = await household();
  const { caseId } = await openFor(householdId, "at_risk", `a${"🍕".repeat(150)}`);
  expect((await get(`/cases/${caseId}`)).title).toBe(`a${"🍕".repeat(99)}\ufffd`);
});
