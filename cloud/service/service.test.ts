import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import type { FastifyInstance } from "fastify";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { TestRegistry } from "../../test/support/registry.ts";
import { call, createSliceHttp } from "../../test/support/slice-http.ts";
import type { DeviceRef, EventFact, ReadingFact } from "../devices/devices.ts";
import { Outbox } from "../events/events.ts";
import type { Db } from "../platform/database.ts";
import { systemClock } from "../platform/clock.ts";
import { randomIds } from "../platform/ids.ts";
import { Audit } from "../staff/staff.ts";
import { problem } from "../platform/problem.ts";
import { telemetryProblems, type TelemetryStore } from "../telemetry/telemetry.ts";
import { serviceRoutes } from "./service-routes.ts";
import { Service } from "./service.ts";

let database: TestDatabase;
let service: Service;
let app: FastifyInstance;
let appliances: TestRegistry;
let made = 0;

const t0 = 1_780_000_000_000;
const day = 86_400_000;
async function device(id = `oven-${(made += 1)}`, model = "oven-x200"): Promise<DeviceRef> {
  const [ref] = await appliances.add([id], { model });
  if (ref === undefined) throw new Error("it was not registered");
  return ref;
}

async function* nothing() {}

const newService = async (readings: TelemetryStore["readings"] = nothing) => {
  const fresh = new Service({
    db: database.db,
    clock: systemClock,
    ids: randomIds,
    audit: new Audit(systemClock),
    outbox: new Outbox(randomIds),
    appliances,
    around: {
      watched: appliances.watched,
      readings: { readings, latest: async () => new Map() },
      completeReadings: { readings },
      silenceUntilMs: () => -Infinity,
      tools: {
        async tag() {},
        command: async () => () => {},
        award: async () => ({ kind: "earned" }),
        contentOf: async () => new Map(),
        sendContent: async () => ({ kind: "refused", rule: "not_sendable" }),
      },
    },
    holdHousehold: async (_tx, id) => id,
    mayWork: async () => true,
    workers: async () => [],
    homeOf: async () => null,
    readings: () => {
      throw new Error("nobody takes evidence here");
    },
    eventsOf: async () => [],
    localeOf: async () => null,
    deliveries: { create: async () => ({ ids: [], afterCommit() {} }), forgetWords: async () => {} },
    artifactsDir: join(tmpdir(), `hearth-service-${randomUUID()}`),
    secret: Buffer.alloc(32, 1),
    publicUrl: () => "http://127.0.0.1",
  });
  await fresh.load();
  return fresh;
};

beforeAll(async () => {
  database = await createTestDatabase();
  const clock = systemClock;
  appliances = new TestRegistry({ db: database.db, clock, ids: randomIds, audit: new Audit(clock) });
  service = await newService();
  app = await createSliceHttp((server) => serviceRoutes(server, service));
});
afterAll(async () => {
  await app.close();
  await database.drop();
});

const hot = (of: DeviceRef, atS: number, cavity_c: number): ReadingFact => {
  const atMs = t0 + atS * 1_000;
  return { device: of, atMs, receivedAtMs: atMs, metrics: { cavity_c, power_w: 2_000, door_open: false } };
};

const fault = (of: DeviceRef, type: string, atS: number, code: unknown = "E17"): EventFact => {
  const atMs = t0 + atS * 1_000;
  const event = { id: randomUUID(), atMs, type, data: { code } };
  return { device: of, event, receivedAtMs: atMs, orderAtMs: atMs, clockSuspect: false };
};

async function ingest(facts: { readings?: ReadingFact[]; events?: EventFact[] }, to: Service = service): Promise<void> {
  const afterCommit = await database.db
    .transaction()
    .execute((tx) => to.ingest(tx, { readings: [], events: [], presence: [], ...facts }));
  afterCommit?.();
}

const cases = async (of: DeviceRef) =>
  (await call(app, "viewer", "GET", `/cases?device=${of.id}`)).body.items as {
    id: string;
    status: string;
    cause: string;
  }[];

const entriesOf = async (id: string) =>
  (await call(app, "viewer", "GET", `/cases/${id}`)).body.entries as {
    kind: string;
    by: string;
    data: Record<string, unknown>;
  }[];

/** Somebody of the staff says that they have seen the case of a device. */
const see = async (of: DeviceRef) =>
  (await call(app, "support", "POST", `/cases/${(await cases(of))[0]?.id ?? ""}/acknowledge`, {})).body;

