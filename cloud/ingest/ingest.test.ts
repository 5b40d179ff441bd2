import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SequencedRecord } from "#protocol/link/up-chunk.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { Devices } from "../devices/devices.ts";
import { Outbox } from "../events/events.ts";
import { systemClock } from "../platform/clock.ts";
import { randomIds } from "../platform/ids.ts";
import { createLogger } from "../platform/logger.ts";
import { Security } from "../security/security.ts";
import { Staff } from "../staff/staff.ts";
import { Telemetry } from "../telemetry/telemetry.ts";
import { Ingest, type IngestSlices } from "./ingest.ts";

let base: TestDatabase;
let devices: Devices;
let telemetry: Telemetry;
let security: Security;
let ingest: Ingest;
const system = { kind: "system" } as const;
const effects: string[] = [];

beforeAll(async () => {
  base = await createTestDatabase();
  const deps = { db: base.db, clock: systemClock, ids: randomIds };
  devices = new Devices({ ...deps, audit: new Staff(deps).audit });
  security = new Security({ ...deps, outbox: new Outbox(randomIds), logger: createLogger("silent") });
  telemetry = new Telemetry({
    ...deps,
    layoutOf: (model) => devices.layout(model),
    modelsOf: (keys) => devices.modelsOf(keys),
  });
  await devices.putModel(system, {
    key: "oven",
    version: 1,
    brand: "B",
    name: "Oven",
    kind: "oven",
    hardwareIds: ["h1"],
    locales: ["en"],
    metrics: [
      { name: "cavity_c", unit: "°C", kind: "gauge", personal: false },
      { name: "door_open", unit: "", kind: "flag", personal: false },
    ],
    capabilities: { programs: [], steam: false, probe: false },
  });
  await devices.register(system, [
    { id: "oven-1", model: "oven" },
    { id: "oven-2", model: "oven" },
  ]);
  const slices: IngestSlices = {
    findDevices: (ids) => devices.find(ids),
    deviceChanges: () => 0,
    prepareReadings: (facts) => telemetry.prepare(facts),
    readings: (client, prepared) => telemetry.ingestReadings(client, prepared),
    events: (tx, facts) => telemetry.ingestEvents(tx, facts),
    reported: (tx, facts) => devices.ingestReported(tx, facts),
    presence: (tx, facts) => devices.presence.ingest(tx, facts, null),
    security: (tx, facts) => security.ingest(tx, facts),
    receipts: async (_tx, facts) => ({ unknown: [...facts], afterCommit: undefined }),
    replies: async (_tx, facts) => ({ unknown: [...facts], afterCommit: undefined }),
    effects: async (_tx, { events }) => [() => void effects.push(...events.map((fact) => fact.event.id))],
  };
  ingest = new Ingest({
    database: base.database,
    slices,
    clock: systemClock,
    ids: randomIds,
    logger: createLogger("silent"),
  });
});
afterAll(async () => {
  await ingest.stop();
  await base.drop();
});

const newSource = async () => {
  const source = { gatewayId: randomUUID(), spoolEpoch: randomUUID() };
  expect((await ingest.openSource(source)).watermark).toBe(-1);
  return source;
};

const nowMs = Date.now();
const record = (
  sequence: number,
  channel: SequencedRecord["channel"],
  payload: unknown,
  deviceId = "oven-1",
): SequencedRecord => ({
  sequence,
  channel,
  deviceId,
  receivedAtMs: nowMs,
  payload: payload instanceof Uint8Array ? payload : Buffer.from(JSON.stringify(payload)),
});

async function readingsOf(id: string): Promise<{ at_ms: number; metric_values: number[]; undeclared: unknown }[]> {
  const { rows } = await sql<{ at_ms: number; metric_values: number[]; undeclared: unknown }>`
    SELECT r.at_ms, r.metric_values, r.undeclared FROM reading r JOIN device d ON d.key = r.device_key
    WHERE d.id = ${id} ORDER BY r.at_ms`.execute(base.db);
  return rows;
}

test("a batch that is sent again, whole or in part, changes nothing", async () => {
  const source = await newSource();
  const batch = [
    record(0, "telemetry", { atMs: nowMs, m: { cavity_c: 20.5, door_open: true, odd_x: 3 } }),
    record(1, "events", { id: "e1", atMs: nowMs, type: "boot" }),
    record(2, "events", { id: "e2", atMs: nowMs, type: "boot" }),
  ];
  expect(await ingest.commit(source, batch)).toBe(2);
  expect(await ingest.commit(source, batch)).toBe(2);
  expect(
    await ingest.commit(source, [...batch.slice(1), record(3, "events", { id: "e2", atMs: nowMs, type: "boot" })]),
  ).toBe(3);
  expect(await readingsOf("oven-1")).toEqual([{ at_ms: nowMs, metric_values: [20.5, 1], undeclared: { odd_x: 3 } }]);
  expect(effects.filter((id) => id === "e1" || id === "e2")).toEqual(["e1", "e2"]);
});

