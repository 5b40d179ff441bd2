/** Readings in InfluxDB, asked by InfluxQL; `InfluxPoints` writes them. */
import type { DeviceRef, MetricLayout, ReadingFact } from "../devices/devices.ts";
import { type Clock, inTime } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import { bucketLengthMs } from "./core/buckets.ts";
import { cameLateField, mergedReadings, receivedField } from "./core/influx-lines.ts";
import {
  foldNames,
  foldsIn,
  lastReceived,
  lastSoundIn,
  meanOfLast,
  readingsIn,
  suspectReceivedIn,
} from "./core/influxql.ts";
import { clockAheadMsMax, readingKey } from "./core/reading-rows.ts";
import { runsOf } from "./core/reading-runs.ts";
import type { AheadClocks } from "./ahead-clocks.ts";
import type { InfluxErasures } from "./influx-erasures.ts";
import type { InfluxServer } from "./influx-server.ts";
import type { InfluxSeries } from "./influx-series.ts";
import {
  type Bucket,
  type DeviceSpan,
  type ErasedSpan,
  type LatestValue,
  latestReadingsMax,
  type MeansQuery,
  meanReadingsMax,
  type RangeAnswer,
  type RangeQuery,
  type ReadingsQuery,
  type StoredReading,
  type TelemetryStore,
} from "./telemetry-store.ts";

export interface InfluxTelemetryStoreDeps {
  server: InfluxServer;
  series: InfluxSeries;
  erasures: InfluxErasures;
  ahead: AheadClocks;
  clock: Clock;
  layoutOf: (model: string) => MetricLayout;
}

/** A device whose clock lost the time says many things within one connection: those received so shortly before the last are looked at. */
const lastSuspectsMs = 600_000;
/** So long InfluxDB may take to say how far a clock ran ahead. */
const aheadMsMax = 2_000;
const forEverMs = Number.MAX_SAFE_INTEGER;

interface FoundReading extends StoredReading {
  /** The time that order goes by: the gateway's where the device's cannot be right. */
  orderAtMs: number;
}

export class InfluxTelemetryStore implements TelemetryStore {
  readonly #deps: InfluxTelemetryStoreDeps;

  constructor(deps: InfluxTelemetryStoreDeps) {
    this.#deps = deps;
  }

  async range(query: RangeQuery): Promise<RangeAnswer> {
    const { devices, metrics, fromMs, toMs, points } = query;
    const bucketMs = bucketLengthMs(fromMs, toMs, points);
    const names = await this.#namesOf(devices.map(({ device }) => device.key));
    const known = devices.filter(({ device }) => names.has(device.key));
    const statements = known.map(({ device, sinceMs }) =>
      foldsIn({ series: names.get(device.key) ?? "", fromMs: Math.max(fromMs, sinceMs), toMs }, metrics, bucketMs),
    );
    const folds = new Map<number, Bucket[][]>();
    let overflows = false;
    const onOverflow = () => {
      overflows = true;
    };
    for await (const { statement, columns, rows } of this.#deps.server.ask(statements, onOverflow)) {
      const key = known[statement]?.device.key ?? -1;
      const ofDevice = folds.get(key) ?? metrics.map((): Bucket[] => []);
      folds.set(key, ofDevice);
      for (const row of rows) addBuckets(ofDevice, columns, row);
    }
    const byDevice = overflows ? await this.#foldRaw(query, bucketMs) : folds;
    const series = devices.flatMap(({ device }) =>
      metrics.map((metric, at) => ({
        deviceKey: device.key,
        metric,
        buckets: byDevice.get(device.key)?.[at] ?? [],
      })),
    );
    return { bucketMs, series };
  }