test("a store of readings that is away keeps no rule from what is said now", async () => {
  let asked = 0;
  const restarted = await newService(() => {
    asked += 1;
    throw problem(telemetryProblems, "telemetry_store_away");
  });
  const oven = await device();
  const nowMs = Date.now();
  const stuck = Array.from({ length: 30 }, (_, at): ReadingFact => {
    const atMs = nowMs + at * 10_000;
    return { device: oven, atMs, receivedAtMs: atMs, metrics: { cavity_c: 80, power_w: 2_000 } };
  });
  await ingest({ readings: stuck }, restarted);
  expect(asked).toBeGreaterThan(0);
  expect(await cases(oven)).toMatchObject([{ cause: "sensor_frozen" }]);
});

test("an oven that stays too hot opens one case with its readings, and cooling down resolves what somebody has seen", async () => {
  const oven = await device();
  await ingest({ readings: [hot(oven, 0, 295), hot(oven, 10, 296)] });
  expect(await cases(oven)).toEqual([]);
  await ingest({ readings: [hot(oven, 20, 297), hot(oven, 30, 298)] });
  await ingest({ readings: [hot(oven, 40, 280)] });
  const [opened] = await cases(oven);
  expect(opened).toMatchObject({ status: "open", cause: "over_temperature", deviceId: oven.id, severity: "safety" });
  await see(oven);
  await ingest({ readings: [hot(oven, 50, 270)] });
  expect(await cases(oven)).toMatchObject([{ id: opened?.id, status: "resolved", resolvedBy: "cause" }]);
  const entries = await entriesOf(opened?.id ?? "");
  expect(entries.map((entry) => entry.kind)).toEqual(["opened", "acknowledged", "resolved"]);
  expect(entries[0]?.data).toMatchObject({
    metric: "cavity_c",
    limit: 290,
    readings: [295, 296, 297].map((value, at) => ({ atMs: t0 + at * 10_000, value })),
  });
});

test("readings of healthy devices touch no database", async () => {
  const ovens = await appliances.add(Array.from({ length: 200 }, () => `oven-${(made += 1)}`));
  const readings = Array.from({ length: 50 }, (_, at) => ovens.map((oven) => hot(oven, at, 180 + at))).flat();
  const untouchable = new Proxy({} as Db, {
    get() {
      throw new Error("the database was asked");
    },
  });
  await expect(service.ingest(untouchable, { readings, events: [], presence: [] })).resolves.toBeDefined();
});

const history = async (of: DeviceRef) =>
  (await service.timeline(of, { beforeMs: t0 + day, limit: 500 })).map((entry) => [entry.atMs, entry.title]);

const causes = async (of: DeviceRef) => new Map((await cases(of)).map(({ cause, status }) => [cause, status]));

test("a restart in the middle of the hold neither forgets nor opens twice", async () => {
  const oven = await device();
  await ingest({ readings: [hot(oven, 0, 295)] });
  const second = await newService();
  await ingest({ readings: [hot(oven, 20, 295)] }, second);
  expect(await cases(oven)).toHaveLength(1);
  const third = await newService();
  await ingest({ readings: [hot(oven, 30, 295), hot(oven, 60, 300)] }, third);
  expect(await cases(oven)).toMatchObject([{ status: "open" }]);
  await see(oven);
  await ingest({ readings: [hot(oven, 70, 200)] }, await newService());
  expect(await cases(oven)).toMatchObject([{ status: "resolved" }]);
});

test("a batch that is rolled back and comes again has its effect once", async () => {
  const oven = await device();
  const readings = [hot(oven, 0, 295), hot(oven, 20, 295), hot(oven, 21, 200), hot(oven, 30, 295)];
  const lost = database.db.transaction().execute(async (tx) => {
    await service.ingest(tx, { readings, events: [], presence: [] });
    throw new Error("the server went away");
  });
  await expect(lost).rejects.toThrow("went away");
  expect(await cases(oven)).toEqual([]);
  await ingest({ readings });
  await ingest({ readings: [hot(oven, 50, 295)] });
  // It is a safety matter, and nobody has seen it: it went on as one case.
  expect(await cases(oven)).toMatchObject([{ status: "open", causeGoneAtMs: null }]);
  expect((await entriesOf((await cases(oven))[0]?.id ?? "")).map((entry) => entry.kind)).toEqual([
    "opened",
    "cause_gone",
    "cause_back",
  ]);
});

