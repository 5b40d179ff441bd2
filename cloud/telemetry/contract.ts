/**
 * What every store of readings must answer, whatever it is made of: given these readings, these answers. An adapter's test calls
 * `telemetryContract` with a way to open it on a real server.
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DeviceRef, MetricLayout, ReadingFact } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { Bucket, RangeQuery, StoredReading, TelemetryStore } from "./telemetry-store.ts";

/** The time of the store's clock: a Wednesday, 12:00:00 UTC. */
export const contractNowMs = Date.UTC(2026, 9, 14, 12);

export interface StoreUnderTest {
  store: TelemetryStore;
  /** Stores readings as the up road brings them, in one batch and in this order. Whoever asks afterwards gets them. */
  write(readings: readonly ReadingFact[]): Promise<void>;
  /** Lets the store do whatever it does by itself in the course of a day, such as rollups. No answer may change by it. */
  settle(): Promise<void>;
  /** For `newestAhead`. A store outside of PostgreSQL is given any. */
  db: Db;
  close(): Promise<void>;
}

/** What an adapter is opened with: its clock stands still, and its models are `oven` and `hob`. */
export interface ContractWorld {
  clock: Clock;
  layoutOf: (model: string) => MetricLayout;
  /** The models of devices by key. */
  modelsOf: (deviceKeys: readonly number[]) => Promise<ReadonlyMap<number, string>>;
}

const declared = (name: string, kind: "gauge" | "flag" | "counter" = "gauge") => ({
  name,
  unit: "",
  kind,
  personal: false,
});

function layout(...metrics: ReturnType<typeof declared>[]): MetricLayout {
  return {
    positions: new Map(metrics.map(({ name }, at) => [name, at])),
    size: metrics.length,
    declared: new Map(metrics.map((metric) => [metric.name, metric])),
  };
}

const layouts = new Map([
  ["oven", layout(declared("cavity_c"), declared("power_w"), declared("door_open", "flag"))],
  ["hob", layout(declared("power_w"), declared("plate_c"))],
]);

const world: ContractWorld = {
  clock: { nowMs: () => contractNowMs },
  layoutOf(model) {
    const found = layouts.get(model);
    if (found === undefined) throw new Error(`the contract knows no model ${model}`);
    return found;
  },
  modelsOf: async (deviceKeys) => new Map(deviceKeys.map((key) => [key, modelByKey.get(key) ?? "oven"])),
};

const [secondMs, minuteMs, hourMs, dayMs] = [1_000, 60_000, 3_600_000, 86_400_000];
const startMs = contractNowMs - 6 * hourMs;

let keys = 0;
const modelByKey = new Map<number, string>();
const newDevice = (model = "oven"): DeviceRef => {
  keys += 1;
  modelByKey.set(keys, model);
  return { key: keys, id: `device-${keys}`, model, householdId: null, householdSinceMs: null };
};

/** A reading that was received when it was taken. */
const reading = (
  device: DeviceRef,
  atMs: number,
  metrics: Record<string, number | boolean>,
  receivedAtMs = Math.min(atMs, contractNowMs),
): ReadingFact => ({ device, atMs, metrics, receivedAtMs });

/** Runs the contract against one adapter. */
export function telemetryContract(name: string, open: (world: ContractWorld) => Promise<StoreUnderTest>): void {
  describe(`${name} as a store of readings`, () => {
    let under: StoreUnderTest;
    beforeAll(async () => {
      under = await open(world);
    });
    afterAll(() => under.close());
    const get = () => under;
    rangePromises(get);
    latenessPromises(get);
    rawPromises(get);
    spanPromises(get);
    erasurePromises(get);
  });
}

type Get = () => StoreUnderTest;

const range = (device: DeviceRef, metrics: readonly string[], more: Partial<RangeQuery> = {}): RangeQuery => ({
  devices: [{ device, sinceMs: 0 }],
  metrics,
  fromMs: startMs,
  toMs: contractNowMs,
  points: 100,
  ...more,
});

async function bucketsOf(under: StoreUnderTest, query: RangeQuery): Promise<Bucket[]> {
  return (await under.store.range(query)).series[0]?.buckets ?? [];
}