const say = (sequence: number, event: object, deviceId = "oven-1") => record(sequence, "events", event, deviceId);

test("an event that comes again with something else changes nothing and is set aside by that name; the same again is no news", async () => {
  const source = await newSource();
  const first = {
    id: "altered-1",
    atMs: nowMs,
    type: "program.finished",
    data: { program: "Eco50", energy_wh: 700, ran: { a: 1, b: 2 } },
  };
  const others = [
    { ...first, data: { ...first.data, energy_wh: 1 } },
    { ...first, type: "program.aborted" },
    { ...first, atMs: nowMs - 1_000 },
    { id: first.id, atMs: first.atMs, type: first.type },
  ];
  // The same, however it is written.
  const same = {
    type: first.type,
    data: { ran: { b: 2, a: 1 }, energy_wh: 700, program: "Eco50" },
    atMs: nowMs,
    id: first.id,
  };
  await ingest.commit(source, [say(0, first), say(1, others[0] ?? {}), say(2, same)]);
  await ingest.commit(source, [say(3, same), ...others.slice(1).map((event, at) => say(4 + at, event))]);
  await ingest.commit(source, [say(7, { ...first, type: "boot" }, "oven-2")]);
  expect(effects.filter((id) => id === first.id)).toEqual([first.id, first.id]);
  const { rows } = await sql<{ type: string; data: unknown }>`
    SELECT e.type, e.data FROM device_event e JOIN device d ON d.key = e.device_key
    WHERE e.id = ${first.id} AND d.id = 'oven-1'`.execute(base.db);
  expect(rows).toEqual([{ type: first.type, data: first.data }]);
  const aside = await ingest.quarantine({ deviceId: null, reason: "other_content", beforeId: null, limit: 50 });
  expect(aside.map(({ detail, deviceId }) => `${deviceId} ${detail}`)).toEqual(
    others.map(() => "oven-1 event altered-1"),
  );
  const kept = aside.map(({ payload }) => payload.toString());
  expect(kept.toSorted()).toEqual(others.map((event) => JSON.stringify(event)).toSorted());
});

test("readings of one moment merge, and the first value of a metric wins, within a batch and across batches", async () => {
  const source = await newSource();
  const at = nowMs - 1_000;
  const send = (sequence: number, m: Record<string, unknown>) =>
    record(sequence, "telemetry", { atMs: at, m }, "oven-2");
  await ingest.commit(source, [send(0, { cavity_c: 1 }), send(1, { cavity_c: 2, extra_a: 1 })]);
  await ingest.commit(source, [send(2, { cavity_c: 3, door_open: false, extra_a: 2, extra_b: true })]);
  expect(await readingsOf("oven-2")).toEqual([
    { at_ms: at, metric_values: [1, 0], undeclared: { extra_a: 1, extra_b: true } },
  ]);
});

test("a reading whose clock cannot be right is kept and flagged, wherever in time it says it is", async () => {
  const source = await newSource();
  const odd = [Date.UTC(2000, 0, 2), nowMs + 3_600_000, Date.UTC(2099, 0, 1), nowMs - 86_400_000 * 500];
  await ingest.commit(
    source,
    odd.map((atMs, at) => record(at, "telemetry", { atMs, m: { clocks_n: 1 } }, "oven-2")),
  );
  const { rows } = await sql<{ at_ms: number; suspect: number | null }>`
    SELECT at_ms, suspect_received_at_ms AS suspect FROM reading WHERE undeclared ? 'clocks_n' ORDER BY at_ms`.execute(
    base.db,
  );
  expect(rows).toEqual([
    { at_ms: odd[0], suspect: nowMs },
    { at_ms: odd[3], suspect: nowMs },
    { at_ms: odd[1], suspect: nowMs },
    { at_ms: odd[2], suspect: nowMs },
  ]);
});

