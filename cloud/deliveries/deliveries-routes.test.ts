import { afterAll, beforeAll, expect, test } from "vitest";
import { type DownRoad, downRoad, type TestApi, testApi } from "../../test/support/down-road.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { Deliveries } from "./deliveries.ts";
import { deliveriesRoutes } from "./deliveries-routes.ts";

let database: TestDatabase;
let road: DownRoad;
let api: TestApi;
let support: { authorization: string };

beforeAll(async () => {
  database = await createTestDatabase();
  road = downRoad(database.db);
  const deliveries = new Deliveries(road.deps);
  api = await testApi(road.staff, (app) => deliveriesRoutes(app, deliveries));
  support = await api.as("support");
  await road.devices.add(["oven-1", "oven-2"]);
});
afterAll(async () => {
  await api.app.close();
  await database.drop();
});

const send = (deviceId: string, payload: object, headers = support) =>
  api.app.inject({ method: "POST", url: `/api/v1/devices/${deviceId}/commands`, headers, payload });
const get = (url: string) => api.app.inject({ method: "GET", url, headers: support });

test("a command is accepted, can be read, and can be cancelled once", async () => {
  const accepted = await send("oven-1", { name: "identify" });
  expect(accepted.statusCode).toBe(202);
  const { id } = accepted.json<{ id: string }>();
  expect((await get(`/api/v1/deliveries/${id}`)).json()).toMatchObject({
    id,
    deviceId: "oven-1",
    phase: "queued",
    body: { name: "identify", args: {} },
    receipts: [],
  });
  const cancel = () => api.app.inject({ method: "POST", url: `/api/v1/deliveries/${id}/cancel`, headers: support });
  expect((await cancel()).json()).toMatchObject({ phase: "cancelled" });
  expect((await cancel()).json()).toMatchObject({ status: 409, code: "delivery_already_closed" });
  const lines = await road.staff.audit.list(database.db, { before: null, subject: `delivery:${id}`, limit: 10 });
  expect(lines).toMatchObject([{ action: "delivery.cancelled" }]);
});

test("commands are a closed list, small, for known appliances, and need the permission", async () => {
  expect((await send("oven-1", { name: "heat" })).json()).toMatchObject({ status: 400, code: "invalid_request" });
  expect((await send("oven-9", { name: "stop" })).json()).toMatchObject({
    status: 404,
    code: "device_not_found",
  });
  const large = { name: "stop", args: { text: "x".repeat(20_000) } };
  expect((await send("oven-1", large)).json()).toMatchObject({ status: 422, code: "command_too_large" });
  expect((await send("oven-1", { name: "stop" }, await api.as("viewer"))).statusCode).toBe(403);
});

test("pages follow each other without a gap, and filters hold", async () => {
  for (let n = 0; n < 5; n += 1) await send("oven-2", { name: "stop" });
  const seen: string[] = [];
  let cursor = "";
  for (let page = 0; page < 4; page += 1) {
    const url = `/api/v1/deliveries?device=oven-2&kind=command&limit=2${cursor}`;
    const body = (await get(url)).json<{ items: { id: string }[]; nextCursor: string | null }>();
    seen.push(...body.items.map(({ id }) => id));
    if (body.nextCursor === null) break;
    cursor = `&cursor=${body.nextCursor}`;
  }
  expect(new Set(seen).size).toBe(5);
  expect(seen).toEqual(seen.toSorted().toReversed());
  expect((await get("/api/v1/deliveries?device=oven-2&phase=done")).json()).toEqual({ items: [], nextCursor: null });
  expect((await get("/api/v1/deliveries?cursor=bm9uZQ")).json()).toMatchObject({
    code: "invalid_request",
    errors: [{ pointer: "/querystring/cursor" }],
  });
});

test("an unknown delivery is not found", async () => {
  const id = "0190a000-0000-7000-8000-000000000000";
  expect((await get(`/api/v1/deliveries/${id}`)).json()).toMatchObject({ status: 404, code: "delivery_not_found" });
});

test("the routes stand in the OpenAPI document", async () => {
  const document = (await get("/api/openapi.json")).json<{ paths: Record<string, unknown> }>();
  expect(Object.keys(document.paths)).toEqual(
    expect.arrayContaining(["/api/v1/deliveries", "/api/v1/devices/{id}/commands"]),
  );
});
