import { randomUUID } from "node:crypto";
import fc from "fast-check";
import type { FastifyInstance } from "fastify";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { call, createSliceHttp } from "../../test/support/slice-http.ts";
import type { DeviceRef, EventFact } from "../devices/devices.ts";
import { Outbox } from "../events/events.ts";
import { actsOf } from "../households/households.ts";
import { randomIds } from "../platform/ids.ts";
import { Audit } from "../staff/staff.ts";
import { loyaltyRoutes } from "./loyalty-routes.ts";
import { Loyalty } from "./loyalty.ts";

let database: TestDatabase;
let loyalty: Loyalty;
let app: FastifyInstance;
let nowMs = Date.UTC(2026, 5, 10, 12);
let keys = 0;

const clock = { nowMs: () => nowMs };
/** Households exist where a test says so; all of them live in Tokyo, which is never at the day of UTC's evening. */
const households = new Set<string>();
const timeZoneOf = async (ids: readonly string[]) =>
  new Map(ids.filter((id) => households.has(id)).map((id) => [id, { timeZone: "Asia/Tokyo", locale: "ja-JP" }]));

beforeAll(async () => {
  database = await createTestDatabase();
  loyalty = new Loyalty({
    db: database.db,
    clock,
    ids: randomIds,
    audit: new Audit(clock),
    outbox: new Outbox(randomIds),
    households: { timeZoneOf, onMerged() {}, onUnmerged() {} },
    profiles: { facts: {}, of: async () => new Map() },
    acts: async () => [],
    secret: Buffer.alloc(32, 7),
    reach: "loopback",
    deliveries: { create: async () => ({ ids: [], afterCommit() {} }) },
    service: { openFor: async () => ({ kind: "opened", caseId: randomUUID() }) },
    appliances: { ofHousehold: async () => [], models: async () => [] },
  });
  await loyalty.load();
  app = await createSliceHttp((server) => loyaltyRoutes(server, loyalty));
});
afterAll(async () => {
  await app.close();
  await database.drop();
});

function home(): { id: string; oven: DeviceRef } {
  const id = randomUUID();
  households.add(id);
  keys += 1;
  return { id, oven: { key: keys, id: `oven-${keys}`, model: "oven-x200", householdId: id, householdSinceMs: null } };
}

const t0 = Date.UTC(2026, 5, 1, 0);
const hourMs = 3_600_000;
const finished = (device: DeviceRef, id: string | number, hour: number, type = "program.finished"): EventFact => {
  const atMs = t0 + hour * hourMs;
  return {
    device,
    event: { id: `e${id}`, atMs, type, data: {} },
    receivedAtMs: atMs,
    orderAtMs: atMs,
    clockSuspect: false,
  };
};

const ingest = (...facts: EventFact[]) => database.db.transaction().execute((tx) => loyalty.ingest(tx, actsOf(facts)));
const balance = async (id: string) => (await call(app, "viewer", "GET", `/households/${id}/balance`)).body;

interface Line {
  id: string;
  kind: string;
  rule: string;
  points: number;
  eventId: string;
  day: string;
  state: string;
}
const ledger = async (id: string) =>
  (await call(app, "viewer", "GET", `/households/${id}/ledger?limit=500`)).body.items as Line[];
const lines = async (id: string) =>
  (await ledger(id)).map(({ rule, points, eventId, day }) => `${day} ${rule} ${points} ${eventId}`);
const expectSound = async () => expect(await loyalty.check()).toMatchObject({ ok: true, broken: [] });

