import fc from "fast-check";
import { sql } from "kysely";
import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import type { DeviceRef, MetricLayout } from "../devices/devices.ts";
import { PostgresTelemetryStore } from "./postgres-telemetry-store.ts";

const nowMs = Date.UTC(2026, 9, 14, 12);
const [secondMs, hourMs, dayMs] = [1_000, 3_600_000, 86_400_000];
const startMs = nowMs - 30 * hourMs;
const layout: MetricLayout = { positions: new Map([["power_w", 0]]), size: 1, declared: new Map() };

let base: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  base = await createTestDatabase();
  client = await base.database.connect();
});
afterAll(async () => {
  await client.end();
  await base.drop();
});

const time = { nowMs };
const openStore = (readingsMs = 90 * dayMs) =>
  new PostgresTelemetryStore({
    db: base.db,
    clock: { nowMs: () => time.nowMs },
    layoutOf: () => layout,
    modelsOf: async (keys) => new Map(keys.map((key) => [key, "oven"])),
    retention: { readingsMs, minutesMs: 400 * dayMs, hoursMs: 800 * dayMs, daysMs: 1_600 * dayMs, eventsMs: dayMs },
  });

let keys = 0;
function newDevice(): DeviceRef {
  keys += 1;
  return { key: keys, id: `device-${keys}`, model: "oven", householdId: null, householdSinceMs: null };
}

async function write(store: PostgresTelemetryStore, device: DeviceRef, readings: [atMs: number, value: number][]) {
  const prepared = await store.prepare(
    readings.map(([atMs, power_w]) => ({ device, atMs, receivedAtMs: time.nowMs, metrics: { power_w } })),
  );
  await client.query("BEGIN");
  const learn = await store.append(client, prepared);
  return {
    async commit() {
      await client.query("COMMIT");
      learn?.();
    },
    rollback: () => client.query("ROLLBACK"),
  };
}

async function totals(store: PostgresTelemetryStore, device: DeviceRef, points: number) {
  const query = { devices: [{ device, sinceMs: 0 }], metrics: ["power_w"], fromMs: startMs, toMs: nowMs, points };
  const buckets = (await store.range(query)).series[0]?.buckets ?? [];
  return {
    count: buckets.reduce((sum, one) => sum + one.count, 0),
    sum: buckets.reduce((sum, one) => sum + one.count * one.mean, 0),
  };
}

const batch = fc.array(fc.tuple(fc.constantFrom(0, 1, 59, 3_599, 3_600, 90_000), fc.nat(100)), {
  minLength: 1,
  maxLength: 4,
});
interface Step {
  batch: [second: number, value: number][];
  follow: "never" | "before" | "between" | "after";
  ends: "committed" | "rolled back" | "committed, and the process killed before it knew";
}
const step: fc.Arbitrary<Step> = fc.record({
  batch,
  /** When the follower begins, beside the transaction. */
  follow: fc.constantFrom<Step["follow"][]>("never", "before", "between", "after"),
  ends: fc.constantFrom<Step["ends"][]>(
    "committed",
    "committed",
    "rolled back",
    "committed, and the process killed before it knew",
  ),
});

async function run(steps: readonly Step[]): Promise<void> {
  const device = newDevice();
  const expected = new Map<number, number>();
  let store = openStore();
  let following: Promise<unknown> = Promise.resolve();
  const follow = (when: boolean) => {
    if (when) following = following.then(() => store.rollups.followOnce(0));
  };
  for (const { batch: readings, follow: when, ends } of steps) {
    follow(when === "before");
    const open = await write(
      store,
      device,
      readings.map(([at, value]) => [startMs + at * secondMs, value]),
    );
    follow(when === "between");
    if (ends === "rolled back") await open.rollback();
    else if (ends === "committed") await open.commit();
    else {
      await client.query("COMMIT");
      await following;
      store = openStore();
    }
    follow(when === "after");
    if (ends !== "rolled back") {
      for (const [at, value] of readings) if (!expected.has(at)) expected.set(at, value);
    }
    const wanted = { count: expected.size, sum: [...expected.values()].reduce((sum, value) => sum + value, 0) };
    for (const points of [1, 30, 500]) {
      const found = await totals(store, device, points);
      expect({ ...found, sum: Math.round(found.sum) }).toEqual(wanted);
    }
  }
  await following;
  await store.rollups.follow(0);
  expect(await store.rollups.waiting()).toBe(0);
  const whole = await totals(store, device, 30);
  await sql`DELETE FROM reading WHERE device_key = ${device.key}`.execute(base.db);
  // What is left is the rollups, and they have everything.
  for (const points of [1, 30, 500]) expect((await totals(store, device, points)).count).toBe(whole.count);
}