async function rawOf(
  under: StoreUnderTest,
  device: DeviceRef,
  more: { metrics?: readonly string[]; fromMs?: number; toMs?: number; sinceMs?: number; untilMs?: number } = {},
): Promise<StoredReading[]> {
  const { metrics = null, fromMs = 0, toMs = 4_102_444_800_000, sinceMs = 0, untilMs = Number.MAX_SAFE_INTEGER } = more;
  const found: StoredReading[] = [];
  for await (const page of under.store.readings({ devices: [{ device, sinceMs, untilMs }], metrics, fromMs, toMs }))
    found.push(...page);
  return found;
}

function rangePromises(get: Get): void {
  test("a range keeps peaks and dips at any zoom, and counts what lies behind each point", async () => {
    const device = newDevice();
    await get().write(
      Array.from({ length: 1_000 }, (_, at) =>
        reading(device, startMs + at * secondMs, {
          cavity_c: at === 333 ? 499.5 : at === 777 ? -40.25 : 180,
          door_open: at % 2 === 0,
        }),
      ),
    );
    for (const settled of [false, true]) {
      if (settled) await get().settle();
      for (const points of [1, 7, 100, 5_000]) {
        const { series, bucketMs } = await get().store.range(
          range(device, ["cavity_c", "door_open"], { toMs: startMs + 1_000 * secondMs, points }),
        );
        const [cavity, door] = series;
        expect(cavity?.buckets.length).toBeLessThanOrEqual(points + 1);
        for (const { atMs } of cavity?.buckets ?? []) expect(atMs % bucketMs).toBe(0);
        expect(cavity?.buckets.reduce((sum, bucket) => sum + bucket.count, 0)).toBe(1_000);
        expect(Math.max(...(cavity?.buckets.map((bucket) => bucket.max) ?? []))).toBe(499.5);
        expect(Math.min(...(cavity?.buckets.map((bucket) => bucket.min) ?? []))).toBe(-40.25);
        expect(door?.buckets.reduce((sum, bucket) => sum + bucket.mean * bucket.count, 0)).toBeCloseTo(500);
      }
    }
  });

  test("several devices, of several models, and several metrics come in the order asked for", async () => {
    const [first, second, hob, silent] = [newDevice(), newDevice(), newDevice("hob"), newDevice()];
    await get().write([
      reading(first, startMs, { cavity_c: 10, power_w: 1 }),
      reading(second, startMs, { cavity_c: 20 }),
      reading(hob, startMs, { power_w: 3, plate_c: 40 }),
    ]);
    const devices = [hob, silent, second, first].map((device) => ({ device, sinceMs: 0 }));
    const { series } = await get().store.range({ ...range(first, ["power_w", "cavity_c"]), devices });
    expect(series.map(({ deviceKey, metric, buckets }) => [deviceKey, metric, buckets[0]?.mean ?? null])).toEqual([
      [hob.key, "power_w", 3],
      [hob.key, "cavity_c", null],
      [silent.key, "power_w", null],
      [silent.key, "cavity_c", null],
      [second.key, "power_w", null],
      [second.key, "cavity_c", 20],
      [first.key, "power_w", 1],
      [first.key, "cavity_c", 10],
    ]);
  });

  test("a range begins and ends where it was asked to, also in the middle of a bucket", async () => {
    const device = newDevice();
    const at = [0, 30_000, 60_000, 90_000, hourMs, hourMs + 30_000];
    await get().write(at.map((ms) => reading(device, startMs + ms, { power_w: ms })));
    const whole = range(device, ["power_w"], { fromMs: startMs + 30_000, toMs: startMs + hourMs + 30_000, points: 1 });
    for (const settled of [false, true]) {
      if (settled) await get().settle();
      const buckets = await bucketsOf(get(), whole);
      expect(buckets.reduce((sum, { count }) => sum + count, 0)).toBe(4);
      expect(Math.min(...buckets.map(({ min }) => min))).toBe(30_000);
      expect(Math.max(...buckets.map(({ max }) => max))).toBe(hourMs);
    }
  });

  test("numbers that no appliance measures do not take a chart's other numbers with them", async () => {
    const device = newDevice();
    const huge = [1.797e308, -1.797e308, 1.797e308, 1.797e308, 20];
    await get().write(huge.map((value, at) => reading(device, startMs + at, { cavity_c: value, odd_x: -value })));
    for (const settled of [false, true]) {
      if (settled) await get().settle();
      const { series } = await get().store.range(range(device, ["cavity_c", "odd_x"], { points: 1 }));
      for (const { buckets } of series) {
        expect(buckets[0]).toMatchObject({ min: -1.797e308, max: 1.797e308, count: 5 });
        expect(Number.isFinite(buckets[0]?.mean)).toBe(true);
      }
    }
  });

  test("what a model does not declare is kept, and answered like everything else", async () => {
    const device = newDevice();
    await get().write([
      reading(device, startMs, { noise_db: 40, lamp_on: true }),
      reading(device, startMs + 1, { noise_db: 60, lamp_on: false }),
    ]);
    await get().settle();
    const { series } = await get().store.range(range(device, ["noise_db", "lamp_on"], { points: 1 }));
    expect(series.map(({ buckets }) => buckets[0])).toMatchObject([
      { min: 40, max: 60, mean: 50, count: 2 },
      { min: 0, max: 1, mean: 0.5, count: 2 },
    ]);
    expect(await rawOf(get(), device)).toMatchObject([
      { metrics: { noise_db: 40, lamp_on: true } },
      { metrics: { noise_db: 60, lamp_on: false } },
    ]);
  });
}

