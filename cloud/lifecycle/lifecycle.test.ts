import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { type NotableFact, Outbox } from "../events/events.ts";
import type { HouseholdAct } from "../households/households.ts";
import { randomIds } from "../platform/ids.ts";
import { Audit } from "../staff/staff.ts";
import { Lifecycle } from "./lifecycle.ts";

const dayMs = 86_400_000;
const t0 = Date.UTC(2026, 0, 1);

let database: TestDatabase;
let lifecycle: Lifecycle;
let outbox: Outbox;
let nowMs = t0;
/** Cases that a person was asked to look at. */
const forPeople: { householdId: string; title: string; note: string | null; dedupeKey: string }[] = [];
const clock = { nowMs: () => nowMs };

beforeAll(async () => {
  database = await createTestDatabase();
  outbox = new Outbox(randomIds);
  lifecycle = new Lifecycle({
    db: database.db,
    clock,
    audit: new Audit(clock),
    outbox,
    households: {
      timeZoneOf: async (ids) => new Map(ids.map((id) => [id, {}])),
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
    service: {
      async openFor(_tx, wanted) {
        forPeople.push(wanted);
        return { kind: "opened", caseId: randomUUID() };
      },
    },
  });
  await lifecycle.load();
});
afterAll(() => database.drop());

type Happening = { act: Omit<HouseholdAct, "householdId"> } | { fact: (householdId: string) => NotableFact };

const oven = { key: 1, id: "oven-1", model: "oven-x200" };
const at = (day: number) => t0 + Math.round(day * dayMs);
const act = (id: string, day: number, type: string, data: object = {}): Happening => ({
  act: { source: `oven-1/${id}`, origin: "appliance", type, atMs: at(day), data: { ...data }, device: oven },
});
const cooked = (id: string, day: number) => act(id, day, "program.finished");
const rated = (id: string, day: number, rating: number) => act(id, day, "feedback.given", { rating });
const fact = (type: string, day: number, data: { caseId?: string; [key: string]: unknown } = {}): Happening => ({
  fact: (householdId) => ({
    type: `hearth.${type}`,
    subject: data.caseId === undefined ? `household:${householdId}` : `case:${data.caseId}`,
    atMs: at(day),
    data: { householdId, ...data },
  }),
});
const joined = (day: number) => fact("household.device_joined", day, { deviceId: oven.id });
const opened = (day: number, caseId = "c1") =>
  fact("case.opened", day, { caseId, deviceId: oven.id, title: "Too hot", by: "cause" });
const resolved = (day: number, caseId = "c1", answers = 1) =>
  fact("case.resolved", day, { caseId, deviceId: oven.id, title: "Too hot", by: "staff:1", answers, reopenedCount: 0 });

/** Tells what happened in one transaction, and lets the clock come to the end of `day`. */
async function happen(householdId: string, day: number, happenings: readonly Happening[]): Promise<void> {
  nowMs = at(day);
  await database.db.transaction().execute(async (tx) => {
    for (const one of happenings) {
      if ("fact" in one) await outbox.add(tx, [one.fact(householdId)]);
      else await lifecycle.ingest(tx, [{ ...one.act, householdId }]);
    }
  });
  await lifecycle.tick();
}

const stageOf = async (id: string) => (await lifecycle.stages(database.db, [id])).get(id);

async function linesOf(id: string) {
  const { rows } = await sql<{ day: number; from_stage: string | null; to_stage: string; causes: { kind: string }[] }>`
    SELECT (at_ms - ${t0}::bigint)::float / ${dayMs} AS day, from_stage, to_stage, causes
    FROM lifecycle_change WHERE household_id = ${id} ORDER BY place`.execute(database.db);
  return rows;
}
const pathOf = async (id: string) => (await linesOf(id)).map(({ to_stage: to }) => to);

test("how fast a change came stands beside the median of the households that changed alike, once five of them did", async () => {
  const pairsAfter = async (days: number): Promise<string> => {
    const id = randomUUID();
    await happen(id, 0, [fact("household.created", 0)]);
    await happen(id, days, [joined(days)]);
    return id;
  };
  const told = async (id: string) => {
    const { rows } = await sql<{ data: object }>`SELECT data FROM outbox
      WHERE type = 'hearth.lifecycle.changed' AND subject = ${`household:${id}`} ORDER BY id DESC LIMIT 1`.execute(
      database.db,
    );
    const life = await lifecycle.desk.household(id, null, 1);
    return { event: rows[0]?.data, change: life?.changes[0] };
  };
  for (const days of [7, 1, 20, 2]) await pairsAfter(days);
  await lifecycle.measure();
  // Four say nothing yet.
  const fifth = await told(await pairsAfter(4));
  expect(fifth.event).toMatchObject({ to: "activation", velocityDays: 4, medianDays: null });
  expect(fifth.change).toMatchObject({ to: "activation", days: 4, daysMedian: null });
  await lifecycle.measure();
  const sixth = await told(await pairsAfter(10));
  expect(sixth.event).toMatchObject({ from: "acquisition", to: "activation", velocityDays: 10, medianDays: 4 });
  expect(sixth.change).toMatchObject({ days: 10, daysMedian: 4 });
  // What others did says nothing about another change.
  const other = randomUUID();
  await happen(other, 20, [joined(20)]);
  await happen(other, 23, [cooked("1", 21), cooked("2", 22), cooked("3", 23)]);
  expect((await told(other)).event).toMatchObject({ from: "activation", to: "engagement", medianDays: null });
});

test("whoever is known and has no appliance is in acquisition; pairing, cooking and content lead on", async () => {
  const id = randomUUID();
  await happen(id, 0, [fact("household.created", 0)]);
  expect(await stageOf(id)).toBe("acquisition");
  await happen(id, 1, [joined(1)]);
  expect(await stageOf(id)).toBe("activation");
  await happen(id, 3, [cooked("1", 2), cooked("2", 3)]);
  expect(await stageOf(id)).toBe("activation");
  await happen(id, 4, [cooked("3", 4)]);
  expect(await stageOf(id)).toBe("engagement");
  await happen(id, 5, [rated("f", 5, 4)]);
  expect(await stageOf(id)).toBe("satisfaction");
  expect(await pathOf(id)).toEqual(["acquisition", "activation", "engagement", "satisfaction"]);
  const { rows } = await sql<{ data: object }>`SELECT data FROM outbox
    WHERE type = 'hearth.lifecycle.changed' AND subject = ${`household:${id}`} ORDER BY id`.execute(database.db);
  expect(rows.map(({ data }) => data)).toMatchObject([
    { householdId: id, from: null, to: "acquisition" },
    { from: "acquisition", to: "activation", velocityDays: 1 },
    {
      from: "activation",
      to: "engagement",
      velocityDays: 3,
      causes: [{ kind: "used" }, { kind: "programs", count: 3 }],
    },
    {
      from: "engagement",
      to: "satisfaction",
      velocityDays: 1,
      causes: [{ kind: "feedback", rating: 4 }, { kind: "programs" }],
    },
  ]);
});

const anyDay = fc.oneof(fc.integer({ min: 0, max: 120 }), fc.double({ min: 0, max: 120, noNaN: true }));
const anyHappening: fc.Arbitrary<(id: string) => Happening> = fc.oneof(
  { weight: 6, arbitrary: anyDay.map((day) => (id: string) => cooked(id, day)) },
  fc.tuple(anyDay, fc.integer({ min: 1, max: 5 })).map(
    ([day, rating]) =>
      (id: string) =>
        rated(id, day, rating),
  ),
  anyDay.map((day) => (id: string) => act(id, day, "fault.raised", { code: "E1" })),
  anyDay.map((day) => () => joined(day)),
  anyDay.map((day) => () => fact("household.device_left", day, { deviceId: oven.id })),
  fc.tuple(anyDay, fc.constantFrom("c1", "c2")).map(
    ([day, caseId]) =>
      () =>
        opened(day, caseId),
  ),
  fc.tuple(anyDay, fc.constantFrom("c1", "c2")).map(
    ([day, caseId]) =>
      () =>
        resolved(day, caseId),
  ),
  fc.tuple(anyDay, fc.constantFrom("gold", null)).map(
    ([day, to]) =>
      () =>
        fact("tier.changed", day, { from: null, to }),
  ),
  anyDay.map((day) => () => fact("consent.withdrawn", day, { purpose: "market" })),
  anyDay.map((day) => () => fact("consent.given", day, { purpose: "market" })),
  anyDay.map((day) => (id: string) => act(id, day, "share.cooked")),
);

const dayOf = (one: Happening) => (("act" in one ? one.act.atMs : one.fact("").atMs) - t0) / dayMs;

test("late, replayed and shuffled: the same stage, state and history as if all had come in time", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyHappening, { minLength: 1, maxLength: 25 }),
      fc.infiniteStream(fc.nat()),
      fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 6 }),
      async (makers, places, arrivals) => {
        const happenings = makers.map((make, index) => make(`e${index}`));
        const inTime = randomUUID();
        for (const one of happenings.toSorted((a, b) => dayOf(a) - dayOf(b))) await happen(inTime, dayOf(one), [one]);
        await happen(inTime, 200, []);
        const late = randomUUID();
        const shuffled = happenings
          .map((one) => ({ one, place: places.next().value ?? 0 }))
          .toSorted((a, b) => a.place - b.place)
          .map(({ one }) => one);
        const days = arrivals.toSorted((a, b) => a - b);
        const perDay = Math.ceil(shuffled.length / days.length);
        for (const [index, day] of days.entries()) {
          // Nobody hears of what has not happened yet; it comes at the end.
          const part = shuffled.slice(index * perDay, (index + 1) * perDay).filter((one) => dayOf(one) <= day);
          await happen(late, day, [...part, ...part]);
        }
        await happen(late, 200, shuffled);
        expect(await linesOf(late)).toEqual(await linesOf(inTime));
        expect(await stateOf(late)).toEqual(await stateOf(inTime));
      },
    ),
    { numRuns: 25 },
  );
});

async function stateOf(id: string) {
  const { rows } = await sql<{ state: object }>`
    SELECT stage, since_ms, state, version, risks, risk FROM lifecycle_household WHERE household_id = ${id}`.execute(
    database.db,
  );
  return rows.map(({ state, ...row }) => ({
    ...row,
    state: JSON.stringify({ ...state, judgedToMs: null }).replaceAll(id, ""),
  }));
}