test("a finished program earns, the first of a household more, and the world is told", async () => {
  const { id, oven } = home();
  await ingest(finished(oven, 1, 0), finished(oven, 2, 1, "program.started"));
  expect(await balance(id)).toEqual({ active: 60, pending: 0 });
  expect((await lines(id)).toSorted((a, b) => a.localeCompare(b))).toEqual([
    "2026-06-01 finished_program 10 e1",
    "2026-06-01 first_cook 50 e1",
  ]);
  const { rows } = await sql<{ data: object }>`
    SELECT data FROM outbox WHERE subject = ${`household:${id}`} AND type = 'hearth.points.earned' ORDER BY id`.execute(
    database.db,
  );
  expect(rows.map((row) => row.data)).toMatchObject([
    { householdId: id, deviceId: oven.id, points: 10, rule: "finished_program" },
    { points: 50, rule: "first_cook" },
  ]);
  expect(await loyalty.timeline(oven, { beforeMs: nowMs, limit: 10 })).toMatchObject([
    { kind: "points", title: "+50 points: First program of the household", data: { eventId: "e1" } },
    { kind: "points", title: "+10 points: Finished a program" },
  ]);
  await expectSound();
});

test("a day's limit counts in the household's calendar, and a refusal by it is final", async () => {
  const { id, oven } = home();
  // 15:00 UTC is midnight in Tokyo: four events before it, two after, all on the same day of UTC.
  await ingest(...[10, 11, 12, 13, 15, 16].map((hour) => finished(oven, hour, hour)));
  const earned = (await ledger(id)).filter((line) => line.rule === "finished_program");
  expect(earned.map(({ day, eventId }) => `${day} ${eventId}`).toSorted((a, b) => a.localeCompare(b))).toEqual([
    "2026-06-01 e10",
    "2026-06-01 e11",
    "2026-06-01 e12",
    "2026-06-02 e15",
    "2026-06-02 e16",
  ]);
  const rule = loyalty.rules.get("finished_program")?.definition;
  const higher = { ...rule, limit: { kind: "per", period: "day", count: 9 } };
  await call(app, "content", "PUT", "/loyalty/rules/finished_program", higher);
  await ingest(finished(oven, 13, 13), finished(oven, 14, 14));
  expect(await balance(id)).toEqual({ active: 100, pending: 0 });
  await call(app, "content", "PUT", "/loyalty/rules/finished_program", rule ?? {});
});

test("an act goes by the version of its own time, however late it is told", async () => {
  const { id, oven } = home();
  const rule = loyalty.rules.get("finished_program")?.definition;
  const changedMs = nowMs;
  await call(app, "content", "PUT", "/loyalty/rules/finished_program", { ...rule, effects: [{ points: 25 }] });
  nowMs += hourMs;
  const hoursSinceT0 = (changedMs - t0) / hourMs;
  await ingest(finished(oven, "after", hoursSinceT0 + 1));
  await ingest(finished(oven, "before", hoursSinceT0 - 24));
  expect((await lines(id)).filter((line) => line.includes("finished_program"))).toEqual([
    "2026-06-09 finished_program 10 ebefore",
    "2026-06-10 finished_program 25 eafter",
  ]);
  await call(app, "content", "PUT", "/loyalty/rules/finished_program", rule ?? {});
});

async function pointsPerDay(id: string): Promise<Map<string, number>> {
  const sums = new Map<string, number>();
  for (const { rule, day, points } of await ledger(id)) {
    // Which event was the household's first to arrive may differ, and with it the day of that earning.
    const key = rule === "first_cook" ? rule : `${rule} ${day}`;
    sums.set(key, (sums.get(key) ?? 0) + points);
  }
  return sums;
}

test("arbitrary batches with repeats leave the same ledger as without, and in another order the same points", async () => {
  const hours = fc.uniqueArray(fc.nat(60), { minLength: 1, maxLength: 14 });
  await fc.assert(
    fc.asyncProperty(
      hours,
      fc.array(fc.nat(), { maxLength: 20 }),
      fc.infiniteStream(fc.nat(9)),
      async (sequence, again, random) => {
        const next = () => random.next().value ?? 0;
        const [plain, repeated, shuffled] = [home(), home(), home()];
        for (const hour of sequence) await ingest(finished(plain.oven, hour, hour));

        // The same in batches of any size, with any event again in any place after its first.
        const sent: number[] = [...sequence];
        for (const pick of again) {
          const hour = sent[pick % sent.length] ?? 0;
          const after = sent.indexOf(hour) + 1;
          sent.splice(after + (pick % (sent.length - after + 1)), 0, hour);
        }
        for (const hour of sent)
          await ingest(...Array.from({ length: (next() % 3) + 1 }, () => finished(repeated.oven, hour, hour)));
        expect(await lines(repeated.id)).toEqual(await lines(plain.id));

        const mixed = sent.map((hour) => ({ hour, place: next() })).toSorted((a, b) => a.place - b.place);
        while (mixed.length > 0) {
          await ingest(...mixed.splice(0, next() + 1).map(({ hour }) => finished(shuffled.oven, hour, hour)));
        }
        expect(await pointsPerDay(shuffled.id)).toEqual(await pointsPerDay(plain.id));
        for (const { id } of [plain, repeated, shuffled]) {
          const sum = (await ledger(id)).reduce((total, line) => total + line.points, 0);
          expect(await balance(id)).toEqual({ active: sum, pending: 0 });
        }
      },
    ),
    { numRuns: 15 },
  );
  await expectSound();
});