interface Delivery {
  /** Seconds from `startMs`; few enough that readings of one moment meet. */
  at: number;
  metrics: Record<string, number | boolean>;
}

const anyReading: fc.Arbitrary<Delivery> = fc.record({
  at: fc.oneof(fc.nat(20), fc.integer({ min: 3_590, max: 3_610 }), fc.constantFrom(59, 60, 61, 7_199, 7_200)),
  metrics: fc.oneof(
    fc.record({ cavity_c: fc.integer({ min: -50, max: 500 }) }),
    fc.record({ power_w: fc.integer({ min: 0, max: 3_000 }), door_open: fc.boolean() }),
    fc.record({ cavity_c: fc.integer({ min: -50, max: 500 }), noise_db: fc.integer({ min: 0, max: 90 }) }),
  ),
});

/** What a list of readings comes to: at each moment, of each metric, the first value. */
function merged(deliveries: readonly Delivery[]): Map<number, Record<string, number | boolean>> {
  const byMoment = new Map<number, Record<string, number | boolean>>();
  for (const { at, metrics } of deliveries) byMoment.set(at, { ...metrics, ...byMoment.get(at) });
  return byMoment;
}

function latenessPromises(get: Get): void {
  test("a second reading of a moment adds what the first lacked and changes nothing of it", async () => {
    const device = newDevice();
    await get().write([reading(device, startMs, { cavity_c: 1, noise_db: 5 })]);
    await get().settle();
    await get().write([
      reading(device, startMs, { cavity_c: 2, power_w: 3, noise_db: 6, lamp_on: true }),
      reading(device, startMs, { power_w: 4 }),
    ]);
    expect(await rawOf(get(), device)).toMatchObject([
      { atMs: startMs, metrics: { cavity_c: 1, power_w: 3, noise_db: 5, lamp_on: true } },
    ]);
    const { series } = await get().store.range(range(device, ["cavity_c", "power_w", "noise_db"]));
    expect(series.map(({ buckets }) => buckets)).toMatchObject([
      [{ mean: 1, count: 1 }],
      [{ mean: 3, count: 1 }],
      [{ mean: 5, count: 1 }],
    ]);
  });

  test("whatever comes late, twice, out of order or in pieces, and whenever the store settles: the answer is the same", async () => {
    const steps = fc.array(fc.record({ batch: fc.array(anyReading, { maxLength: 8 }), settle: fc.boolean() }), {
      maxLength: 6,
    });
    const points = fc.constantFrom(1, 2, 3, 7, 130);
    await fc.assert(
      fc.asyncProperty(steps, points, fc.nat(4_000), async (given, wanted, fromSecond) => {
        const device = newDevice();
        for (const { batch, settle } of given) {
          await get().write(batch.map(({ at, metrics }) => reading(device, startMs + at * secondMs, metrics)));
          if (settle) await get().settle();
        }
        const fromMs = startMs + fromSecond * secondMs;
        const query = range(device, ["cavity_c", "power_w", "door_open", "noise_db"], { fromMs, points: wanted });
        const { series, bucketMs } = await get().store.range(query);
        const moments = merged(given.flatMap(({ batch }) => batch));
        for (const { metric, buckets } of series) {
          const expected = foldAll(moments, metric, fromMs, bucketMs);
          // A mean is a sum, and sums of doubles hang on their order in the last digits.
          const close = expected.map((bucket) => ({ ...bucket, mean: expect.closeTo(bucket.mean, 6) }));
          expect(buckets).toEqual(close);
        }
      }),
      { numRuns: 15 },
    );
  });
}

