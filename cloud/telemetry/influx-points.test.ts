/** How readings get into InfluxDB and out of it again, on Debian's InfluxDB 1.6.7 and VictoriaMetrics. */
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasInflux, hasVictoria, TestInflux, TestVictoria } from "../../test/support/influx.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { until } from "../../test/support/service-process.ts";
import type { DeviceRef, MetricLayout, ReadingFact } from "../devices/devices.ts";
import { randomIds } from "../platform/ids.ts";
import { createLogger } from "../platform/logger.ts";
import { type InfluxConfig, InfluxReadings, ParkedReadings } from "./telemetry.ts";

const layout: MetricLayout = {
  positions: new Map([
    ["cavity_c", 0],
    ["power_w", 1],
  ]),
  size: 2,
  declared: new Map(),
};

let base: TestDatabase;
let nowMs = Date.UTC(2026, 9, 14, 12);
let oldestWaitingMs: number | null = null;
let keys = 0;

beforeAll(async () => {
  base = await createTestDatabase();
});
afterAll(() => base.drop());

async function openReadings(config: InfluxConfig) {
  const deps = { db: base.db, clock: { nowMs: () => nowMs }, ids: randomIds };
  const parked = new ParkedReadings(deps);
  const logger = createLogger("silent");
  const more = { parked, logger, config, layoutOf: () => layout, oldestWaitingMs: () => oldestWaitingMs };
  const readings = new InfluxReadings({ ...deps, ...more });
  await readings.load();
  return { readings, parked };
}

const newDevice = (model = "oven"): DeviceRef => {
  keys += 1;
  return { key: keys, id: `device-${keys}`, model, householdId: null, householdSinceMs: null };
};

const reading = (device: DeviceRef, atMs: number, metrics: Record<string, number | boolean>): ReadingFact => ({
  device,
  atMs,
  metrics,
  receivedAtMs: Math.min(atMs, nowMs),
});

async function rawOf(readings: InfluxReadings, device: DeviceRef) {
  const query = { devices: [{ device, sinceMs: 0 }], metrics: null, fromMs: 0, toMs: nowMs + 1 };
  const found = [];
  for await (const page of readings.store.readings(query)) found.push(...page);
  return found.map(({ atMs, metrics }) => [atMs, metrics]);
}

const seriesOf = async (device: DeviceRef): Promise<string> => {
  const { rows } = await sql<{ series: string }>`
    SELECT series FROM reading_series WHERE device_key = ${device.key}`.execute(base.db);
  return rows[0]?.series ?? "";
};

