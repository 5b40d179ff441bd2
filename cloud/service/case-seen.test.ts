import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { coolDown, overheat } from "../../test/support/cavity-heat.ts";
import { Kitchen } from "../../test/support/kitchen.ts";

let kitchen: Kitchen;
const minute = 60_000;
const week = 7 * 24 * 60 * minute;

beforeAll(async () => {
  kitchen = await Kitchen.open();
});
afterAll(() => kitchen.close());

const get = async (path: string) => (await kitchen.as("support", "GET", path)).body;
const post = (path: string, body: object = {}) => kitchen.as("support", "POST", path, body);

const newHome = () => kitchen.newHome("seen");
const overheats = (device: string) => overheat(kitchen, device);
const cools = (device: string) => coolDown(kitchen, device);
const caseOf = async (device: string) => (await get(`/cases?device=${device}&cause=over_temperature`)).items[0];
const kinds = async (id: string) => (await get(`/cases/${id}`)).entries.map((entry: { kind: string }) => entry.kind);
const thisWeek = async () => (await get("/cases/measures?weeks=1&severity=safety")).weeks[0];

test("an oven that was too hot and cooled down by itself waits until a person has seen it, and says so", async () => {
  const home = await newHome();
  const before = await thisWeek();
  await overheats(home.oven);
  const opened = await caseOf(home.oven);
  expect(opened).toMatchObject({ severity: "safety", status: "open", seen: null, causeGoneAtMs: null });
  const cooledAtMs = kitchen.clock.nowMs();
  await cools(home.oven);
  expect(await caseOf(home.oven)).toMatchObject({
    id: opened.id,
    status: "open",
    causeGoneAtMs: cooledAtMs,
    seen: null,
  });
  // What is due stays due, and climbs: that is how somebody hears of it.
  kitchen.clock.forward(2 * 60 * minute);
  await kitchen.slices.service.tick();
  const late = await get(`/cases/${opened.id}`);
  expect(late).toMatchObject({ status: "open", promise: { dueAtMs: opened.promise.dueAtMs } });
  expect(late.promise.level).toBeGreaterThan(0);
  expect((await get(`/cases/queue?device=${home.oven}`)).items).toMatchObject([{ id: opened.id }]);
  // It counts as neither solved nor automatic.
  const waiting = await thisWeek();
  expect([waiting.opened - before.opened, waiting.resolved - before.resolved]).toEqual([1, 0]);
  const seen = await post(`/cases/${opened.id}/acknowledge`);
  expect(seen.body).toMatchObject({ status: "resolved", causeGoneAtMs: null });
  expect(seen.body.resolvedBy).toMatch(/^staff:/);
  expect(await kinds(opened.id)).toEqual([
    "opened",
    "cause_gone",
    ...late.entries.slice(2).map(() => "escalated"),
    "resolved",
  ]);
  const after = await thisWeek();
  expect(after.resolved - before.resolved).toBe(1);
  expect(after.automationShare * after.resolved).toBeCloseTo((before.automationShare ?? 0) * before.resolved);
});

test("its owner reads that it shows no more and that a person looks at it all the same, and nothing of who has seen it", async () => {
  const home = await newHome();
  await overheats(home.oven);
  const { id } = await caseOf(home.oven);
  const mine = async () => (await kitchen.call(home.key, "GET", `/my/cases/${id}`)).body.standing;
  expect(await mine()).toMatchObject({ status: "open", causeGoneAtMs: null });
  const goneAtMs = kitchen.clock.nowMs();
  await cools(home.oven);
  expect(await mine()).toMatchObject({ status: "open", causeGoneAtMs: goneAtMs, ahead: expect.any(Number) });
  await overheats(home.oven);
  expect(await mine()).toMatchObject({ status: "open", causeGoneAtMs: null });
  await post(`/cases/${id}/acknowledge`);
  await cools(home.oven);
  const standing = await mine();
  expect(standing).toMatchObject({ status: "resolved", causeGoneAtMs: null });
  expect(await kinds(id)).toEqual(["opened", "cause_gone", "cause_back", "acknowledged", "resolved"]);
  const theirs = JSON.stringify((await kitchen.call(home.key, "GET", `/my/cases/${id}`)).body);
  expect(theirs).not.toContain("staff:");
});