function foldAll(
  moments: ReadonlyMap<number, Record<string, number | boolean>>,
  metric: string,
  fromMs: number,
  bucketMs: number,
): Bucket[] {
  const byBucket = new Map<number, number[]>();
  for (const [second, metrics] of moments) {
    const [atMs, value] = [startMs + second * secondMs, metrics[metric]];
    if (value === undefined || atMs < fromMs || atMs >= contractNowMs) continue;
    const bucket = Math.floor(atMs / bucketMs) * bucketMs;
    byBucket.set(bucket, [...(byBucket.get(bucket) ?? []), Number(value)]);
  }
  return [...byBucket]
    .toSorted(([a], [b]) => a - b)
    .map(([atMs, values]) => {
      const sum = values.reduce((total, value) => total + value, 0);
      const [min, max, count] = [Math.min(...values), Math.max(...values), values.length];
      return { atMs, min, max, mean: sum / count, count };
    });
}

function rawPromises(get: Get): void {
  test("numbers come back as they went in, to the last digit of a double", async () => {
    const device = newDevice();
    const odd = [0.1 + 0.2, 123_456_789.123_456_78, -1e-300, 1.797e308, 5e-324];
    await get().write(odd.map((value, at) => reading(device, startMs + at, { cavity_c: value, odd_x: value })));
    const found = await rawOf(get(), device);
    expect(found.map(({ metrics }) => metrics["cavity_c"])).toEqual(odd);
    expect(found.map(({ metrics }) => metrics["odd_x"])).toEqual(odd);
    const buckets = await bucketsOf(get(), range(device, ["cavity_c"], { toMs: startMs + odd.length, points: 5 }));
    expect(buckets.map((bucket) => bucket.min)).toEqual(odd);
  });

  test("raw readings come device by device, each in the order of time, across days and pages, with flags as flags", async () => {
    const [first, second] = [newDevice(), newDevice()];
    const count = 2_500;
    // Every hour and a bit, over more than a hundred days, and written from the newest to the oldest.
    const stepMs = hourMs + secondMs;
    const times = Array.from({ length: count }, (_, at) => contractNowMs - (count - at) * stepMs);
    await get().write(
      times.toReversed().map((atMs, at) => reading(first, atMs, { power_w: at, door_open: at % 2 === 0 })),
    );
    await get().write([reading(second, startMs, { plate_c: 1, power_w: 2 })]);
    const spans = [second, first].map((device) => ({ device, sinceMs: 0 }));
    const found: StoredReading[] = [];
    const query = { devices: spans, metrics: ["power_w", "door_open"], fromMs: 0, toMs: contractNowMs };
    for await (const page of get().store.readings(query)) found.push(...page);
    expect(found[0]).toEqual({
      deviceKey: second.key,
      atMs: startMs,
      metrics: { power_w: 2 },
      clockSuspect: false,
    });
    expect(found.slice(1).map(({ atMs }) => atMs)).toEqual(times);
    expect(found.at(-1)?.metrics).toEqual({ power_w: 0, door_open: true });
    // Without any of the metrics that are asked for there is no reading.
    expect(await rawOf(get(), second, { metrics: ["door_open"] })).toEqual([]);
  });

  test("whoever stops reading half-way ends it, and nothing is left behind", async () => {
    const device = newDevice();
    await get().write(Array.from({ length: 50 }, (_, at) => reading(device, startMs + at, { power_w: at })));
    const query = { devices: [{ device, sinceMs: 0 }], metrics: null, fromMs: 0, toMs: contractNowMs };
    for await (const page of get().store.readings(query)) {
      expect(page.length).toBeGreaterThan(0);
      break;
    }
    expect(await rawOf(get(), device)).toHaveLength(50);
  });

  test("last values are those of each metric's own last reading, for many devices at once", async () => {
    const [first, second, silent] = [newDevice(), newDevice("hob"), newDevice()];
    await get().write([
      reading(first, startMs + 1, { cavity_c: 1, door_open: true }),
      reading(first, startMs + 3, { cavity_c: 3 }),
      reading(first, startMs + 2, { cavity_c: 2, noise_db: 7 }),
      // Long ago, and all that there is of it.
      reading(second, startMs - 90 * dayMs, { plate_c: 9 }),
    ]);
    const latest = await get().store.latest([first, second, silent].map((device) => ({ device, sinceMs: 0 })));
    const byMetric = (key: number) =>
      Object.fromEntries((latest.get(key) ?? []).map(({ metric, value, atMs }) => [metric, [value, atMs - startMs]]));
    expect(byMetric(first.key)).toEqual({ cavity_c: [3, 3], door_open: [true, 1], noise_db: [7, 2] });
    expect(byMetric(second.key)).toEqual({ plate_c: [9, -90 * dayMs] });
    expect(latest.has(silent.key)).toBe(false);
  });

  test("a mean of means weighs every device the same, and takes each from its own time on", async () => {
    const [often, seldom, before, silent] = [newDevice(), newDevice(), newDevice(), newDevice()];
    await get().write([
      reading(often, startMs - hourMs, { power_w: 9_000 }),
      ...Array.from({ length: 10 }, (_, at) => reading(often, startMs + at, { power_w: 100 })),
      reading(seldom, startMs, { power_w: 200 }),
      reading(before, startMs - hourMs, { power_w: 5_000 }),
    ]);
    await get().settle();
    const devices = [often, seldom, before, silent].map(({ key }) => ({ deviceKey: key, sinceMs: startMs }));
    const query = { model: "oven", metric: "power_w", toMs: contractNowMs, devices };
    expect(await get().store.means(query)).toEqual({ value: 150, devices: 2 });
    expect(await get().store.means({ ...query, metric: "noise_db" })).toEqual({ value: null, devices: 0 });
    expect(await get().store.means({ ...query, devices: [] })).toEqual({ value: null, devices: 0 });
  });
}

