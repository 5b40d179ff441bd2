import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { type DeviceRef, Devices } from "../devices/devices.ts";
import { systemClock } from "../platform/clock.ts";
import { randomIds } from "../platform/ids.ts";
import { Staff } from "../staff/staff.ts";
import { Telemetry } from "./telemetry.ts";

let base: TestDatabase;
let devices: Devices;
let telemetry: Telemetry;
let device: DeviceRef;
const system = { kind: "system" } as const;
const model = (version: number, names: string[]) => ({
  key: "oven",
  version,
  brand: "B",
  name: "Oven",
  kind: "oven" as const,
  hardwareIds: ["h1"],
  locales: ["en"],
  metrics: names.map((name) => ({
    name,
    unit: "",
    kind: name === "door_open" ? ("flag" as const) : ("gauge" as const),
    personal: false,
  })),
  capabilities: { programs: [], steam: false, probe: false },
});

const startMs = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 43_200_000;

async function store(readings: { atMs: number; metrics: Record<string, number | boolean> }[]): Promise<void> {
  const client = await base.database.connect();
  const facts = readings.map((reading) => ({ ...reading, device, receivedAtMs: Date.now() }));
  const prepared = await telemetry.prepare(facts);
  await client.query("BEGIN");
  await telemetry.ingestReadings(client, prepared);
  await client.query("COMMIT");
  await client.end();
}

beforeAll(async () => {
  base = await createTestDatabase();
  const deps = { db: base.db, clock: systemClock, ids: randomIds };
  devices = new Devices({ ...deps, audit: new Staff(deps).audit });
  telemetry = new Telemetry({
    ...deps,
    layoutOf: (key) => devices.layout(key),
    modelsOf: (keys) => devices.modelsOf(keys),
  });
  await devices.putModel(system, model(1, ["cavity_c", "door_open"]));
  await devices.register(system, [{ id: "d1", model: "oven" }]);
  const found = (await devices.find(["d1"])).get("d1");
  if (found === undefined) throw new Error("d1 is missing");
  device = found;
});
afterAll(() => base.drop());

test("a metric that the model learns later is one series with what was stored before", async () => {
  const fromMs = startMs + 2_000_000;
  await store([{ atMs: fromMs, metrics: { late_w: 10 } }]);
  await devices.putModel(system, model(2, ["cavity_c", "door_open", "late_w"]));
  await store([{ atMs: fromMs + 1, metrics: { late_w: 20, door_open: true } }]);
  const { series } = await telemetry.store.range({
    devices: [{ device, sinceMs: 0 }],
    metrics: ["late_w"],
    fromMs,
    toMs: fromMs + 2,
    points: 2,
  });
  expect(series[0]?.buckets.map((bucket) => bucket.mean)).toEqual([10, 20]);
  const latest = (await telemetry.store.latest([{ device, sinceMs: 0 }])).get(device.key) ?? [];
  expect(latest.find((one) => one.metric === "late_w")).toMatchObject({ value: 20, atMs: fromMs + 1 });
  expect(latest.find((one) => one.metric === "door_open")).toMatchObject({ value: true });
});

test("rows that a day's partition finds in the default one are moved into it", async () => {
  const oldMs = startMs - 3 * 86_400_000;
  const client = await base.database.connect();
  await client.query("INSERT INTO reading (device_key, at_ms, metric_values) VALUES ($1, $2, '{1}')", [
    device.key,
    oldMs,
  ]);
  await client.end();
  await store([{ atMs: oldMs + 1, metrics: { cavity_c: 2 } }]);
  const { series } = await telemetry.store.range({
    devices: [{ device, sinceMs: 0 }],
    metrics: ["cavity_c"],
    fromMs: oldMs,
    toMs: oldMs + 2,
    points: 1,
  });
  expect(series[0]?.buckets[0]).toMatchObject({ min: 1, max: 2, count: 2 });
});

test("who has a device from some time on sees nothing of before, whatever its clock said, and nothing that is stored already", async () => {
  const atMs = Math.floor(Date.now() / 1_000) * 1_000;
  const dayMs = 86_400_000;
  await devices.register(system, [{ id: "d2", model: "oven" }]);
  const passedOn = (await devices.find(["d2"])).get("d2");
  if (passedOn === undefined) throw new Error("d2 is missing");
  const client = await base.database.connect();
  const storeAt = async (readings: [atMs: number, receivedAtMs: number, value: number][]) => {
    const prepared = await telemetry.prepare(
      readings.map(([at, receivedAtMs, cavity_c]) => ({
        device: passedOn,
        atMs: at,
        receivedAtMs,
        metrics: { cavity_c },
      })),
    );
    await client.query("BEGIN");
    await telemetry.ingestReadings(client, prepared);
    await client.query("COMMIT");
  };
  // In order, four minutes ahead, and days ahead: the last nobody believes.
  await storeAt([
    [atMs - 1_000, atMs - 1_000, 1],
    [atMs + 240_000, atMs - 1_000, 2],
    [atMs + 2 * dayMs, atMs - 1_000, 3],
  ]);
  const sinceMs = await telemetry.firstFreeMs(base.db, passedOn, atMs);
  expect(sinceMs).toBe(atMs + 240_001);
  expect(await telemetry.firstFreeMs(base.db, passedOn, atMs + 300_000)).toBe(atMs + 300_000);
  const range = { metrics: ["cavity_c"], fromMs: atMs - dayMs, toMs: atMs + 3 * dayMs, points: 1 };
  const means = async (from: number) => {
    const spans = [{ device: passedOn, sinceMs: from }];
    const { series } = await telemetry.store.range({ ...range, devices: spans });
    return (series[0]?.buckets ?? []).map(({ mean }) => mean);
  };
  const latest = async () => (await telemetry.store.latest([{ device: passedOn, sinceMs }])).get(passedOn.key) ?? [];
  expect((await means(0)).length).toBeGreaterThan(0);
  expect(await means(sinceMs)).toEqual([]);
  expect(await latest()).toEqual([]);
  // Its own, also where it says that it was days from now.
  await storeAt([
    [sinceMs, sinceMs, 20],
    [atMs + 2 * dayMs + 1, sinceMs + 1, 40],
  ]);
  expect(await means(sinceMs)).toEqual([20]);
  expect(await latest()).toMatchObject([{ metric: "cavity_c", value: 40, clockSuspect: true }]);
  await client.end();
});