test("however a stream is cut into batches and repeated, a device's cases come out the same", async () => {
  const values = fc.array(fc.constantFrom(200, 270, 271, 290, 291, 300), { minLength: 1, maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(values, fc.infiniteStream(fc.nat(6)), async (sequence, cuts) => {
      const [whole, pieces] = [await device(), await device()];
      await ingest({ readings: sequence.map((value, at) => hot(whole, at * 7, value)) });
      const rest = sequence.map((value, at) => hot(pieces, at * 7, value));
      for (let sent = 0; sent < rest.length;) {
        const length = (cuts.next().value ?? 0) + 1;
        // Half of each batch is one that was sent before.
        await ingest({
          readings: [...rest.slice(Math.max(0, sent - length), sent), ...rest.slice(sent, sent + length)],
        });
        sent += length;
      }
      expect(await history(pieces)).toEqual(await history(whole));
    }),
    { numRuns: 25 },
  );
});

test("a fault opens one case per code, however often it is said, and clearing it resolves that one", async () => {
  const oven = await device();
  await ingest({
    events: [fault(oven, "fault.raised", 0), fault(oven, "fault.raised", 1), fault(oven, "fault.raised", 2, "E18")],
  });
  await ingest({ events: [fault(oven, "fault.raised", 3)] });
  expect(await causes(oven)).toEqual(
    new Map([
      ["fault:E17", "open"],
      ["fault:E18", "open"],
    ]),
  );
  await ingest({ events: [fault(oven, "fault.cleared", 4)] });
  // Said late: it was over by then.
  await ingest({ events: [fault(oven, "fault.raised", 2)] });
  expect(await causes(oven)).toEqual(
    new Map([
      ["fault:E17", "resolved"],
      ["fault:E18", "open"],
    ]),
  );
});

test("a cause that returns within 7 days reopens its case, and a later one opens another", async () => {
  const oven = await device();
  const week = (7 * day) / 1_000;
  await ingest({ events: [fault(oven, "fault.raised", 0), fault(oven, "fault.cleared", 10)] });
  await ingest({ events: [fault(oven, "fault.raised", 10 + week - 1), fault(oven, "fault.cleared", 10 + week)] });
  expect(await cases(oven)).toMatchObject([{ status: "resolved" }]);
  await ingest({ events: [fault(oven, "fault.raised", 10 + 2 * week)] });
  expect((await cases(oven)).map(({ status }) => status)).toEqual(["open", "resolved"]);
});

test("a cause that two rules find has cleared when the last of them lets it go", async () => {
  const oven = await device("steam-1", "steam-1");
  const rule = {
    kind: "threshold",
    title: "Warm",
    severity: "service",
    models: ["steam-1"],
    metric: "cavity_c",
    direction: "above",
    limit: 100,
    clearAt: 90,
    holdMs: 0,
    cause: "over_temperature",
  };
  expect((await call(app, "support", "POST", "/service/rules", rule)).status).toBe(201);
  await ingest({ readings: [hot(oven, 0, 300), hot(oven, 20, 300)] });
  await ingest({ readings: [hot(oven, 30, 200)] });
  expect(await cases(oven)).toMatchObject([{ status: "open" }]);
  const [found] = await cases(oven);
  // One of them watches over safety: a person shall see it, whichever was first.
  expect(found).toMatchObject({ severity: "safety", causeGoneAtMs: null });
  await ingest({ readings: [hot(oven, 40, 80)] });
  expect(await cases(oven)).toMatchObject([{ status: "open", causeGoneAtMs: expect.any(Number) }]);
  const entries = await entriesOf(found?.id ?? "");
  expect(entries.map(({ kind }) => kind)).toEqual(["opened", "also_found", "cause_gone"]);
});

test("a rule's change is a new version that counts from the next batch, is audited, and keeps what it watches", async () => {
  const rule = {
    kind: "threshold",
    title: "Too cold",
    severity: "info",
    models: ["fridge-1"],
    metric: "cavity_c",
    direction: "below",
    limit: 2,
    clearAt: 4,
    holdMs: 0,
    cause: "under_temperature",
  };
  const { id } = (await call(app, "support", "POST", "/service/rules", rule)).body;
  const put = (body: object) => call(app, "support", "PUT", `/service/rules/${id}`, body);
  const fridge = await device("fridge-1", "fridge-1");
  await ingest({ readings: [hot(fridge, 0, 3)] });
  expect(await cases(fridge)).toEqual([]);
  expect((await put({ ...rule, limit: 3.5 })).body).toMatchObject({ version: 2 });
  await ingest({ readings: [hot(fridge, 1, 3)] });
  expect(await cases(fridge)).toMatchObject([{ status: "open", title: "Too cold" }]);
  expect((await put({ ...rule, cause: "other" })).body.code).toBe("service_rule_identity");
  expect((await put({ ...rule, clearAt: 1 })).body.errors[0].pointer).toBe("/body/clearAt");
  expect((await call(app, "viewer", "PUT", `/service/rules/${id}`, rule)).status).toBe(403);
  const { rows } = await sql<{ action: string }>`
    SELECT action FROM audit_entry WHERE subject = ${`service_rule:${id}`} ORDER BY sequence`.execute(database.db);
  expect(rows.map((row) => row.action)).toEqual(["service_rule.created", "service_rule.changed"]);
});

test("a rule that cannot compile names the field and the place, and one that asks for too much names its bound", async () => {
  const rule = {
    kind: "sequence",
    title: "Breaks off twice",
    severity: "service",
    cause: "breaks_off",
    events: [{ type: "program.aborted" }, { type: "program.aborted", where: 'ranMs < 5000 && colour == "red"' }],
    withinMs: 3_600_000,
    clearAfterMs: 3_600_000,
  };
  const post = async (body: object) => (await call(app, "support", "POST", "/service/rules", body)).body;
  const refused = await post(rule);
  expect(refused.errors).toMatchObject([{ pointer: "/body/events/1/where" }]);
  expect(refused.errors[0].message).toContain("`colour` at character 17: There is no fact colour.");
  const reading = { ...rule, kind: "frozen", metric: "cavity_c", withinDelta: 1, holdMs: 60_000 };
  const { events: _, withinMs: __, clearAfterMs: ___, ...frozen } = reading;
  const driver = { metric: "power_w", above: 1 };
  expect((await post({ ...frozen, driver, where: "power_w >" })).errors).toMatchObject([{ pointer: "/body/where" }]);
  // A reading is judged by what the batch knows of its appliance.
  expect((await post({ ...frozen, driver, where: '"x" in tags' })).errors[0].message).toContain("`tags`");
  const fields = { colour: "text" };
  expect((await post({ ...rule, fields, withinMs: 1e12 })).errors).toMatchObject([{ pointer: "/body/withinMs" }]);
  const commands = { ...frozen, driver, actions: [{ kind: "command", name: "load_program" }] };
  expect((await post(commands)).errors).toMatchObject([{ pointer: "/body/actions/0/name" }]);

  const { id } = await post({ ...rule, fields });
  expect(id).toBeDefined();
  const mode = (to: string) => call(app, "support", "POST", `/service/rules/${id}/mode`, { mode: to });
  expect((await mode("shadow")).body).toMatchObject({ version: 2, definition: { mode: "shadow", fields } });
  const { rule: newest, versions } = (await call(app, "viewer", "GET", `/service/rules/${id}`)).body;
  expect([newest.version, versions.map(({ version }: { version: number }) => version)]).toEqual([2, [2, 1]]);
  expect((await call(app, "viewer", "POST", `/service/rules/${id}/mode`, { mode: "off" })).status).toBe(403);
  expect((await call(app, "viewer", "GET", "/service/firings?cursor=nowhere")).body.code).toBe("firing_cursor_invalid");
});

test("staff move a case, note and resolve it; every step is in its history and the audit log", async () => {
  const oven = await device();
  await ingest({ events: [fault(oven, "fault.raised", 0)] });
  const id = (await cases(oven))[0]?.id ?? "";
  const note = (body: object) => call(app, "support", "POST", `/cases/${id}/notes`, body);
  expect((await note({ text: "Called, nobody there", status: "waiting_for_owner" })).body.status).toBe(
    "waiting_for_owner",
  );
  expect((await note({ text: "They called back", status: "waiting_for_staff" })).body.status).toBe("waiting_for_staff");
  expect((await note({ text: "Part ordered" })).body.status).toBe("waiting_for_staff");
  const resolve = () => call(app, "support", "POST", `/cases/${id}/resolve`, { note: "Fan replaced" });
  expect((await resolve()).body).toMatchObject({ status: "resolved", resolvedBy: "staff:support" });
  expect((await resolve()).body.code).toBe("case_already_resolved");
  expect((await note({ text: "Again?", status: "open" })).body.code).toBe("case_already_resolved");
  expect((await entriesOf(id)).map((entry) => entry.kind)).toEqual(["opened", "status", "status", "note", "resolved"]);
  // The appliance hears of it later and clears its fault: nothing is left to resolve.
  await ingest({ events: [fault(oven, "fault.cleared", 60)] });
  expect(await entriesOf(id)).toHaveLength(5);
  const { rows } = await sql<{ action: string }>`
    SELECT action FROM audit_entry WHERE subject = ${`case:${id}`} ORDER BY sequence`.execute(database.db);
  expect(rows.map((row) => row.action)).toEqual([
    "case.ask_owner",
    "case.owner_answered",
    "case.noted",
    "case.resolved",
  ]);
});

test("each opening, resolving and reopening is told to the world once", async () => {
  const oven = await device();
  await ingest({
    events: [fault(oven, "fault.raised", 0), fault(oven, "fault.cleared", 1), fault(oven, "fault.raised", 2)],
  });
  const { rows } = await sql<{ type: string }>`
    SELECT type FROM outbox WHERE data ->> 'deviceId' = ${oven.id} ORDER BY id`.execute(database.db);
  expect(rows.map((row) => row.type)).toEqual(["hearth.case.opened", "hearth.case.resolved", "hearth.case.reopened"]);
  const counts = await service.counts();
  expect(counts.reopened).toBeGreaterThan(0);
  expect(Object.keys(counts)).toHaveLength(8);
});
