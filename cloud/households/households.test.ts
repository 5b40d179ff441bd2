import type { FastifyInstance } from "fastify";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { TestRegistry } from "../../test/support/registry.ts";
import { call, createSliceHttp } from "../../test/support/slice-http.ts";
import { systemClock } from "../platform/clock.ts";
import { randomIds } from "../platform/ids.ts";
import { Audit } from "../staff/staff.ts";
import { Households } from "./households.ts";
import { householdsRoutes } from "./households-routes.ts";

let database: TestDatabase;
let app: FastifyInstance;
let households: Households;
let appliances: TestRegistry;

beforeAll(async () => {
  database = await createTestDatabase();
  const audit = new Audit(systemClock);
  const deps = { db: database.db, clock: systemClock, ids: randomIds, audit };
  appliances = new TestRegistry(deps);
  households = new Households({ ...deps, appliances });
  app = await createSliceHttp((server) => householdsRoutes(server, households));
});
afterAll(async () => {
  await app.close();
  await database.drop();
});

const berlin = { name: "Familie Huber", locale: "de", timeZone: "Europe/Berlin" };
const make = async () => (await call(app, "admin", "POST", "/households", berlin)).body.id as string;

test("a household keeps its name, locale, zone and members", async () => {
  const id = await make();
  const added = await call(app, "support", "POST", `/households/${id}/members`, {
    name: "Eva",
    email: "eva@example.org",
  });
  expect(added.status).toBe(201);
  const changed = await call(app, "support", "PATCH", `/households/${id}`, { timeZone: "Asia/Tokyo" });
  expect(changed.status).toBe(200);
  const { body } = await call(app, "viewer", "GET", `/households/${id}`);
  expect(body).toMatchObject({ ...berlin, timeZone: "Asia/Tokyo", devices: [], channels: { order: ["display"] } });
  expect(body.members).toEqual([{ id: added.body.id, name: "Eva", email: "eva@example.org" }]);
  expect(await households.timeZoneOf([id])).toEqual(new Map([[id, { timeZone: "Asia/Tokyo", locale: "de" }]]));
});

test("a zone that is no IANA name is refused, and the field is named", async () => {
  for (const timeZone of ["Berlin", "+02:00", "Mars/Olympus", ""]) {
    const { status, body } = await call(app, "admin", "POST", "/households", { ...berlin, timeZone });
    expect(status).toBe(400);
    expect(body.errors[0].pointer).toBe("/body/timeZone");
  }
});

test("an appliance belongs to one household, and moves only in two deliberate steps", async () => {
  const [first, second] = [await make(), await make()];
  await appliances.add(["oven-1"]);
  const put = (id: string) => call(app, "support", "PUT", `/households/${id}/devices/oven-1`);
  const take = (id: string) => call(app, "support", "DELETE", `/households/${id}/devices/oven-1`);
  expect((await put(first)).status).toBe(204);
  expect((await put(first)).status).toBe(204);
  expect((await put(second)).body.code).toBe("device_in_other_household");
  expect((await take(second)).body.code).toBe("device_not_in_household");
  expect((await call(app, "viewer", "GET", `/households/${first}`)).body.devices).toEqual([
    { id: "oven-1", model: "oven-x200" },
  ]);
  expect((await take(first)).status).toBe(204);
  expect((await put(second)).status).toBe(204);
  expect((await call(app, "support", "PUT", `/households/${first}/devices/nobody`)).status).toBe(404);
});

test("every change is audited, and a member's name is not in the log", async () => {
  const id = await make();
  await call(app, "support", "POST", `/households/${id}/members`, { name: "Secret Name" });
  const { rows } = await sql<{ action: string; principal: string; after_json: string }>`
    SELECT action, principal, after_json FROM audit_entry WHERE subject = ${`household:${id}`} ORDER BY sequence`.execute(
    database.db,
  );
  expect(rows.map((row) => [row.action, row.principal])).toEqual([
    ["household.created", "staff:admin"],
    ["household.member_added", "staff:support"],
  ]);
  expect(rows[1]?.after_json).not.toContain("Secret");
});

test("pages meet without gap or repeat", async () => {
  const made = [await make(), await make(), await make()];
  const seen: string[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const { body }: { body: { items: { id: string }[]; nextCursor: string | null } } = await call(
      app,
      "viewer",
      "GET",
      `/households?limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`,
    );
    seen.push(...body.items.map((item) => item.id));
    cursor = body.nextCursor;
  }
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen.slice(0, 3)).toEqual(made.toReversed());
  expect((await call(app, "viewer", "GET", "/households?cursor=bm9uZQ")).body.code).toBe("household_cursor_invalid");
});

test("a viewer reads and does not write", async () => {
  expect((await call(app, "viewer", "POST", "/households", berlin)).status).toBe(403);
});

test("an appliance whose assignment may or may not be committed is looked up again", async () => {
  const id = await make();
  const forgotten: string[] = [];
  const device = { key: 77, id: "oven-unsure", model: "oven", householdId: null };
  const unsure = new Households({
    db: database.db,
    clock: systemClock,
    ids: randomIds,
    audit: new Audit(systemClock),
    appliances: {
      find: async () => new Map([[device.id, device]]),
      ofHousehold: async () => [],
      async assignHousehold() {
        throw new Error("Connection terminated unexpectedly");
      },
      forget: (deviceId) => forgotten.push(deviceId),
    },
  });
  await expect(unsure.addDevice({ kind: "system" }, id, device.id)).rejects.toThrow("Connection terminated");
  expect(forgotten).toEqual([device.id]);
});
