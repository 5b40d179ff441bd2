import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Kitchen } from "../../test/support/kitchen.ts";
import { householdFacts } from "../households/households.ts";
import { deviceFacts, type DeviceFactsRow } from "./devices.ts";

let kitchen: Kitchen;
beforeAll(async () => {
  kitchen = await Kitchen.open();
});
afterAll(() => kitchen.close());

async function factsOf(id: string): Promise<DeviceFactsRow | undefined> {
  const { rows } = await sql<DeviceFactsRow>`
    SELECT f.* FROM ${deviceFacts(householdFacts)} f WHERE f.id = ${id}`.execute(kitchen.base.db);
  return rows[0];
}
const report = (device: string, state: object, atMs = kitchen.clock.nowMs()) =>
  kitchen.say({ device, channel: "reported", payload: { atMs, state } });

test("what an appliance reports is there for targets, and nonsense counts as not reported", async () => {
  await kitchen.ovens("oven-a");
  await report("oven-a", {
    firmware: "2.10.1-rc1",
    hardware: "r2",
    releaseCounter: 7,
    locale: "de",
    timeZone: "Europe/Berlin",
  });
  expect(await factsOf("oven-a")).toMatchObject({
    version: "2.10.1-rc1",
    version_parts: [2, 10, 1],
    hardware: "r2",
    counter: 7,
    locale: "de",
    time_zone: "Europe/Berlin",
    online: false,
    blocked: false,
  });
  kitchen.clock.forward(1_000);
  await report("oven-a", { firmware: { a: 1 }, hardware: "x".repeat(100), releaseCounter: -1.5, timeZone: 3 });
  expect(await factsOf("oven-a")).toMatchObject({
    version: null,
    version_parts: null,
    hardware: null,
    counter: null,
    time_zone: "UTC",
  });
});

test("facts count as changed when one of them changed, and not when the same is said again", async () => {
  await kitchen.ovens("oven-b");
  kitchen.clock.forward(1_000);
  await report("oven-b", { firmware: "1.0.0" });
  const first = (await factsOf("oven-b"))?.facts_at_ms;
  expect(first).toBe(kitchen.clock.nowMs());
  kitchen.clock.forward(1_000);
  await report("oven-b", { firmware: "1.0.0", operation: "running" });
  expect((await factsOf("oven-b"))?.facts_at_ms).toBe(first);
  await report("oven-b", { firmware: "1.0.1" }, kitchen.clock.nowMs() + 1);
  expect((await factsOf("oven-b"))?.facts_at_ms).toBe(kitchen.clock.nowMs());
});

test("the time zone is the appliance's own, else its household's, else UTC", async () => {
  await kitchen.ovens("oven-c");
  expect((await factsOf("oven-c"))?.time_zone).toBe("UTC");
  const { body } = await kitchen.as("admin", "POST", "/households", {
    name: "Huber",
    locale: "de",
    timeZone: "Europe/Vienna",
  });
  kitchen.clock.forward(1_000);
  await kitchen.as("admin", "PUT", `/households/${body.id}/devices/oven-c`);
  expect(await factsOf("oven-c")).toMatchObject({ time_zone: "Europe/Vienna", facts_at_ms: kitchen.clock.nowMs() });
  await report("oven-c", { timeZone: "Asia/Tokyo" });
  expect((await factsOf("oven-c"))?.time_zone).toBe("Asia/Tokyo");
});

test("staff say where an appliance stands and tag many at once; what cannot be is refused whole", async () => {
  await kitchen.ovens("oven-d", "oven-e");
  expect(
    (await kitchen.as("support", "PATCH", "/devices/oven-d", { country: "AT", tags: ["b", "a", "a"] })).status,
  ).toBe(204);
  expect(await factsOf("oven-d")).toMatchObject({ country: "AT", tags: ["a", "b"] });
  const tagged = await kitchen.as("support", "POST", "/devices/tags", {
    deviceIds: ["oven-d", "oven-e"],
    add: ["internal"],
    remove: ["b"],
  });
  expect(tagged.body).toEqual({ changed: 2 });
  expect((await factsOf("oven-d"))?.tags).toEqual(["a", "internal"]);
  const listed = await kitchen.as("viewer", "GET", "/devices?tag=internal&country=AT");
  expect(listed.body.items.map(({ id }: { id: string }) => id)).toEqual(["oven-d"]);
  expect((await kitchen.as("support", "PATCH", "/devices/oven-d", { country: "Austria" })).status).toBe(400);
  const unknown = await kitchen.as("support", "POST", "/devices/tags", { deviceIds: ["oven-d", "nobody"], add: ["c"] });
  expect([unknown.status, (await factsOf("oven-d"))?.tags]).toEqual([404, ["a", "internal"]]);
  const many = Array.from({ length: 19 }, (_, at) => `t${at}`);
  expect((await kitchen.as("support", "POST", "/devices/tags", { deviceIds: ["oven-d"], add: many })).status).toBe(422);
  expect((await kitchen.as("viewer", "PATCH", "/devices/oven-d", { tags: [] })).status).toBe(403);
});
