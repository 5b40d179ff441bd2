import { createHash, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { FastifyInstance } from "fastify";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { TestRegistry } from "../../test/support/registry.ts";
import { call, createSliceHttp } from "../../test/support/slice-http.ts";
import { randomIds } from "../platform/ids.ts";
import { Staff } from "../staff/staff.ts";
import { devicesRoutes } from "./devices-routes.ts";
import type { DeviceRef, PresenceFact } from "./devices.ts";

const dayMs = 86_400_000;
const hash = (token: string) => createHash("sha256").update(token).digest("hex");

let base: TestDatabase;
let devices: TestRegistry;
let staff: Staff;
let app: FastifyInstance;
let nowMs = 1_800_000_000_000;
const signals: string[] = [];

beforeAll(async () => {
  base = await createTestDatabase();
  const deps = { db: base.db, clock: { nowMs: () => nowMs }, ids: randomIds };
  staff = new Staff(deps);
  devices = new TestRegistry({ ...deps, audit: staff.audit });
  devices.onSignals({
    credentialsChanged: (id, disconnect) => signals.push(`${id} ${disconnect}`),
    desiredChanged() {},
  });
  app = await createSliceHttp((server) => devicesRoutes(server, devices));
});
afterAll(async () => {
  await app.close();
  await base.drop();
});
beforeEach(() => {
  signals.length = 0;
});

const rotate = async (id: string, body?: object): Promise<{ token: string; graceEndsAtMs: number | null }> => {
  const { status, body: answer } = await call(app, "admin", "POST", `/devices/${id}/token`, body);
  expect(status).toBe(200);
  return answer;
};
const tokensOf = async (id: string) =>
  (await devices.identity(id))?.tokens.map((one) => [one.sha256, one.validUntilMs] as const);
const shownOf = async (id: string) => (await call(app, "viewer", "GET", `/devices/${id}`)).body.credentials.tokens;

test("a rotation leaves the token before its grace: a day unless said, and the gateway is told when it ends", async () => {
  await devices.add(["t1"]);
  const [[first] = []] = (await tokensOf("t1")) ?? [];
  const madeAtMs = nowMs;
  nowMs += 1_000;
  const second = await rotate("t1");
  expect(second.graceEndsAtMs).toBe(nowMs + dayMs);
  expect(await tokensOf("t1")).toEqual([
    [hash(second.token), null],
    [first, nowMs + dayMs],
  ]);
  expect(await shownOf("t1")).toEqual([
    { createdAtMs: nowMs, validUntilMs: null },
    { createdAtMs: madeAtMs, validUntilMs: nowMs + dayMs },
  ]);
  expect(signals).toEqual(["t1 false"]);
  nowMs += dayMs;
  expect(await tokensOf("t1")).toEqual([[hash(second.token), null]]);
  await devices.tick();
  const { rows } = await sql<{ count: number }>`SELECT count(*) AS count FROM device_token`.execute(base.db);
  expect(rows[0]?.count).toBe(1);
});

test("a grace that runs is never made longer by the next rotation", async () => {
  await devices.add(["t2"]);
  const soon = await rotate("t2", { graceMs: 1_000 });
  await rotate("t2", { graceMs: dayMs });
  const graces = (await tokensOf("t2"))?.map(([, until]) => until);
  expect(graces).toEqual([null, nowMs + dayMs, soon.graceEndsAtMs]);
});

test("a grace of 0 ends every other token now and disconnects", async () => {
  await devices.add(["t3"]);
  await rotate("t3");
  const { token, graceEndsAtMs } = await rotate("t3", { graceMs: 0 });
  expect(graceEndsAtMs).toBeNull();
  expect(await tokensOf("t3")).toEqual([[hash(token), null]]);
  expect(signals).toEqual(["t3 false", "t3 true"]);
});

test("a grace is at most 30 days, and no number of rotations ends a token that the appliance may still use", async () => {
  await devices.add(["t4"]);
  const [[first] = []] = (await tokensOf("t4")) ?? [];
  for (const graceMs of [-1, 30 * dayMs + 1, 0.5, "1"]) {
    expect((await call(app, "admin", "POST", "/devices/t4/token", { graceMs })).status).toBe(400);
  }
  for (let n = 0; n < 4; n += 1) await rotate("t4", { graceMs: 30 * dayMs });
  const refused = await call(app, "admin", "POST", "/devices/t4/token", {});
  expect([refused.status, refused.body.code]).toEqual([409, "too_many_tokens"]);
  expect((await tokensOf("t4"))?.map(([sha256]) => sha256)).toContain(first);
  await rotate("t4", { graceMs: 0 });
  expect(await tokensOf("t4")).toHaveLength(1);
});

test("revoking ends all tokens and the connection; a new one lets the appliance back in", async () => {
  await devices.add(["t5"]);
  await rotate("t5");
  expect((await call(app, "support", "DELETE", "/devices/t5/tokens")).status).toBe(204);
  expect(await tokensOf("t5")).toEqual([]);
  expect(signals.at(-1)).toBe("t5 true");
  expect(await shownOf("t5")).toEqual([]);
  const { token, graceEndsAtMs } = await rotate("t5");
  expect(graceEndsAtMs).toBeNull();
  expect(await tokensOf("t5")).toEqual([[hash(token), null]]);
  const lines = await staff.audit.list(base.db, { before: null, subject: "device:t5", limit: 9 });
  expect(lines.map(({ action }) => action)).toEqual([
    "device.token_rotated",
    "device.tokens_revoked",
    "device.token_rotated",
    "device.registered",
  ]);
});

test("rotations at the same moment leave one token in force", async () => {
  await devices.add(["t6"]);
  await Promise.all([rotate("t6"), rotate("t6"), rotate("t6")]);
  expect((await tokensOf("t6"))?.filter(([, until]) => until === null)).toHaveLength(1);
  expect(await tokensOf("t6")).toHaveLength(4);
});

test("no token stands in the database, and no two devices can share one", async () => {
  await devices.add(["t7", "t8"]);
  const { token } = await rotate("t7");
  const { rows } = await sql<{ row: string }>`SELECT row_to_json(t)::text AS row FROM device_token t`.execute(base.db);
  expect(rows.map(({ row }) => row).join()).not.toContain(token);
  const audit = await staff.audit.list(base.db, { before: null, subject: null, limit: 500 });
  expect(JSON.stringify(audit)).not.toContain(token);
  await expect(
    sql`INSERT INTO device_token (device_key, sha256, created_at_ms)
        SELECT key, ${hash(token)}, 0 FROM device WHERE id = 't8'`.execute(base.db),
  ).rejects.toThrow("unique");
});

test("what was there before tokens had a grace goes on: the newest in force, those before it for a day", async () => {
  await base.db.transaction().execute(async (tx) => {
    for (const statement of [
      "CREATE SCHEMA earlier",
      "SET LOCAL search_path TO earlier",
      "CREATE TABLE device (key int PRIMARY KEY, created_at_ms bigint, token_sha256 text[] NOT NULL)",
      "CREATE TABLE presence_change (at_ms bigint)",
      "INSERT INTO device VALUES (1, 5, '{new,old}'), (2, 6, '{only}'), (3, 7, '{}')",
    ])
      await sql.raw(statement).execute(tx);
    const file = new URL("../platform/migrations/120-credentials.sql", import.meta.url);
    await sql.raw(await readFile(file, "utf8")).execute(tx);
    const { rows } = await sql<{ device_key: number; sha256: string; grace: number | null }>`
      SELECT device_key, sha256, valid_until_ms - (extract(epoch FROM now()) * 1000)::bigint AS grace
      FROM device_token ORDER BY device_key, sha256`.execute(tx);
    expect(rows).toEqual([
      { device_key: 1, sha256: "new", grace: null },
      { device_key: 1, sha256: "old", grace: dayMs },
      { device_key: 2, sha256: "only", grace: null },
    ]);
  });
});

async function ref(id: string): Promise<DeviceRef> {
  const [device] = await devices.add([id]);
  if (device === undefined) throw new Error(`${id} is missing`);
  return device;
}

async function told(
  device: DeviceRef,
  atMs: number,
  presence: Omit<PresenceFact["presence"], "bootId">,
  bootId: string,
): Promise<void> {
  const fact: PresenceFact = { device, receivedAtMs: atMs, gatewayId: "main", presence: { bootId, ...presence } };
  await base.db.transaction().execute((tx) => devices.presence.ingest(tx, [fact], bootId));
}

test("the connection history tells from when to when, from where, how it logged in and why it ended, page by page", async () => {
  const device = await ref("c1");
  const [older, current] = ["a", "b"].map((letter) => letter + randomUUID());
  if (older === undefined || current === undefined) throw new Error("two boots");
  const came = { state: "connected", address: "192.0.2.7", via: "tls", login: "token" } as const;
  await told(device, nowMs, { connectionId: 1, ...came }, older);
  await told(device, nowMs + 10, { connectionId: 1, state: "disconnected", reason: "packet_too_large" }, older);
  await told(device, nowMs + 20, { connectionId: 2, ...came, login: "certificate" }, older);
  await told(device, nowMs + 30, { connectionId: 1, ...came, address: "2001:db8::1", via: "wss" }, current);
  const first = await call(app, "support", "GET", "/devices/c1/connections?limit=2");
  expect(first.body.items).toEqual([
    {
      fromMs: nowMs + 30,
      toMs: null,
      open: true,
      address: "2001:db8::1",
      via: "wss",
      login: "token",
      reason: null,
      ended: null,
    },
    {
      fromMs: nowMs + 20,
      toMs: null,
      open: false,
      address: "192.0.2.7",
      via: "tls",
      login: "certificate",
      reason: null,
      ended: "The gateway ended before it could say when.",
    },
  ]);
  const rest = await call(app, "support", "GET", `/devices/c1/connections?limit=2&cursor=${first.body.nextCursor}`);
  expect(rest.body).toEqual({
    items: [
      {
        fromMs: nowMs,
        toMs: nowMs + 10,
        open: false,
        address: "192.0.2.7",
        via: "tls",
        login: "token",
        reason: "packet_too_large",
        ended: "It sent a packet that is too large.",
      },
    ],
    nextCursor: null,
  });
});

test("addresses are shown to support and admin alone, and forgotten after 90 days", async () => {
  const device = await ref("c2");
  await told(device, nowMs, { connectionId: 1, state: "connected", address: "192.0.2.8" }, randomUUID());
  const addresses = async () =>
    (await call(app, "support", "GET", "/devices/c2/connections")).body.items.map(
      (one: { address: string | null }) => one.address,
    );
  expect((await call(app, "viewer", "GET", "/devices/c2/connections")).status).toBe(403);
  const timeline = await devices.presence.timeline(device, { beforeMs: nowMs + 1, limit: 9 });
  expect(JSON.stringify(timeline)).not.toContain("192.0.2.8");
  nowMs += 89 * dayMs;
  await devices.tick();
  expect(await addresses()).toEqual(["192.0.2.8"]);
  nowMs += 2 * dayMs;
  await devices.tick();
  expect(await addresses()).toEqual([null]);
});
