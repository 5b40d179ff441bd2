import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { FastifyInstance } from "fastify";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { call, createSliceHttp } from "../../test/support/slice-http.ts";
import { Outbox } from "../events/events.ts";
import { randomIds } from "../platform/ids.ts";
import { Audit } from "../staff/staff.ts";
import { Lifecycle } from "./lifecycle.ts";
import { lifecycleRoutes } from "./lifecycle-routes.ts";

const dayMs = 86_400_000;
const t0 = Date.UTC(2026, 0, 1);
const at = (day: number) => t0 + day * dayMs;

let database: TestDatabase;
let lifecycle: Lifecycle;
let app: FastifyInstance;
let nowMs = t0;
const clock = { nowMs: () => nowMs };

beforeAll(async () => {
  database = await createTestDatabase();
  const unknown = randomUUID();
  lifecycle = new Lifecycle({
    db: database.db,
    clock,
    audit: new Audit(clock),
    outbox: new Outbox(randomIds),
    households: {
      timeZoneOf: async (ids) => new Map(ids.filter((id) => id !== unknown).map((id) => [id, {}])),
      namesOf: async (_db, ids) => new Map(ids.map((id) => [id, `Home ${id.slice(0, 4)}`])),
    },
    asking: {
      ids: randomIds,
      askable: async () => new Map(),
      hoursChanged: async () => null,
      claimWeek: async () => new Set(),
      appliances: { ofHousehold: async () => [] },
      deliveries: { create: async () => ({ ids: [], afterCommit() {} }) },
    },
    service: { openFor: async () => ({ kind: "opened", caseId: randomUUID() }) },
  });
  await lifecycle.load();
  app = await createSliceHttp((server) => lifecycleRoutes(server, lifecycle));
});
afterAll(async () => {
  await app.close();
  await database.drop();
});

let acts = 0;
async function does(householdId: string, day: number, type: string, data: Record<string, unknown> = {}): Promise<void> {
  acts += 1;
  nowMs = Math.max(nowMs, at(day));
  const device = { key: 1, id: `oven-${householdId}`, model: "oven-x200" };
  const act = { householdId, source: `${device.id}/${acts}`, type, atMs: at(day), data, device };
  await database.db.transaction().execute((tx) => lifecycle.ingest(tx, [{ ...act, origin: "appliance" }]));
}
async function cooks(householdId: string, days: readonly number[]): Promise<void> {
  for (const day of days) await does(householdId, day, "program.finished");
}
async function goTo(day: number): Promise<void> {
  nowMs = at(day);
  await lifecycle.tick();
}
const get = async (path: string) => (await call(app, "viewer", "GET", `/lifecycle/${path}`)).body;
const period = (fromDay: number, toDay: number) => `fromMs=${at(fromDay)}&toMs=${at(toDay)}`;

const [steady, silent, angry, fresh] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()] as const;

test("flows say where households moved between two moments, those who stayed and those who came with them", async () => {
  await cooks(silent, [0, 1, 2]);
  await cooks(steady, [1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30]);
  await does(angry, 16, "program.finished");
  await cooks(angry, [20, 23, 26, 29.5]);
  await does(fresh, 29, "program.finished");
  await goTo(30);
  expect(await get(`flows?${period(10, 30)}`)).toEqual({
    before: { acquisition: 0, activation: 0, engagement: 2, satisfaction: 0, loyalty: 0, advocacy: 0, disengaged: 0 },
    after: { acquisition: 0, activation: 1, engagement: 2, satisfaction: 0, loyalty: 0, advocacy: 0, disengaged: 1 },
    flows: expect.arrayContaining([
      { from: null, to: "activation", households: 1 },
      { from: null, to: "engagement", households: 1 },
      { from: "engagement", to: "disengaged", households: 1 },
      { from: "engagement", to: "engagement", households: 1 },
    ]),
    changes: expect.arrayContaining([
      { from: "engagement", to: "disengaged", changes: 1, daysMedian: expect.closeTo(9, 3) },
      { from: "activation", to: "engagement", changes: 1, daysMedian: 7 },
    ]),
  });
});

test("counts over a period are those of each moment, the last as they are", async () => {
  const { items } = await get(`counts?${period(0, 30)}&parts=30`);
  expect(items).toHaveLength(31);
  const on = (day: number) => items[day].counts;
  expect(on(1)).toMatchObject({ activation: 2, engagement: 0 });
  expect(on(3)).toMatchObject({ activation: 0, engagement: 2 });
  expect(on(16)).toMatchObject({ activation: 1, engagement: 1, disengaged: 1 });
  expect(on(30)).toMatchObject({ activation: 1, engagement: 2, disengaged: 1 });
  expect(items.at(-1).atMs).toBe(at(30));
});