describe.skipIf(!hasInflux)("with Debian's influxdb", () => {
  let influx: TestInflux;
  beforeAll(async () => {
    influx = await TestInflux.open();
  });
  afterAll(() => influx.close());

  test("a bad point is parked with InfluxDB's reason, and all of its neighbours are stored", async () => {
    const { readings, parked } = await openReadings(influx.config);
    // Somebody else's integer: no float can follow it in that shard.
    const day = Date.UTC(2026, 8, 1);
    expect(await influx.write(`readings,device=x cavity_c=1i ${day}`)).toBe(204);
    const device = newDevice();
    const sound = Array.from({ length: 40 }, (_, at) => reading(device, nowMs - 1_000 + at, { cavity_c: at }));
    const bad = reading(device, day + 5, { cavity_c: 7 });
    const refused = await readings.points.write([...sound.slice(0, 17), bad, ...sound.slice(17)]);
    await readings.points.park(base.db, refused);
    expect(await rawOf(readings, device)).toEqual(sound.map(({ atMs, metrics }) => [atMs, metrics]));
    const kept = await parked.list({ deviceKey: device.key, beforeId: null, limit: 10 });
    expect(kept).toMatchObject([{ atMs: bad.atMs, metrics: { cavity_c: 7 }, reason: "refused" }]);
    expect(kept[0]?.detail).toContain("field type conflict");
    expect(await parked.counts()).toEqual({ refused: 1 });
  });

  test("metrics beyond the fields of a model are parked, and what else the reading says is stored", async () => {
    const { readings } = await openReadings(influx.config);
    const device = newDevice("talkative");
    const names = Array.from({ length: 101 }, (_, at) => `made_up_${String(at).padStart(3, "0")}`);
    const metrics = Object.fromEntries(names.map((name) => [name, 1]));
    const refused = await readings.points.write([reading(device, nowMs - 1, { ...metrics, power_w: 5 })]);
    expect(refused).toMatchObject([{ reason: "too_many_metrics", metrics: { made_up_100: 1 } }]);
    expect(Object.keys(refused[0]?.metrics ?? {})).toEqual(["made_up_100"]);
    const [[, stored] = []] = await rawOf(readings, device);
    expect(stored).toMatchObject({ made_up_099: 1, power_w: 5 });
    // The bound is the model's, and survives a restart.
    const again = await openReadings(influx.config);
    expect(await again.readings.points.write([reading(device, nowMs, { one_more: 1 })])).toMatchObject([
      { reason: "too_many_metrics" },
    ]);
  });

  test("the same readings again, after a restart too, change nothing and add nothing", async () => {
    const device = newDevice();
    const facts = [1, 2, 3].map((at) => reading(device, nowMs - at, { cavity_c: at }));
    const first = await openReadings(influx.config);
    await first.readings.points.write(facts);
    await first.readings.points.write(facts);
    const second = await openReadings(influx.config);
    await second.readings.points.write([...facts, reading(device, nowMs - 2, { cavity_c: 99, power_w: 7 })]);
    expect(await rawOf(second.readings, device)).toEqual([
      [nowMs - 3, { cavity_c: 3 }],
      [nowMs - 2, { cavity_c: 2, power_w: 7 }],
      [nowMs - 1, { cavity_c: 1 }],
    ]);
  });

  test("a database that is not there, and a server that is not, are waited for: nothing is parked for it", async () => {
    const device = newDevice();
    const fact = reading(device, nowMs, { cavity_c: 1 });
    const nowhere = await openReadings({ ...influx.config, bucket: "nowhere" });
    await expect(nowhere.readings.points.write([fact])).rejects.toThrow("InfluxDB: database not found: nowhere");
    const { readings } = await openReadings(influx.config);
    await influx.stop();
    expect(await readings.isUp()).toBe(false);
    await expect(readings.points.write([fact])).rejects.toThrow(/InfluxDB: .*ECONNREFUSED/);
    const asked = readings.store.latest([{ device: { ...device }, sinceMs: 0 }]);
    await expect(asked).rejects.toMatchObject({ code: "telemetry_store_away" });
    // Who gets the device now sees nothing of what may be on its way there.
    expect(await readings.store.newestAhead(base.db, device, nowMs)).toBe(nowMs + 300_000);
    await influx.start();
    await readings.points.write([fact]);
    expect(await rawOf(readings, device)).toEqual([[nowMs, { cavity_c: 1 }]]);
  });

  test("what is erased is gone from InfluxDB's own answers, and the name that it lay under stands for nobody", async () => {
    const { readings, parked } = await openReadings(influx.config);
    const [device, other] = [newDevice(), newDevice()];
    const facts = [device, other].map((one) => reading(one, nowMs - 1, { cavity_c: 1 }));
    await readings.points.write(facts);
    await parked.park(base.db, [
      { device, atMs: nowMs - 5, receivedAtMs: nowMs - 5, metrics: { cavity_c: 1 }, reason: "refused", detail: "" },
    ]);
    const [name, otherName] = [await seriesOf(device), await seriesOf(other)];
    const under = (series: string) => influx.ask(`SELECT * FROM readings WHERE device = '${series}'`);
    expect((await under(name)).length).toBe(1);
    await readings.store.erase([{ deviceKey: device.key, fromMs: 0, toMs: Number.MAX_SAFE_INTEGER }]);
    expect(await under(name)).toEqual([]);
    expect((await under(otherName)).length).toBe(1);
    expect(await seriesOf(device)).not.toBe(name);
    expect(await parked.list({ deviceKey: device.key, beforeId: null, limit: 1 })).toEqual([]);
    expect(JSON.stringify(await influx.ask("SHOW TAG VALUES WITH KEY = device"))).not.toContain(device.id);
    // What was on its way then is not stored either, and what comes from now on is.
    nowMs += 1_000;
    await readings.points.write([facts[0]!, reading(device, nowMs, { cavity_c: 2 })]);
    expect(await rawOf(readings, device)).toEqual([[nowMs, { cavity_c: 2 }]]);
  });

  test("an erasure while InfluxDB is away takes effect at once, and is done there when it is back", async () => {
    const { readings } = await openReadings(influx.config);
    const [device, other] = [newDevice(), newDevice()];
    await readings.points.write([device, other].map((one) => reading(one, nowMs - 1, { cavity_c: 1 })));
    const [name, otherName] = [await seriesOf(device), await seriesOf(other)];
    await influx.stop();
    await readings.store.erase([{ deviceKey: device.key, fromMs: 0, toMs: Number.MAX_SAFE_INTEGER }]);
    // A part of what an appliance said has no name of its own: whoever asks hears that it is not done.
    const part = readings.store.erase([{ deviceKey: other.key, fromMs: 0, toMs: nowMs }]);
    await expect(part).rejects.toThrow("InfluxDB");
    expect(await readings.erasuresWaiting()).toBe(2);
    expect(await seriesOf(device)).not.toBe(name);
    await influx.start();
    expect(await rawOf(readings, device)).toEqual([]);
    await readings.tick();
    expect(await readings.erasuresWaiting()).toBe(0);
    for (const series of [name, otherName])
      expect(await influx.ask(`SELECT * FROM readings WHERE device = '${series}'`)).toEqual([]);
    // It is remembered until nothing from before it can be on its way.
    const known = async () =>
      (await sql<{ n: number }>`SELECT count(*) AS n FROM reading_erasure WHERE series = ${name}`.execute(base.db))
        .rows[0]?.n;
    oldestWaitingMs = nowMs - 1;
    nowMs += 120_000;
    await readings.tick();
    expect(await known()).toBe(1);
    oldestWaitingMs = nowMs;
    await readings.tick();
    expect(await known()).toBe(0);
  });
});