function spanPromises(get: Get): void {
  test("a time that cannot be right is in no bucket, and is told with the reading and the last value", async () => {
    const device = newDevice();
    const [future, past] = [contractNowMs + 2 * dayMs, Date.UTC(2001, 0, 1)];
    await get().write([
      reading(device, startMs, { power_w: 1 }),
      reading(device, future, { power_w: 40 }, startMs + minuteMs),
      reading(device, past, { cavity_c: 50 }, startMs + 2 * minuteMs),
    ]);
    for (const settled of [false, true]) {
      if (settled) await get().settle();
      const query = range(device, ["power_w", "cavity_c"], { fromMs: past - dayMs, toMs: future + dayMs, points: 10 });
      const { series } = await get().store.range(query);
      expect(series.map(({ buckets }) => buckets.map(({ mean }) => mean))).toEqual([[1], []]);
    }
    expect((await rawOf(get(), device)).map(({ atMs, clockSuspect }) => [atMs, clockSuspect])).toEqual([
      [past, true],
      [startMs, false],
      [future, true],
    ]);
    const latest = (await get().store.latest([{ device, sinceMs: 0 }])).get(device.key) ?? [];
    // The time that order goes by is then the gateway's.
    expect(latest.toSorted((a, b) => a.metric.localeCompare(b.metric))).toEqual([
      { metric: "cavity_c", value: 50, atMs: startMs + 2 * minuteMs, clockSuspect: true },
      { metric: "power_w", value: 40, atMs: startMs + minuteMs, clockSuspect: true },
    ]);
  });

  test("who has a device from some time on sees nothing of before, and who had it nothing of after, whatever its clock said", async () => {
    const device = newDevice();
    const sinceMs = startMs + 90 * secondMs + 1;
    const future = contractNowMs + 2 * dayMs;
    await get().write([
      reading(device, sinceMs - 1, { power_w: 1 }),
      reading(device, future, { power_w: 2 }, sinceMs - 1),
      reading(device, sinceMs, { power_w: 10 }),
    ]);
    for (const settled of [false, true]) {
      if (settled) await get().settle();
      for (const points of [1, 10, 1_000]) {
        const query = { ...range(device, ["power_w"], { points }), devices: [{ device, sinceMs }] };
        expect((await bucketsOf(get(), query)).map(({ mean, count }) => [mean, count])).toEqual([[10, 1]]);
      }
    }
    expect(await rawOf(get(), device, { sinceMs })).toMatchObject([{ atMs: sinceMs }]);
    expect((await get().store.latest([{ device, sinceMs }])).get(device.key)).toMatchObject([{ value: 10 }]);
    expect((await get().store.latest([{ device, sinceMs: sinceMs + 1 }])).get(device.key) ?? []).toEqual([]);
    await get().write([reading(device, future + 1, { power_w: 20 }, sinceMs + 1)]);
    expect(await rawOf(get(), device, { sinceMs })).toMatchObject([{ atMs: sinceMs }, { atMs: future + 1 }]);
    // Nor does who had it until then see anything of after.
    expect(await rawOf(get(), device, { untilMs: sinceMs })).toMatchObject([{ atMs: sinceMs - 1 }, { atMs: future }]);
    expect(await rawOf(get(), device, { untilMs: sinceMs + 1 })).toHaveLength(3);
  });

  test("a clock that runs a little ahead is known, and one that nobody believes is not", async () => {
    const [device, other] = [newDevice(), newDevice()];
    const nowMs = contractNowMs;
    await get().write([
      reading(device, nowMs - secondMs, { power_w: 1 }),
      reading(device, nowMs + 4 * minuteMs, { power_w: 1 }),
      reading(device, nowMs + dayMs, { power_w: 1 }),
      reading(other, nowMs - secondMs, { power_w: 1 }),
    ]);
    expect(await get().store.newestAhead(get().db, device, nowMs)).toBe(nowMs + 4 * minuteMs);
    expect(await get().store.newestAhead(get().db, other, nowMs)).toBe(null);
  });
}