test("the same identity with another amount is refused by name, and nothing moves", async () => {
  const { id, oven } = home();
  await ingest(finished(oven, 1, 0));
  const measured = {
    title: "Saved energy",
    act: { type: "energy.saved" },
    facts: { saved_wh: "number" },
    effects: [{ points: { of: "saved_wh", unit: 100, max: 50 } }],
    limit: { kind: "per", period: "day", count: 5 },
  };
  expect((await call(app, "content", "PUT", "/loyalty/rules/saved", measured)).status).toBe(200);
  const saved = (wh: number): EventFact => {
    const fact = finished(oven, "s", (nowMs - t0) / hourMs, "energy.saved");
    return { ...fact, event: { ...fact.event, data: { saved_wh: wh } } };
  };
  await ingest(saved(1_050));
  await ingest(saved(1_050));
  await ingest(saved(2_500), saved(2_500));
  expect((await balance(id)).active).toBe(70);
  const { rows } = await sql`
    SELECT refused, points FROM ledger_refusal WHERE household_id = ${id}`.execute(database.db);
  expect(rows).toEqual([{ refused: "exists_with_different_amount", points: 25 }]);
  expect(await loyalty.rules.put({ kind: "system" }, "saved", loyalty.rules.get("saved")!.definition)).toMatchObject({
    version: 1,
  });
  await expectSound();
});

test("a device of no household, or of one that does not exist, earns for nobody", async () => {
  const { oven } = home();
  await ingest(finished({ ...oven, householdId: null }, 1, 0), finished({ ...oven, householdId: randomUUID() }, 2, 0));
  expect(await loyalty.timeline(oven, { beforeMs: nowMs, limit: 10 })).toEqual([]);
});

test("an event that earned for one household never earns for the next owner", async () => {
  const [before, after] = [home(), home()];
  await ingest(finished(before.oven, 1, 0));
  await ingest(finished({ ...before.oven, householdId: after.id }, 1, 0));
  expect(await balance(before.id)).toEqual({ active: 60, pending: 0 });
  expect((await ledger(after.id)).map((line) => line.rule)).toEqual([]);
});

test("points are pending until the rule's delay is over", async () => {
  const definition = {
    title: "Cleaned",
    act: { type: "clean.finished" },
    effects: [{ points: 7 }],
    limit: { kind: "per", period: "day", count: 1 },
    delayMs: 30 * 24 * hourMs,
  };
  expect((await call(app, "content", "PUT", "/loyalty/rules/rested", definition)).body).toMatchObject({ version: 1 });
  const { id, oven } = home();
  await ingest(finished(oven, 1, (nowMs - t0) / hourMs, "clean.finished"));
  const activeBefore = (await loyalty.counts()).pointsActive;
  expect(await balance(id)).toEqual({ active: 0, pending: 7 });
  expect(await ledger(id)).toMatchObject([{ state: "pending" }]);
  nowMs += 30 * 24 * hourMs;
  expect(await balance(id)).toEqual({ active: 7, pending: 0 });
  expect((await loyalty.counts()).pointsActive).toBe(activeBefore + 7);
});

