import type pg from "pg";
import type { DeviceRef, MetricLayout, ReadingFact } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, sqlState } from "../platform/database.ts";
import type { DeviceHour } from "./core/dirty-hours.ts";
import { copyIn } from "./copy-in.ts";
import { copyBytes, copyColumns } from "./core/reading-copy.ts";
import { hoursOf, type ReadingRow, readingRows } from "./core/reading-rows.ts";
import { defaultRetention, leastBucketMs, type Retention } from "./core/retention.ts";
import { RetainedTables } from "./retained-tables.ts";
import { type ModelsOf, Rollups, sharesBarrier } from "./rollups.ts";
import { TimePartitions } from "./time-partitions.ts";
import { rangeOf } from "./ranges.ts";
import { eraseReadings, latestValues, meanOfMeans, newestAhead, readingPages } from "./raw-readings.ts";
import type {
  DeviceSpan,
  ErasedSpan,
  LatestValue,
  MeansQuery,
  RangeAnswer,
  RangeQuery,
  ReadingsQuery,
  StoredReading,
  TelemetryStore,
} from "./telemetry-store.ts";

const uniqueViolation = "23505";

/** Readings ready to be stored: each (device, time) once, in the order of the key, also as the bytes of a COPY. */
export interface PreparedReadings {
  rows: readonly ReadingRow[];
  /** The hours of devices that get readings, each once, in the order of the key. */
  hours: readonly DeviceHour[];
  copy: Buffer;
  /** Filled by `append`: of the rows those that were stored before, by device and time. */
  readonly repeated: Set<string>;
  /** Of readings that another store keeps: what is remembered of them once their effects are committed. */
  readonly learn?: () => void;
}

/** Adds rows to a table that is made like `reading`. `before`: statements that are run ahead of that, for the same answer. */
export const copyInto = (client: pg.Client, table: string, bytes: Buffer, before = ""): Promise<void> =>
  copyIn(client, `${before}COPY ${table} ${copyColumns} FROM STDIN (FORMAT binary)`, bytes);

type LayoutOf = (model: string) => MetricLayout;

export interface PostgresTelemetryDeps {
  db: Db;
  clock: Clock;
  layoutOf: LayoutOf;
  modelsOf: ModelsOf;
  retention?: Retention;
}

/** Readings in PostgreSQL: one row each, a partition a day. */
export class PostgresTelemetryStore implements TelemetryStore {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #layoutOf: LayoutOf;
  readonly #retention: Retention;
  readonly #partitions: TimePartitions;
  readonly rollups: Rollups;
  readonly #retained: RetainedTables;

  constructor(deps: PostgresTelemetryDeps) {
    const { db, clock, layoutOf, modelsOf, retention = defaultRetention } = deps;
    this.#db = db;
    this.#clock = clock;
    this.#layoutOf = layoutOf;
    this.#retention = retention;
    this.#partitions = new TimePartitions(db, { table: "reading", unit: "day", keptMs: retention.readingsMs });
    const partitions = {
      minute: new TimePartitions(db, { table: "rollup_minute", unit: "month", keptMs: retention.minutesMs }),
      quarter: new TimePartitions(db, { table: "rollup_quarter", unit: "month", keptMs: retention.minutesMs }),
      hour: new TimePartitions(db, { table: "rollup_hour", unit: "year", keptMs: retention.hoursMs }),
      day: new TimePartitions(db, { table: "rollup_day", unit: "year", keptMs: retention.daysMs }),
    };
    this.rollups = new Rollups({ db, clock, layoutOf, modelsOf, partitions, retention });
    this.#retained = new RetainedTables(db, clock, { readings: this.#partitions, ...partitions }, retention);
  }

  async load(): Promise<void> {
    await this.#retained.load();
  }

  /** Makes the partitions of the next days, and drops what is older than it is kept. @returns the partitions dropped */
  keep(): Promise<string[]> {
    return this.#retained.keep();
  }

  /** Turns readings into rows and makes the partitions that they want. Before their transaction, because it changes the schema. */
  async prepare(facts: readonly ReadingFact[]): Promise<PreparedReadings> {
    const nowMs = this.#clock.nowMs();
    const rows = readingRows(facts, this.#layoutOf);
    await this.#partitions.ensure(rows, nowMs);
    // What is so late that its neighbours are gone would make a rollup of itself alone, in place of one of all.
    const hours = hoursOf(rows, nowMs - this.#retention.readingsMs);
    return { rows, hours, copy: copyBytes(rows), repeated: new Set() };
  }

  /**
   * Stores readings in the caller's open transaction. A reading that is there already takes from the new one only the metrics that
   * it lacks.
   *
   * @param client the connection of the transaction
   * @returns what to do once it is committed
   */
  async append(client: pg.Client, prepared: PreparedReadings): Promise<(() => void) | undefined> {
    if (prepared.rows.length === 0) return undefined;
    try {
      await copyInto(client, "reading", prepared.copy, `${sharesBarrier}; SAVEPOINT readings; `);
    } catch (error) {
      if (sqlState(error) !== uniqueViolation) throw error;
      // Some device sent again what was stored already. That is rare, so only then is the slower way taken that can merge.
      await client.query("ROLLBACK TO SAVEPOINT readings");
      await this.#appendMerging(client, prepared);
    }
    // Behind the barrier: what is known to be noted was not worked in meanwhile.
    return this.rollups.note(client, prepared.hours);
  }

  async #appendMerging(client: pg.Client, prepared: PreparedReadings): Promise<void> {
    await client.query("CREATE TEMP TABLE IF NOT EXISTS reading_in (LIKE reading) ON COMMIT DELETE ROWS");
    await copyInto(client, "reading_in", prepared.copy);
    // One by one by their keys: a join would read whole partitions.
    const { rows } = await client.query<{ key: string }>(`
      SELECT i.device_key || ' ' || i.at_ms AS key FROM reading_in i CROSS JOIN LATERAL (
        SELECT 1 FROM reading r WHERE r.device_key = i.device_key AND r.at_ms = i.at_ms LIMIT 1) AS known`);
    for (const { key } of rows) prepared.repeated.add(key);
    await client.query(`
      INSERT INTO reading AS r SELECT * FROM reading_in
      ON CONFLICT (device_key, at_ms) DO UPDATE
      SET metric_values = merge_values(r.metric_values, excluded.metric_values),
          undeclared = coalesce(excluded.undeclared || r.undeclared, excluded.undeclared, r.undeclared)`);
  }

  range(query: RangeQuery): Promise<RangeAnswer> {
    const leastMs = leastBucketMs(query.fromMs, this.#clock.nowMs(), this.#retention);
    return rangeOf(this.#db, this.#layoutOf, query, leastMs);
  }

  latest(devices: readonly DeviceSpan[]): Promise<Map<number, LatestValue[]>> {
    return latestValues(this.#db, this.#layoutOf, devices, this.#clock.nowMs());
  }

  readings(query: ReadingsQuery): AsyncIterable<StoredReading[]> {
    return readingPages(this.#db, this.#layoutOf, query);
  }

  newestAhead(tx: Db, device: DeviceRef, nowMs: number): Promise<number | null> {
    return newestAhead(tx, device.key, nowMs);
  }

  means(query: MeansQuery): Promise<{ value: number | null; devices: number }> {
    return meanOfMeans(this.#db, this.#layoutOf(query.model), query);
  }

  async erase(spans: readonly ErasedSpan[]): Promise<void> {
    for (const span of spans) {
      await eraseReadings(this.#db, span);
      await this.rollups.erase(span);
    }
  }
}
