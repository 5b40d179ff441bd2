import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import type { DeviceRef, MetricLayout } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, sqlState } from "../platform/database.ts";
import type { ReadingRow } from "./core/reading-rows.ts";
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

const columns = "(device_key, at_ms, metric_values, undeclared, suspect_received_at_ms)";
const uniqueViolation = "23505";

/** Readings ready to be stored: each (device, time) once, in the order of the key, also as the text of a COPY. */
export interface PreparedReadings {
  rows: readonly ReadingRow[];
  copyText: Buffer;
}

async function copyInto(client: pg.Client, table: string, prepared: PreparedReadings): Promise<void> {
  const sink = client.query(copyFrom(`COPY ${table} ${columns} FROM STDIN`));
  await pipeline(Readable.from([prepared.copyText]), sink);
}

type LayoutOf = (model: string) => MetricLayout;

/** Readings in PostgreSQL: one row each, a partition a day. */
export class PostgresTelemetryStore implements TelemetryStore {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #layoutOf: LayoutOf;

  constructor(deps: { db: Db; clock: Clock; layoutOf: LayoutOf }) {
    this.#db = deps.db;
    this.#clock = deps.clock;
    this.#layoutOf = deps.layoutOf;
  }

  /**
   * Stores readings in the caller's open transaction. A reading that is there already takes from the new one only the metrics that
   * it lacks.
   *
   * @param client the connection of the transaction
   */
  async append(client: pg.Client, prepared: PreparedReadings): Promise<void> {
    if (prepared.rows.length === 0) return;
    await client.query("SAVEPOINT readings");
    try {
      await copyInto(client, "reading", prepared);
      await client.query("RELEASE SAVEPOINT readings");
    } catch (error) {
      if (sqlState(error) !== uniqueViolation) throw error;
      // Some device sent again what was stored already. That is rare, so only then is the slower way taken that can merge.
      await client.query("ROLLBACK TO SAVEPOINT readings");
      await this.#appendMerging(client, prepared);
    }
  }

  async #appendMerging(client: pg.Client, prepared: PreparedReadings): Promise<void> {
    await client.query("CREATE TEMP TABLE IF NOT EXISTS reading_in (LIKE reading) ON COMMIT DELETE ROWS");
    await copyInto(client, "reading_in", prepared);
    await client.query(`
      INSERT INTO reading AS r SELECT * FROM reading_in
      ON CONFLICT (device_key, at_ms) DO UPDATE
      SET metric_values = merge_values(r.metric_values, excluded.metric_values),
          undeclared = coalesce(excluded.undeclared || r.undeclared, excluded.undeclared, r.undeclared)`);
  }

  range(query: RangeQuery): Promise<RangeAnswer> {
    return rangeOf(this.#db, this.#layoutOf, query);
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
    for (const span of spans) await eraseReadings(this.#db, span);
  }
}