test("an earning is reversed at most once, by a transfer that points at it, and keeps its place in the day's limit", async () => {
  const { id, oven } = home();
  await ingest(...[1, 2, 3, 4].map((hour) => finished(oven, hour, hour)));
  const earning = (await ledger(id)).find((line) => line.eventId === "e1" && line.rule === "finished_program");
  const reverse = () =>
    call(app, "support", "POST", `/loyalty/transfers/${earning?.id}/reverse`, { reason: "Test oven" });
  const [first, second] = await Promise.all([reverse(), reverse()]);
  expect([first.status, second.status].toSorted((a, b) => a - b)).toEqual([201, 409]);
  expect((await reverse()).body.code).toBe("earning_already_reversed");
  expect(await balance(id)).toEqual({ active: 70, pending: 0 });
  await ingest(finished(oven, 1, 1), finished(oven, 5, 5));
  expect(await balance(id)).toEqual({ active: 70, pending: 0 });
  expect((await ledger(id))[0]).toMatchObject({
    kind: "reversal",
    points: -10,
    reverses: earning?.id,
    reason: "Test oven",
  });
  const reversal = (await ledger(id))[0]?.id;
  expect((await call(app, "support", "POST", `/loyalty/transfers/${reversal}/reverse`, { reason: "No" })).status).toBe(
    404,
  );
  expect((await call(app, "viewer", "POST", `/loyalty/transfers/${reversal}/reverse`, { reason: "No" })).status).toBe(
    403,
  );
  await expectSound();
});

test("the ledger refuses to be changed, and the check finds a balance that is not the sum", async () => {
  const { id, oven } = home();
  await ingest(finished(oven, 1, 0));
  await expect(sql`UPDATE ledger_transfer SET points = 99`.execute(database.db)).rejects.toThrow("append-only");
  await expect(sql`DELETE FROM ledger_transfer`.execute(database.db)).rejects.toThrow("append-only");
  await expect(sql`TRUNCATE ledger_transfer CASCADE`.execute(database.db)).rejects.toThrow("append-only");
  await sql`UPDATE ledger_account SET credits = credits + 1 WHERE household_id = ${id}`.execute(database.db);
  const { body } = await call(app, "viewer", "GET", "/loyalty/check");
  expect(body.ok).toBe(false);
  expect(body.broken.map((finding: { rule: string }) => finding.rule)).toEqual([
    "balance_is_not_the_sum",
    "debits_are_not_credits",
  ]);
  await sql`UPDATE ledger_account SET credits = credits - 1 WHERE household_id = ${id}`.execute(database.db);
  await sql`UPDATE ledger_lot SET points_left = points_left + 1 WHERE lot = (
    SELECT id FROM ledger_transfer WHERE rule = 'first_cook' ORDER BY sequence DESC LIMIT 1)`.execute(database.db);
  const lots = (await call(app, "viewer", "GET", "/loyalty/check")).body;
  expect(lots.broken.map((finding: { rule: string }) => finding.rule)).toEqual(["lots_are_not_the_balance"]);
  await sql`UPDATE ledger_lot SET points_left = points_left - 1 WHERE lot = (
    SELECT id FROM ledger_transfer WHERE rule = 'first_cook' ORDER BY sequence DESC LIMIT 1)`.execute(database.db);
  await expectSound();
});

test("a household's ledger is read in pages; one that does not exist is named", async () => {
  const { id, oven } = home();
  await ingest(finished(oven, 1, 0), finished(oven, 2, 1));
  const page = await call(app, "viewer", "GET", `/households/${id}/ledger?limit=2`);
  const rest = await call(app, "viewer", "GET", `/households/${id}/ledger?limit=2&cursor=${page.body.nextCursor}`);
  expect([...page.body.items, ...rest.body.items].map((line: Line) => line.id)).toEqual(
    (await ledger(id)).map((line) => line.id),
  );
  expect(rest.body.nextCursor).toBeNull();
  expect((await call(app, "viewer", "GET", `/households/${randomUUID()}/ledger`)).body.code).toBe(
    "loyalty_household_not_found",
  );
  expect((await call(app, "viewer", "GET", `/households/${randomUUID()}/balance`)).status).toBe(404);
});