test("whatever staff do with it counts as having seen it; what only looks, answers by itself or comes from its owner does not", async () => {
  for (const act of ["take", "notes", "messages"] as const) {
    const home = await newHome();
    await overheats(home.oven);
    const { id } = await caseOf(home.oven);
    await kitchen.call(home.key, "POST", `/my/cases/${id}/messages`, { text: "It smells" });
    await get(`/cases/${id}`);
    kitchen.clock.forward(minute);
    await kitchen.slices.service.tickConversations();
    expect((await caseOf(home.oven)).seen).toBeNull();
    const atMs = kitchen.clock.nowMs();
    expect((await post(`/cases/${id}/${act}`, act === "take" ? {} : { text: "Seen" })).status).toBeLessThan(300);
    expect((await caseOf(home.oven)).seen).toMatchObject({ atMs, by: expect.stringMatching(/^staff:/) });
    await cools(home.oven);
    expect(await caseOf(home.oven)).toMatchObject({ status: "resolved", resolvedBy: "cause" });
  }
});

test("who saw it the first time has not seen it when it comes back", async () => {
  const home = await newHome();
  await overheats(home.oven);
  const { id } = await caseOf(home.oven);
  await post(`/cases/${id}/acknowledge`);
  await cools(home.oven);
  await overheats(home.oven);
  expect(await caseOf(home.oven)).toMatchObject({ id, status: "reopened", seen: null });
  await cools(home.oven);
  expect(await caseOf(home.oven)).toMatchObject({ id, status: "reopened", causeGoneAtMs: expect.any(Number) });
  await post(`/cases/${id}/acknowledge`);
  expect(await caseOf(home.oven)).toMatchObject({ status: "resolved" });
  expect((await post(`/cases/${id}/acknowledge`)).body.code).toBe("case_already_resolved");
});

test("a safety matter that its household left behind is not over before a person has seen it", async () => {
  const home = await newHome();
  await overheats(home.oven);
  await kitchen.as("support", "DELETE", `/households/${home.householdId}/devices/${home.oven}`);
  await cools(home.oven);
  expect(await caseOf(home.oven)).toMatchObject({
    status: "open",
    householdId: null,
    causeGoneAtMs: expect.any(Number),
  });
  kitchen.clock.forward(5 * week);
  await kitchen.slices.service.tickConversations();
  expect(await caseOf(home.oven)).toMatchObject({ status: "open" });
});

test("whatever an oven and its staff do, no safety case is over that no person did anything with", async () => {
  const act = fc.constantFrom(
    "overheat" as const,
    "cool" as const,
    "see" as const,
    "note" as const,
    "resolve" as const,
  );
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 1, maxLength: 8 }), async (acts) => {
      const home = await newHome();
      for (const one of acts) {
        const found = await caseOf(home.oven);
        if (one === "overheat") await overheats(home.oven);
        if (one === "cool") await cools(home.oven);
        if (found === undefined) continue;
        if (one === "see") await post(`/cases/${found.id}/acknowledge`);
        if (one === "note") await post(`/cases/${found.id}/notes`, { text: "Looked" });
        if (one === "resolve") await post(`/cases/${found.id}/resolve`, { note: "Done" });
      }
      const found = await caseOf(home.oven);
      if (found === undefined) return;
      const { entries } = await get(`/cases/${found.id}`);
      // Between any two ends of it there is a word of a person.
      let isSeen = false;
      for (const { kind, by } of entries as { kind: string; by: string }[]) {
        if (kind === "opened" || kind === "reopened") isSeen = false;
        if (by.startsWith("staff:")) isSeen = true;
        if (kind === "resolved") expect(isSeen).toBe(true);
      }
      expect(found.causeGoneAtMs === null || found.status === "open" || found.status === "reopened").toBe(true);
    }),
    { numRuns: 12 },
  );
});
