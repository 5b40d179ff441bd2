import { Writable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { sql } from "kysely";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SecurityReport } from "#protocol/link/messages.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { TestRegistry } from "../../test/support/registry.ts";
import { call, createSliceHttp } from "../../test/support/slice-http.ts";
import type { DeviceRef } from "../devices/devices.ts";
import { Outbox } from "../events/events.ts";
import { randomIds } from "../platform/ids.ts";
import { Staff } from "../staff/staff.ts";
import { type SecurityKind, securityKinds, sentence } from "./core/security-kinds.ts";
import { Security } from "./security.ts";
import { securityRoutes } from "./security-routes.ts";

const dayMs = 86_400_000;
const eva = { kind: "staff", id: "7", name: "Eva", role: "admin" } as const;

let base: TestDatabase;
let devices: TestRegistry;
let staff: Staff;
let security: Security;
let app: FastifyInstance;
let nowMs = 1_800_000_000_000;
const lines: string[] = [];

beforeAll(async () => {
  base = await createTestDatabase();
  const deps = { db: base.db, clock: { nowMs: () => nowMs }, ids: randomIds };
  staff = new Staff(deps);
  devices = new TestRegistry({ ...deps, audit: staff.audit });
  const log = new Writable({
    write(line: Buffer, _encoding, done) {
      lines.push(line.toString());
      done();
    },
  });
  security = new Security({ ...deps, outbox: new Outbox(randomIds), logger: pino(log), rowsMax: 50 });
  staff.audit.onRecorded((tx, change) => security.audited(tx, change));
  app = await createSliceHttp((server) => securityRoutes(server, security));
});
afterAll(async () => {
  await app.close();
  await base.drop();
});

const report = (over: Partial<SecurityReport>): SecurityReport => ({
  kind: "login_refused",
  reason: "wrong_token",
  atMs: nowMs,
  lastAtMs: nowMs,
  count: 1,
  address: "192.0.2.1",
  name: "",
  ...over,
});
const ingest = (reports: SecurityReport[], device: DeviceRef | null = null) =>
  base.db.transaction().execute((tx) =>
    security.ingest(
      tx,
      reports.map((one) => ({ report: one, device })),
    ),
  );
const listed = async (query: string) => {
  const { status, body } = await call(app, "support", "GET", `/security/events?${query}`);
  expect(status).toBe(200);
  return body.items;
};
const announced = async () =>
  (
    await sql<{
      type: string;
      subject: string;
      data: object;
    }>`SELECT type, subject, data FROM outbox ORDER BY id`.execute(base.db)
  ).rows;

test("what goes on is one event whose last time and count grow; after a pause it is a new one", async () => {
  const address = "192.0.2.2";
  const beganAtMs = nowMs;
  for (let n = 0; n < 5; n += 1) {
    await ingest([report({ address, count: 10 }), report({ address, count: 2 })]);
    nowMs += 10_000;
  }
  expect(await listed(`address=${address}`)).toMatchObject([
    {
      atMs: beganAtMs,
      lastAtMs: nowMs - 10_000,
      count: 60,
      reason: "wrong_token",
      name: null,
      deviceId: null,
      by: null,
    },
  ]);
  nowMs += 120_000;
  await ingest([report({ address })]);
  expect((await listed(`address=${address}`)).map(({ count }: { count: number }) => count)).toEqual([1, 60]);
});

test("an attack is announced as it begins and once an hour, and not with every window", async () => {
  const before = (await announced()).length;
  const brute = { kind: "brute_force", reason: "by_address", address: "192.0.2.3", count: 100 } as const;
  for (let n = 0; n < 130; n += 1) {
    await ingest([report(brute)]);
    nowMs += 30_000;
  }
  const told = (await announced()).slice(before);
  expect(told.map(({ type }) => type)).toEqual(["hearth.security.brute_force", "hearth.security.brute_force"]);
  expect(JSON.stringify(told)).not.toContain("192.0.2.3");
  const events = await listed("kind=brute_force");
  expect(events.reduce((sum: number, { count }: { count: number }) => sum + count, 0)).toBe(13_000);
});

test("what comes late from a spool is told at its own time, and does not lengthen what goes on now", async () => {
  const address = "192.0.2.4";
  await ingest([report({ address })]);
  await ingest([report({ address, atMs: nowMs - dayMs, lastAtMs: nowMs - dayMs })]);
  expect((await listed(`address=${address}`)).map(({ atMs }: { atMs: number }) => atMs)).toEqual([
    nowMs,
    nowMs - dayMs,
  ]);
});

test("what people do to credentials is an event in the same transaction, with who did it", async () => {
  await devices.add(["oven-1"]);
  nowMs += 1_000;
  await devices.tokens.rotate(eva, "oven-1", 60_000);
  await devices.setBlocked(eva, "oven-1", true);
  await devices.setBlocked(eva, "oven-1", false);
  await devices.tokens.revokeAll(eva, "oven-1");
  const events = await listed("device=oven-1");
  expect(events.map(({ kind, by }: { kind: string; by: string }) => [kind, by]).toSorted()).toEqual(
    ["device_blocked", "device_unblocked", "token_rotated", "tokens_revoked"].map((kind) => [kind, "staff:7"]),
  );
  expect((await announced()).filter(({ subject }) => subject === "device:oven-1").map(({ type }) => type)).toEqual([
    "hearth.security.device_blocked",
    "hearth.security.device_unblocked",
    "hearth.security.tokens_revoked",
  ]);
  const undone = base.db.transaction().execute(async (tx) => {
    await staff.audit.record(tx, { principal: eva, action: "device.blocked", subject: "device:undone" });
    throw new Error("no");
  });
  await expect(undone).rejects.toThrow("no");
  expect(await listed("device=undone")).toEqual([]);
});