function erasurePromises(get: Get): void {
  test("what is erased is in no answer, neither before nor after the store settles, and its neighbours are", async () => {
    const [device, other] = [newDevice(), newDevice()];
    const [fromMs, toMs] = [startMs + 90 * secondMs, startMs + 2 * hourMs + 1];
    const times = [startMs, fromMs - 1, fromMs, startMs + hourMs, toMs - 1, toMs, startMs + 3 * hourMs];
    for (const one of [device, other])
      await get().write(times.map((atMs) => reading(one, atMs, { power_w: 1, noise_db: 2 })));
    // Said in that time by a clock that nobody believes: it is what somebody did all the same.
    await get().write([reading(device, contractNowMs + 9 * dayMs, { power_w: 7 }, startMs + hourMs)]);
    await get().settle();
    await get().store.erase([{ deviceKey: device.key, fromMs, toMs }]);
    await get().store.erase([{ deviceKey: device.key, fromMs, toMs }]);
    const left = [startMs, fromMs - 1, toMs, startMs + 3 * hourMs];
    for (const settled of [false, true]) {
      if (settled) await get().settle();
      expect((await rawOf(get(), device)).map(({ atMs }) => atMs)).toEqual(left);
      for (const points of [1, 6, 3_000]) {
        const { series } = await get().store.range(range(device, ["power_w", "noise_db"], { points }));
        for (const { buckets } of series) expect(buckets.reduce((sum, { count }) => sum + count, 0)).toBe(4);
      }
    }
    expect((await get().store.latest([{ device, sinceMs: 0 }])).get(device.key)).toMatchObject([
      { atMs: startMs + 3 * hourMs },
      { atMs: startMs + 3 * hourMs },
    ]);
    expect((await rawOf(get(), other)).length).toBe(times.length);
    await get().store.erase([{ deviceKey: device.key, fromMs: 0, toMs: Number.MAX_SAFE_INTEGER }]);
    expect(await rawOf(get(), device)).toEqual([]);
    expect(await get().store.latest([{ device, sinceMs: 0 }])).toEqual(new Map());
  });
}