test("a clock that is years behind is flagged by when the appliance was sold or registered, and an old appliance's past is none", async () => {
  const source = await newSource();
  const year = 366 * 86_400_000;
  const soldAtMs = nowMs - 3 * year;
  await devices.register(system, [{ id: "oven-sold", model: "oven", serial: "sold-1", soldAtMs }]);
  const odd = [soldAtMs - year - 1, soldAtMs - year, nowMs - 2 * year];
  const saying = (id: string, first: number) =>
    odd.map((atMs, at) => record(first + at, "telemetry", { atMs, m: { behind_n: 1 } }, id));
  await ingest.commit(source, [...saying("oven-sold", 0), ...saying("oven-1", 3)]);
  const event = { id: "behind", atMs: odd[2], type: "boot", data: {} };
  await ingest.commit(source, [record(6, "events", event, "oven-1"), record(7, "events", event, "oven-sold")]);
  const { rows } = await sql<{ id: string; at_ms: number; suspect: boolean }>`
    SELECT id, at_ms, suspect_received_at_ms IS NOT NULL AS suspect FROM reading JOIN device ON key = device_key
    WHERE undeclared ? 'behind_n' ORDER BY id, at_ms`.execute(base.db);
  expect(rows.map(({ id, suspect }) => [id, suspect])).toEqual([
    ["oven-1", true],
    ["oven-1", true],
    ["oven-1", true],
    ["oven-sold", true],
    ["oven-sold", false],
    ["oven-sold", false],
  ]);
  const { rows: events } = await sql<{ id: string; order_at_ms: number }>`
    SELECT d.id, order_at_ms FROM device_event e JOIN device d ON d.key = device_key WHERE e.id = 'behind' ORDER BY d.id`.execute(
    base.db,
  );
  expect(events).toEqual([
    { id: "oven-1", order_at_ms: nowMs },
    { id: "oven-sold", order_at_ms: odd[2] },
  ]);
});

test("whatever bytes arrive, each record is either taken or in quarantine whole, and its neighbours are taken", async () => {
  const channel = fc.constantFrom("telemetry", "events", "reported", "receipts", "replies", "presence" as const);
  const anyPayload = fc.oneof(
    fc.json().map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 60 }),
    fc
      .record({
        id: fc.string({ maxLength: 6 }),
        atMs: fc.constant(nowMs),
        type: fc.string({ unit: "grapheme" }),
        data: fc.object(),
      })
      .map((event) => Buffer.from(JSON.stringify(event))),
    fc
      .record({ atMs: fc.constant(nowMs), state: fc.dictionary(fc.string({ unit: "binary" }), fc.anything()) })
      .map((state) =>
        Buffer.from(
          JSON.stringify(state, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value)),
        ),
      ),
  );
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(channel, anyPayload), { minLength: 1, maxLength: 8 }), async (odd) => {
      run += 1;
      const source = await newSource();
      const before = { ...ingest.counters };
      const good = (sequence: number) =>
        record(sequence, "events", { id: `good-${run}-${sequence}`, atMs: nowMs, type: "boot" });
      const batch = odd.flatMap(([kind, payload], at) => [
        good(2 * at),
        record(2 * at + 1, kind, Buffer.from(payload)),
      ]);
      expect(await ingest.commit(source, batch)).toBe(batch.length - 1);
      expect(effects.filter((id) => id.startsWith(`good-${run}-`))).toHaveLength(odd.length);
      const { rows } = await sql<{ sequence: number; payload: Buffer }>`
        SELECT sequence, payload FROM quarantine WHERE spool_epoch = ${source.spoolEpoch}`.execute(base.db);
      for (const row of rows) expect(Buffer.from(batch[row.sequence]?.payload ?? []).equals(row.payload)).toBe(true);
      expect(ingest.counters.quarantined - before.quarantined).toBe(rows.length);
    }),
    { numRuns: 60 },
  );
});

test("a name that schemas would drop without a word is refused aloud, however it is written", async () => {
  const source = await newSource();
  const payloads = [
    `{"atMs":${nowMs},"m":{"__proto__":1,"cavity_c":2}}`,
    `{"atMs":${nowMs},"m":{"\\u005f_proto__":1,"cavity_c":2}}`,
  ];
  await ingest.commit(
    source,
    payloads.map((payload, at) => record(at, "telemetry", Buffer.from(payload))),
  );
  const { rows } = await sql<{ reason: string }>`
    SELECT reason FROM quarantine WHERE spool_epoch = ${source.spoolEpoch}`.execute(base.db);
  expect(rows).toEqual([{ reason: "wrong_shape" }, { reason: "wrong_shape" }]);
});

test("what is wrong with a reading is said with the field that it is in, of one and of many", async () => {
  const source = await newSource();
  const door = { atMs: nowMs, m: { cavity_c: 20, door_open: "yes" } };
  const payloads = [door, [{ atMs: nowMs, m: {} }, door], { atMs: "now", m: {} }, []];
  await ingest.commit(
    source,
    payloads.map((payload, at) => record(at, "telemetry", payload)),
  );
  const { rows } = await sql<{ detail: string }>`
    SELECT detail FROM quarantine WHERE spool_epoch = ${source.spoolEpoch} ORDER BY sequence`.execute(base.db);
  expect(rows.map(({ detail }) => detail)).toEqual([
    "m.door_open: must be a number, true or false",
    "1.m.door_open: must be a number, true or false",
    "atMs: Invalid input: expected number, received string",
    "payload: Too small: expected array to have >=1 items",
  ]);
});