describe.skipIf(!hasVictoria)("with Debian's victoria-metrics", () => {
  let victoria: TestVictoria;
  beforeAll(async () => {
    victoria = await TestVictoria.open();
  });
  afterAll(() => victoria.close());

  test("what goes in by InfluxDB 2's write path is what a server of another make answers", async () => {
    const { readings } = await openReadings(victoria.config);
    const device = newDevice("oven x200, large");
    const facts = Array.from({ length: 500 }, (_, at) =>
      reading(device, nowMs - 500_000 + at * 1_000, { cavity_c: 20 + at / 8, door_open: at % 2 === 0 }),
    );
    expect(await readings.points.write(facts)).toEqual([]);
    const series = await seriesOf(device);
    let found: Awaited<ReturnType<TestVictoria["exported"]>> = [];
    const isThere = async () => {
      found = await victoria.exported(`{device="${series}"}`);
      return found.length === 2 && found.every(({ values }) => values.length === facts.length);
    };
    await until("victoria-metrics has all of it", isThere);
    const byName = new Map(found.map((one) => [one.metric["__name__"], one]));
    const cavity = byName.get("readings_cavity_c");
    expect(cavity?.metric).toMatchObject({ clock: "ok", device: series, model: "oven x200, large" });
    expect(cavity?.timestamps).toEqual(facts.map(({ atMs }) => atMs));
    expect(cavity?.values).toEqual(facts.map(({ metrics }) => metrics["cavity_c"]));
    expect(byName.get("readings_door_open")?.values).toEqual(facts.map((_, at) => (at % 2 === 0 ? 1 : 0)));
  });
});