test("a change that names its appliance inside is on that appliance's list", async () => {
  const change = { action: "household.device_removed", subject: "household:h1", after: { deviceId: "oven-2" } };
  await base.db.transaction().execute((tx) => staff.audit.record(tx, { principal: eva, ...change }));
  expect(await listed("device=oven-2")).toMatchObject([{ kind: "handed_over", name: "h1", by: "staff:7" }]);
});

test("the appliance's timeline has them, without the address", async () => {
  const [device] = await devices.add(["oven-3"]);
  if (device === undefined) throw new Error("oven-3");
  await ingest([report({ name: "oven-3", address: "192.0.2.33", count: 4 })], device);
  const timeline = await security.timeline(device, { beforeMs: nowMs + 1, limit: 9 });
  expect(timeline).toMatchObject([
    {
      kind: "security",
      title: "A login was refused: the token does not fit, or its grace is over",
      data: { kind: "login_refused", severity: "info", count: 4 },
    },
  ]);
  expect(JSON.stringify(timeline)).not.toContain("192.0.2.33");
});

test("pages follow one another without loss or repeat, and filters narrow them", async () => {
  const address = "192.0.2.5";
  const reports = Array.from({ length: 7 }, (_, at) => report({ address, name: `n${at}`, atMs: nowMs + (at >> 1) }));
  await ingest(reports);
  const seen: string[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const query: string = `address=${address}&limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`;
    const { body } = await call(app, "support", "GET", `/security/events?${query}`);
    seen.push(...body.items.map(({ name }: { name: string }) => name));
    cursor = body.nextCursor;
  }
  expect(seen.toSorted()).toEqual(reports.map(({ name }) => name));
  expect(await listed(`address=${address}&since=${nowMs + 1_000}`)).toEqual([]);
  expect(await listed(`address=${address}&severity=alert`)).toEqual([]);
  expect((await listed("kind=login_refused&limit=500")).length).toBeGreaterThan(7);
  for (const query of ["kind=nothing", "severity=loud", "cursor=nowhere", "device=../x", "limit=501"]) {
    expect((await call(app, "support", "GET", `/security/events?${query}`)).status).toBe(400);
  }
  expect((await call(app, "viewer", "GET", "/security/events")).status).toBe(403);
});

test("what is noted in the cloud is gathered, bounded, logged once and stored once, also when the database was away", async () => {
  lines.length = 0;
  for (let n = 0; n < 400; n += 1)
    security.note({ kind: "staff_key_refused", reason: "wrong_key", address: `198.51.100.${n}` });
  for (let n = 0; n < 30; n += 1) {
    security.note({
      kind: "claim_refused",
      reason: "unknown_serial",
      address: "203.0.113.1",
      name: "b1\u0000:\u{1F525}",
    });
  }
  await sql`ALTER TABLE security_event RENAME TO security_event_away`.execute(base.db);
  await expect(security.flush()).rejects.toThrow("security_event");
  await sql`ALTER TABLE security_event_away RENAME TO security_event`.execute(base.db);
  security.note({ kind: "staff_key_refused", reason: "wrong_key", address: "198.51.100.1" });
  await security.flush();
  await security.flush();
  const keys = await listed("kind=staff_key_refused&limit=500");
  expect(keys.length).toBeLessThanOrEqual(257);
  expect(keys.reduce((sum: number, { count }: { count: number }) => sum + count, 0)).toBe(401);
  expect(keys.filter(({ reason }: { reason: string }) => reason === "more")).toMatchObject([
    { address: null, name: null },
  ]);
  const claims = await listed("kind=claim_refused");
  expect(claims.reduce((sum: number, { count }: { count: number }) => sum + count, 0)).toBe(30);
  expect(lines.length).toBe(keys.length + claims.length);
});

test("events go after 90 days, and the oldest where there are too many", async () => {
  await security.tick();
  const { rows } = await sql<{ count: number; oldest: number }>`
    SELECT count(*) AS count, min(at_ms) AS oldest FROM security_event`.execute(base.db);
  expect(rows[0]?.count).toBe(50);
  nowMs = (rows[0]?.oldest ?? 0) + 200 * dayMs;
  await ingest([report({ address: "192.0.2.6" })]);
  await security.tick();
  expect((await listed("limit=500")).map(({ address }: { address: string }) => address)).toEqual(["192.0.2.6"]);
});

test("every kind says in a sentence what happened", () => {
  for (const kind of Object.keys(securityKinds) as SecurityKind[]) {
    expect(sentence(kind, "")).toMatch(/^[A-Z].*\.$/);
    expect(sentence(kind, "a_new_reason")).toMatch(/: a new reason\.$/);
  }
});
