import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { call, createSliceHttp } from "../../test/support/slice-http.ts";
import { Devices } from "../devices/devices.ts";
import { devicesRoutes } from "../devices/devices-routes.ts";
import { ingestRoutes } from "../ingest/ingest-routes.ts";
import { Ingest } from "../ingest/ingest.ts";
import { systemClock } from "../platform/clock.ts";
import { randomIds } from "../platform/ids.ts";
import { createLogger } from "../platform/logger.ts";
import { Staff } from "../staff/staff.ts";

let base: TestDatabase;
let app: FastifyInstance;

beforeAll(async () => {
  base = await createTestDatabase();
  const deps = { db: base.db, clock: systemClock, ids: randomIds };
  const devices = new Devices({ ...deps, audit: new Staff(deps).audit });
  const slices = {} as ConstructorParameters<typeof Ingest>[0]["slices"];
  const ingest = new Ingest({ ...deps, database: base.database, slices, logger: createLogger("silent") });
  app = await createSliceHttp((server) => {
    devicesRoutes(server, devices);
    ingestRoutes(server, ingest);
  });
});
afterAll(async () => {
  await app.close();
  await base.drop();
});

const cursor = (parts: unknown) => Buffer.from(JSON.stringify(parts)).toString("base64url");

test.each(["/devices", "/quarantine"])(
  "a cursor of %s that this list never gave out is refused by name",
  async (path) => {
    for (const forged of [
      "zzz",
      cursor(["\u0000"]),
      cursor(["\ud800"]),
      cursor([1]),
      cursor(null),
      cursor(["a", "b"]),
    ]) {
      const { status, body } = await call(app, "admin", "GET", `${path}?cursor=${forged}`);
      expect(status).toBe(400);
      expect(body).toMatchObject({ code: "invalid_request", errors: [{ pointer: "/querystring/cursor" }] });
    }
  },
);

test.each(["__proto__", "constructor", "toString"])("%s is no schema and no problem", async (name) => {
  for (const path of ["schemas", "problems"]) {
    expect((await app.inject(`/api/${path}/${name}`)).statusCode).toBe(404);
  }
});