test("a period that ends before it begins, or is years long, is refused by name", async () => {
  for (const path of [`flows?${period(5, 5)}`, `counts?${period(0, 800)}`]) {
    expect((await call(app, "viewer", "GET", `/lifecycle/${path}`)).body.code).toBe("lifecycle_period_wrong");
  }
});

test("whoever is endangered is listed with what endangers them, the worst first, until it is over", async () => {
  await does(angry, 30, "feedback.given", { rating: 1 });
  await goTo(30.1);
  const found = await get("at-risk");
  expect(found).toMatchObject({ households: 1, byKind: [{ kind: "feedback", households: 1 }] });
  expect(found.items).toMatchObject([
    { householdId: angry, name: `Home ${angry.slice(0, 4)}`, stage: "engagement", risks: [{ kind: "feedback" }] },
  ]);
  expect(found.items[0].risks[0].causes[0].text).toBe("Rated us 1 of 5");
  // Twice its usual three days, and a little: not lost yet.
  await goTo(36.2);
  const later = await get("at-risk");
  expect(later.items.map(({ householdId }: { householdId: string }) => householdId)).toEqual([angry, steady]);
  expect(later.items[0].risks.map(({ kind }: { kind: string }) => kind)).toEqual(["silent", "feedback"]);
  expect(later.items[1]).toMatchObject({ lostAtMs: at(39) });
  const page = await get("at-risk?limit=1");
  expect((await get(`at-risk?limit=1&cursor=${page.nextCursor}`)).items).toMatchObject([{ householdId: steady }]);
  await cooks(steady, [36.5]);
  await does(angry, 36.5, "program.finished");
  await does(angry, 36.6, "feedback.given", { rating: 5 });
  expect(await get("at-risk")).toMatchObject({ households: 0, items: [], byKind: [] });
});

test("who was lost within the week is listed with the causes", async () => {
  await goTo(47.3);
  const { lost } = await get("at-risk");
  expect(lost.map(({ householdId }: { householdId: string }) => householdId).toSorted()).toEqual(
    [steady, angry].toSorted(),
  );
  expect(lost[0]).toMatchObject({ causes: [{ kind: "silent" }] });
});

const definitionNow = async () => (await get("definition")).definition;

test("the preview says how many households another definition would move, and moves none", async () => {
  const patient = { ...(await definitionNow()), disengaged: { ...(await definitionNow()).disengaged, gaps: 6 } };
  const seen = await call(app, "content", "POST", "/lifecycle/definition/preview", { definition: patient });
  expect(seen.body).toMatchObject({ households: 4, isSample: false, moved: 0 });
  const eager = { ...(await definitionNow()), activation: { programs: 1, days: 30 }, engagement: { gaps: 2.9 } };
  await does(fresh, 47.5, "program.finished");
  const moved = await call(app, "content", "POST", "/lifecycle/definition/preview", { definition: eager });
  expect(moved.body).toMatchObject({
    moved: 1,
    flows: [{ from: "activation", to: "engagement", households: 1 }],
    before: { activation: 1 },
    after: { activation: 0, engagement: 1 },
  });
  expect((await call(app, "viewer", "POST", "/lifecycle/definition/preview", { definition: eager })).status).toBe(403);
  expect((await lifecycle.stages(database.db, [fresh])).get(fresh)).toBe("activation");
});

test("a changed definition moves households at the next turn of the clock, is in the audit log, and is not changed by two at once", async () => {
  const eager = { ...(await definitionNow()), activation: { programs: 1, days: 30 } };
  expect((await call(app, "viewer", "PUT", "/lifecycle/definition", { basedOn: 1, definition: eager })).status).toBe(
    403,
  );
  await goTo(48);
  const put = () => call(app, "content", "PUT", "/lifecycle/definition", { basedOn: 1, definition: eager });
  expect((await put()).body).toMatchObject({ version: 2, createdBy: "staff:content" });
  expect((await put()).body.code).toBe("changed_meanwhile");
  await lifecycle.tick();
  expect((await lifecycle.stages(database.db, [fresh])).get(fresh)).toBe("engagement");
  const { body } = await call(app, "viewer", "GET", `/households/${fresh}/lifecycle`);
  expect(body.changes[0].causes[0]).toMatchObject({ text: "The definition of the stages changed (version 2)" });
  const { rows } = await sql<{ action: string }>`
    SELECT action FROM audit_entry WHERE subject = 'lifecycle_definition'`.execute(database.db);
  expect(rows).toMatchObject([{ action: "lifecycle_definition.changed" }]);
  expect((await get("definition/versions")).items.map(({ version }: { version: number }) => version)).toEqual([2, 1]);
});