  async latest(devices: readonly DeviceSpan[]): Promise<Map<number, LatestValue[]>> {
    const names = await this.#namesOf(devices.map(({ device }) => device.key));
    const known = devices.filter(({ device }) => names.has(device.key));
    const nameOf = ({ device }: DeviceSpan) => names.get(device.key) ?? "";
    const found = new Map<number, FoundReading[]>();
    const gather = async (spans: readonly DeviceSpan[], statements: readonly string[]) => {
      for await (const { statement, columns, rows } of this.#deps.server.ask(statements)) {
        const span = spans[statement];
        if (span === undefined) continue;
        const readings = rows.map((row) => this.#reading(span.device, columns, row));
        found.set(span.device.key, [...(found.get(span.device.key) ?? []), ...readings]);
      }
    };
    await gather(
      known,
      known.map((span) =>
        lastSoundIn({ series: nameOf(span), fromMs: span.sinceMs, toMs: forEverMs }, latestReadingsMax),
      ),
    );
    const received = new Map<DeviceSpan, number>();
    for await (const { statement, columns, rows } of this.#deps.server.ask(known.map((s) => lastReceived(nameOf(s))))) {
      const [span, lastMs] = [known[statement], rows[0]?.[columns.indexOf("received")]];
      if (span !== undefined && typeof lastMs === "number" && lastMs >= span.sinceMs) received.set(span, lastMs);
    }
    const suspect = [...received.keys()];
    await gather(
      suspect,
      suspect.map((span) => {
        const sinceMs = Math.max(span.sinceMs, (received.get(span) ?? 0) - lastSuspectsMs);
        return suspectReceivedIn(nameOf(span), sinceMs, forEverMs, latestReadingsMax);
      }),
    );
    return new Map([...found].map(([key, readings]) => [key, lastValues(readings)]));
  }

  async *readings(query: ReadingsQuery): AsyncGenerator<StoredReading[]> {
    const { devices, metrics, fromMs, toMs } = query;
    for (const { device, sinceMs, untilMs = Infinity } of devices) {
      const series = (await this.#namesOf([device.key])).get(device.key);
      if (series === undefined) continue;
      const statement = readingsIn({ series, fromMs, toMs }, metrics, sinceMs);
      for await (const { columns, rows } of this.#deps.server.ask([statement])) {
        const page = rows
          .map((row) => this.#reading(device, columns, row))
          .filter(
            (found) => found.orderAtMs >= sinceMs && found.orderAtMs < untilMs && Object.keys(found.metrics).length > 0,
          )
          .map(({ deviceKey, atMs, metrics: said, clockSuspect }) => ({
            deviceKey,
            atMs,
            metrics: said,
            clockSuspect,
          }));
        if (page.length > 0) yield page;
      }
    }
  }

  /** While InfluxDB does not say, the latest that a clock may be ahead. It is not waited for long: transactions of many ask. */
  async newestAhead(_tx: Db, device: DeviceRef, nowMs: number): Promise<number | null> {
    const { ahead } = this.#deps;
    const noted = ahead.newest(device.key, nowMs);
    if (ahead.knowsAll(nowMs)) return noted;
    if (ahead.isBehind()) return nowMs + clockAheadMsMax;
    const newestStored = async () => {
      const series = (await this.#namesOf([device.key])).get(device.key);
      let stored: number | null = null;
      if (series === undefined) return { stored };
      const span = { series, fromMs: nowMs, toMs: nowMs + clockAheadMsMax + 1 };
      for await (const { rows } of this.#deps.server.ask([lastSoundIn(span, 1)])) stored = Number(rows[0]?.[0]);
      return { stored };
    };
    const answer = await inTime(newestStored(), aheadMsMax);
    if (answer === null) return nowMs + clockAheadMsMax;
    return noted === null || answer.stored === null ? (noted ?? answer.stored) : Math.max(noted, answer.stored);
  }

  /**
   * Of readings by a sound clock that are older than what was heard of their device those that came before, by device and time. The
   * writer may be ahead of whoever asks: what it stored of this very coming says when it was received.
   */
  async cameBefore(facts: readonly ReadingFact[]): Promise<Set<string>> {
    const names = await this.#namesOf([...new Set(facts.map(({ device }) => device.key))]);
    const known = mergedReadings(facts).filter(({ device }) => names.has(device.key));
    const runs = runsOf(known);
    const statements = runs.map(({ first, last }) =>
      readingsIn({ series: names.get(first.device.key) ?? "", fromMs: first.atMs, toMs: last.atMs + 1 }, null, 0),
    );
    const stored = new Map<string, unknown>();
    for await (const { statement, columns, rows } of this.#deps.server.ask(statements)) {
      const key = runs[statement]?.first.device.key;
      const cameLate = columns.indexOf(cameLateField);
      for (const row of rows) stored.set(`${key} ${String(row[0])}`, row[cameLate]);
    }
    const cameBefore = (fact: ReadingFact) =>
      stored.has(readingKey(fact)) && stored.get(readingKey(fact)) !== fact.receivedAtMs;
    return new Set(known.filter(cameBefore).map(readingKey));
  }

  async means(query: MeansQuery): Promise<{ value: number | null; devices: number }> {
    const names = await this.#namesOf(query.devices.map(({ deviceKey }) => deviceKey));
    const statements = query.devices.flatMap(({ deviceKey, sinceMs }) => {
      const series = names.get(deviceKey);
      if (series === undefined) return [];
      return [meanOfLast({ series, fromMs: sinceMs, toMs: query.toMs }, query.metric, meanReadingsMax)];
    });
    let [sum, devices] = [0, 0];
    for await (const { columns, rows } of this.#deps.server.ask(statements)) {
      const mean = rows[0]?.[columns.indexOf("mean")];
      if (typeof mean !== "number") continue;
      sum += mean;
      devices += 1;
    }
    return { value: devices === 0 ? null : sum / devices, devices };
  }

  erase(spans: readonly ErasedSpan[]): Promise<void> {
    return this.#deps.erasures.erase(spans);
  }

  /** The name that each device's readings lie under; those of which there are none are left out. */
  async #namesOf(deviceKeys: readonly number[]): Promise<Map<number, string>> {
    const found = await this.#deps.series.find(deviceKeys);
    return new Map([...found].map(([key, { name }]) => [key, name]));
  }

  /** A row of an answer as the reading that it was. */
  #reading(device: DeviceRef, columns: readonly string[], row: readonly unknown[]): FoundReading {
    const layout = this.#deps.layoutOf(device.model);
    const metrics: Record<string, number | boolean> = {};
    let receivedAtMs: number | null = null;
    const atMs = Number(row[0]);
    for (let at = 1; at < columns.length; at += 1) {
      const [metric = "", value] = [columns[at], row[at]];
      if (typeof value !== "number") continue;
      if (metric === receivedField) receivedAtMs = value;
      else if (metric !== cameLateField)
        metrics[metric] = this.#isFlag(device.model, metric, layout) ? value !== 0 : value;
    }
    const clockSuspect = receivedAtMs !== null;
    return { deviceKey: device.key, atMs, metrics, clockSuspect, orderAtMs: receivedAtMs ?? atMs };
  }

  #isFlag(model: string, metric: string, layout: MetricLayout): boolean {
    const kind = layout.declared.get(metric)?.kind;
    return kind === undefined ? this.#deps.series.isUndeclaredFlag(model, metric) : kind === "flag";
  }

  /** Buckets of readings with numbers that no appliance measures: InfluxDB's mean of them is none. */
  async #foldRaw({ devices, metrics, fromMs, toMs }: RangeQuery, bucketMs: number): Promise<Map<number, Bucket[][]>> {
    const folds = new Map<number, Map<number, Bucket>[]>();
    for await (const page of this.readings({ devices, metrics, fromMs, toMs })) {
      for (const reading of page) {
        if (reading.clockSuspect) continue;
        const ofDevice = folds.get(reading.deviceKey) ?? metrics.map(() => new Map<number, Bucket>());
        folds.set(reading.deviceKey, ofDevice);
        for (const [at, metric] of metrics.entries()) fold(ofDevice[at], reading, metric, bucketMs);
      }
    }
    return new Map([...folds].map(([key, ofDevice]) => [key, ofDevice.map((buckets) => [...buckets.values()])]));
  }
}

/** What is beyond this counts as this in a mean, so that it has one. */
const meanMax = 1e150;

function fold(
  buckets: Map<number, Bucket> | undefined,
  reading: StoredReading,
  metric: string,
  bucketMs: number,
): void {
  const said = reading.metrics[metric];
  if (said === undefined) return;
  const value = Number(said);
  const counted = Math.min(Math.max(value, -meanMax), meanMax);
  const atMs = Math.floor(reading.atMs / bucketMs) * bucketMs;
  const { min, max, mean, count } = buckets?.get(atMs) ?? { min: value, max: value, mean: 0, count: 0 };
  buckets?.set(atMs, {
    atMs,
    min: Math.min(min, value),
    max: Math.max(max, value),
    mean: mean + (counted - mean) / (count + 1),
    count: count + 1,
  });
}

/** A row of folds as a bucket of each metric that has anything in it. */
function addBuckets(ofDevice: Bucket[][], columns: readonly string[], row: readonly unknown[]): void {
  for (const [at, buckets] of ofDevice.entries()) {
    const [min, max, mean, count] = foldNames.map((name) => row[columns.indexOf(name + at)]);
    if (typeof count !== "number" || count === 0) continue;
    buckets.push({ atMs: Number(row[0]), min: Number(min), max: Number(max), mean: Number(mean), count });
  }
}

function lastValues(readings: readonly FoundReading[]): LatestValue[] {
  const newestFirst = readings.toSorted((a, b) => b.orderAtMs - a.orderAtMs || b.atMs - a.atMs);
  const latest = new Map<string, LatestValue>();
  for (const { metrics, orderAtMs, clockSuspect } of newestFirst.slice(0, latestReadingsMax)) {
    for (const [metric, value] of Object.entries(metrics)) {
      if (!latest.has(metric)) latest.set(metric, { metric, value, atMs: orderAtMs, clockSuspect });
    }
  }
  return [...latest.values()];
}