test("whenever the follower works beside ingest, and whenever the process is killed, answers are those of the readings", async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 5 }), run), { numRuns: 20 });
});

test("an hour is rolled up once it is over and quiet, and again when something comes late", async () => {
  const [store, device] = [openStore(), newDevice()];
  const openHour = nowMs + secondMs;
  await (
    await write(store, device, [
      [startMs, 1],
      [openHour, 5],
    ])
  ).commit();
  await store.rollups.follow();
  expect(await store.rollups.waiting()).toBe(2);
  time.nowMs += 60_000;
  await store.rollups.follow();
  expect(await store.rollups.waiting()).toBe(1);
  time.nowMs += hourMs;
  await store.rollups.follow();
  expect(await store.rollups.waiting()).toBe(0);
  await (await write(store, device, [[startMs + 1, 3]])).commit();
  expect(await store.rollups.waiting()).toBe(1);
  expect(await totals(store, device, 2)).toEqual({ count: 2, sum: 4 });
  time.nowMs = nowMs;
  await sql`TRUNCATE rollup_dirty`.execute(base.db);
});

test("how far the rollups lag is how long the oldest hour that is over and quiet has waited, and nothing once it is made", async () => {
  const [store, device] = [openStore(), newDevice()];
  await store.rollups.follow(0);
  expect(await store.rollups.behind()).toEqual({ hours: 0, behindMs: 0 });
  await (
    await write(store, device, [
      [startMs, 1],
      [startMs + hourMs, 2],
      [nowMs, 3],
    ])
  ).commit();
  time.nowMs += 20 * 60_000;
  // Its last hour is not over.
  expect(await store.rollups.behind()).toEqual({ hours: 2, behindMs: 20 * 60_000 - 15_000 });
  // A process that is started anew counts from then on.
  const other = openStore();
  time.nowMs += 60_000;
  expect(await other.rollups.behind()).toEqual({ hours: 2, behindMs: 60_000 });
  await store.rollups.follow();
  time.nowMs += 60_000;
  expect(await store.rollups.behind()).toEqual({ hours: 0, behindMs: 0 });
  time.nowMs = nowMs;
  await sql`TRUNCATE rollup_dirty`.execute(base.db);
});

async function partitions(table: string): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = ${table}::regclass ORDER BY 1`.execute(
    base.db,
  );
  return rows.map(({ name }) => name);
}

test("partitions are made ahead, and dropped as a whole once nothing in them is kept; rollups outlive their readings", async () => {
  const [store, device] = [openStore(3 * dayMs), newDevice()];
  await store.load();
  const strayMs = nowMs - 20 * dayMs;
  await (
    await write(store, device, [
      [startMs, 1],
      [startMs + 1, 3],
      [strayMs, 7],
    ])
  ).commit();
  await store.keep();
  expect(await partitions("reading")).toEqual(
    expect.arrayContaining(["reading_20261013", "reading_20261014", "reading_20261015", "reading_20261016"]),
  );
  expect(await partitions("rollup_minute")).toContain("rollup_minute_20261001");
  expect(await partitions("rollup_hour")).toContain("rollup_hour_20260101");
  // What came later than readings are kept is gone again, and makes no rollup of itself alone.
  const kept = async () => {
    const query = { devices: [{ device, sinceMs: 0 }], metrics: null, fromMs: 0, toMs: 2 * nowMs };
    const found: number[] = [];
    for await (const page of store.readings(query)) found.push(...page.map(({ atMs }) => atMs));
    return found;
  };
  expect(await kept()).toEqual([startMs, startMs + 1]);

  time.nowMs += 4 * dayMs;
  // Not yet: the follower has not been there.
  await store.keep();
  expect(await kept()).toEqual([startMs, startMs + 1]);
  await store.rollups.follow(0);
  expect(await store.keep()).toContain(`reading ${Date.UTC(2026, 9, 13)}`);
  expect(await kept()).toEqual([]);
  expect(await partitions("reading")).not.toContain("reading_20261013");
  expect(await totals(store, device, 30)).toEqual({ count: 2, sum: 4 });
  time.nowMs = nowMs + 500 * dayMs;
  expect(await store.keep()).toContain(`rollup_minute ${Date.UTC(2026, 9, 1)}`);
  expect(await totals(store, device, 5_000)).toEqual({ count: 2, sum: 4 });
  time.nowMs = nowMs;
});