test("what is older than it is kept is put together, and nothing of a life changes", async () => {
  const old = randomUUID();
  await cooks(old, [50, 53, 56, 59]);
  await goTo(60);
  const history = async () => (await call(app, "viewer", "GET", `/households/${old}/lifecycle`)).body.changes;
  await goTo(500);
  await cooks(old, [500.5]);
  const before = await history();
  await lifecycle.trim();
  const { rows } = await sql<{ at_ms: number }>`
    SELECT at_ms FROM lifecycle_signal WHERE household_id = ${old}`.execute(database.db);
  expect(rows).toEqual([{ at_ms: at(500.5) }]);
  // Late, but within what is kept: told anew from what was put together.
  await does(old, 480, "program.finished");
  expect((await history()).at(-1)).toEqual(before.at(-1));
  expect((await history()).map(({ to }: { to: string }) => to)).toEqual([
    "engagement",
    "disengaged",
    "engagement",
    "disengaged",
    "engagement",
  ]);
  // From a time of which only the sum is left: nothing can be said about it any more.
  const lifeOf = async () => (await call(app, "viewer", "GET", `/households/${old}/lifecycle`)).body;
  expect((await lifeOf()).tooLate).toBeNull();
  await does(old, 55, "program.finished");
  expect(await history()).toHaveLength(5);
  // But that it came, and came too late, is told.
  expect((await lifeOf()).tooLate).toEqual({ count: 1, newestMs: at(55) });
  await does(old, 51, "program.finished");
  await does(old, 480.5, "program.finished");
  expect((await lifeOf()).tooLate).toEqual({ count: 2, newestMs: at(55) });
});

test("what is held of a household is listed in words, and erased whole", async () => {
  await cooks(steady, [501]);
  const [stages, signals] = lifecycle.householdData;
  const rowsOf = async (data: typeof stages) =>
    data === undefined ? [] : Array.fromAsync(data.rows(database.db, steady));
  expect((await rowsOf(stages))[0]).toMatchObject({
    to: "activation",
    causes: ["Used an appliance", "Has an appliance"],
  });
  expect((await rowsOf(signals)).length).toBeGreaterThan(0);
  const gone = await database.db.transaction().execute((tx) => stages?.erase(tx, steady) ?? Promise.resolve(0));
  expect(gone).toBeGreaterThan(2);
  expect([...(await rowsOf(stages)), ...(await rowsOf(signals))]).toEqual([]);
});

const endangered = async () => {
  const { households, byKind, items } = await get("at-risk");
  const ids = items.map(({ householdId }: { householdId: string }) => householdId);
  return { households, byKind, ids };
};

test("who withdrew from marketing is at risk for as long as a complaint counts, and not for ever", async () => {
  const sober = randomUUID();
  const cooksOn = async (fromDay: number, toDay: number) => {
    for (let day = fromDay; day <= toDay; day += 3) {
      await cooks(sober, [day]);
      await goTo(day + 0.5);
    }
  };
  await cooksOn(601, 607);
  const data = { householdId: sober, purpose: "market" };
  const said = { type: "hearth.consent.withdrawn", subject: `household:${sober}`, atMs: at(608), data };
  await database.db.transaction().execute((tx) => lifecycle.hear(tx, [said]));
  const withdrew = { households: 1, byKind: [{ kind: "marketing_withdrawn", households: 1 }], ids: [sober] };
  expect(await endangered()).toEqual(withdrew);
  await cooksOn(610, 694);
  await cooks(sober, [697]);
  await goTo(698);
  expect(await endangered()).toEqual(withdrew);
  // Nothing but time goes by.
  await goTo(698.01);
  expect(await endangered()).toEqual({ households: 0, byKind: [], ids: [] });
  expect((await call(app, "viewer", "GET", `/households/${sober}/lifecycle`)).body.risks).toEqual([]);
  // As it stood before that risk ended: with nothing to come.
  await sql`UPDATE lifecycle_household SET risks = '{marketing_withdrawn}', risk = 20, due_at_ms = NULL
    WHERE household_id = ${sober}`.execute(database.db);
  await sql
    .raw(await readFile(new URL("../platform/migrations/380-withdrawn-risk.sql", import.meta.url), "utf8"))
    .execute(database.db);
  await goTo(698.02);
  expect(await endangered()).toEqual({ households: 0, byKind: [], ids: [] });
});