test("a record that the database refuses is found by halving, and set aside alone", async () => {
  const source = await newSource();
  // A trigger stands in for whatever a database may one day refuse that the schemas let through.
  await sql`CREATE FUNCTION refuse_poison() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF NEW.id LIKE 'poison%' THEN RAISE EXCEPTION 'no such event' USING ERRCODE = '22000'; END IF; RETURN NEW; END $$`.execute(
    base.db,
  );
  await sql`CREATE TRIGGER poison BEFORE INSERT ON device_event FOR EACH ROW EXECUTE FUNCTION refuse_poison()`.execute(
    base.db,
  );
  const batch = Array.from({ length: 37 }, (_, at) =>
    record(at, "events", { id: at === 11 || at === 30 ? `poison-${at}` : `clean-${at}`, atMs: nowMs, type: "boot" }),
  );
  expect(await ingest.commit(source, batch)).toBe(36);
  const { rows } = await sql<{ sequence: number; reason: string; detail: string }>`
    SELECT sequence, reason, detail FROM quarantine WHERE spool_epoch = ${source.spoolEpoch} ORDER BY sequence`.execute(
    base.db,
  );
  expect(rows).toEqual([
    { sequence: 11, reason: "storage_refused", detail: "no such event" },
    { sequence: 30, reason: "storage_refused", detail: "no such event" },
  ]);
  expect(effects.filter((id) => id.startsWith("clean-"))).toHaveLength(35);
  await sql`DROP TRIGGER poison ON device_event`.execute(base.db);
});

test("records that never come leave a gap with their range, and a spool that is new where another was known says so", async () => {
  const source = await newSource();
  await ingest.commit(source, [record(0, "events", { id: "g0", atMs: nowMs, type: "boot" })]);
  await ingest.recordGap(source, 1, 4, "damaged");
  expect(await ingest.commit(source, [record(8, "events", { id: "g8", atMs: nowMs, type: "boot" })])).toBe(8);
  const next = { gatewayId: source.gatewayId, spoolEpoch: randomUUID() };
  await ingest.openSource(next);
  const gaps = (await ingest.gaps(100)).filter((gap) => gap.gatewayId === source.gatewayId);
  expect(
    gaps
      .map(({ fromSequence, toSequence, reason }) => ({ fromSequence, toSequence, reason }))
      .toSorted((a, b) => a.fromSequence - b.fromSequence),
  ).toEqual([
    { fromSequence: 1, toSequence: 4, reason: "damaged" },
    { fromSequence: 5, toSequence: 7, reason: "never_arrived" },
    { fromSequence: 9, toSequence: null, reason: "spool_replaced" },
  ]);
});

test("a predecessor that still commits is waited for, and its records are not taken twice", async () => {
  const source = await newSource();
  const other = await base.database.connect();
  await other.query("BEGIN");
  await other.query("SELECT * FROM watermark WHERE spool_epoch = $1 FOR UPDATE", [source.spoolEpoch]);
  await other.query("UPDATE watermark SET sequence = 0 WHERE spool_epoch = $1", [source.spoolEpoch]);
  const committing = ingest.commit(source, [
    record(0, "events", { id: "fenced-0", atMs: nowMs, type: "boot" }),
    record(1, "events", { id: "fenced-1", atMs: nowMs, type: "boot" }),
  ]);
  await other.query("COMMIT");
  await other.end();
  expect(await committing).toBe(1);
  expect(effects).not.toContain("fenced-0");
  expect(effects).toContain("fenced-1");
});

test("a security report counts once however often its batch is sent, and needs no appliance of that name", async () => {
  const source = await newSource();
  const report = { kind: "login_refused", reason: "wrong_token", atMs: nowMs, lastAtMs: nowMs, address: "192.0.2.9" };
  const batch = [
    record(0, "security", { ...report, name: "oven-1", count: 3 }),
    record(1, "security", { ...report, name: "stranger", count: 4 }, "stranger"),
    record(2, "security", { ...report, name: "??", count: 5 }, ""),
  ];
  for (let n = 0; n < 3; n += 1) expect(await ingest.commit(source, batch)).toBe(2);
  const { rows } = await sql<object>`
    SELECT name, device_id, count FROM security_event WHERE address = '192.0.2.9' ORDER BY count`.execute(base.db);
  expect(rows).toEqual([
    { name: "oven-1", device_id: "oven-1", count: 3 },
    { name: "stranger", device_id: null, count: 4 },
    { name: "??", device_id: null, count: 5 },
  ]);
  const quarantined = await ingest.quarantine({ deviceId: null, reason: null, beforeId: null, limit: 100 });
  expect(quarantined.filter(({ channel }) => channel === "security")).toEqual([]);
});
