import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { sql } from "kysely";
import type pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import type { DeviceRef, MetricLayout } from "../devices/devices.ts";
import { type Db, sqlState } from "../platform/database.ts";
import type { ReadingRow } from "./core/reading-rows.ts";
import { valueIn } from "./reading-values.ts";
import type { Bucket, LatestValue, RangeAnswer, RangeQuery, TelemetryStore } from "./telemetry-store.ts";

const columns = "(device_key, at_ms, metric_values, undeclared, suspect_received_at_ms)";
const uniqueViolation = "23505";
/** PostgreSQL sums squares to make a mean, and refuses the whole query where they overflow: what no appliance measures is cut off there. */
const [meanMin, meanMax] = [sql.lit(-1e150), sql.lit(1e150)];
/** How many of the last readings are looked through for the last value of each metric. */
const latestReadings = 60;

/** Readings ready to be stored: each (device, time) once, in the order of the key, also as the text of a COPY. */
export interface PreparedReadings {
  rows: readonly ReadingRow[];
  copyText: Buffer;
}

async function copyInto(client: pg.Client, table: string, prepared: PreparedReadings): Promise<void> {
  const sink = client.query(copyFrom(`COPY ${table} ${columns} FROM STDIN`));
  await pipeline(Readable.from([prepared.copyText]), sink);
}

/** A reading whose time cannot be right happened, at the latest, when it was received. */
const isSince = (sinceMs: number) =>
  sql`at_ms >= ${sinceMs} AND (suspect_received_at_ms IS NULL OR suspect_received_at_ms >= ${sinceMs})`;

/** Readings in PostgreSQL: one row each, a partition a day. */
export class PostgresTelemetryStore implements TelemetryStore {
  readonly #db: Db;
  readonly #layoutOf: (model: string) => MetricLayout;

  constructor(db: Db, layoutOf: (model: string) => MetricLayout) {
    this.#db = db;
    this.#layoutOf = layoutOf;
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

  async range(query: RangeQuery): Promise<RangeAnswer> {
    const { device, metrics, fromMs, toMs, points, sinceMs } = query;
    const bucketMs = Math.max(1, Math.ceil((toMs - fromMs) / points));
    const layout = this.#layoutOf(device.model);
    const values = metrics.map((metric, at) => sql`${valueIn(metric, layout)} AS ${sql.ref(`v${at}`)}`);
    const folds = metrics.map((_, at) => {
      const value = sql.ref(`v${at}`);
      return sql`json_build_array(min(${value}), max(${value}), avg(least(greatest(${value}, ${meanMin}), ${meanMax})), count(${value})) AS ${sql.ref(`f${at}`)}`;
    });
    const { rows } = await sql<{ bucket: number } & Record<string, [number, number, number, number]>>`
      SELECT ((at_ms - ${fromMs}) / ${sql.lit(bucketMs)})::int AS bucket, ${sql.join(folds)}
      FROM (SELECT at_ms, ${sql.join(values)} FROM reading
            WHERE device_key = ${device.key} AND at_ms >= ${fromMs} AND at_ms < ${toMs} AND ${isSince(sinceMs)}) AS picked
      GROUP BY 1 ORDER BY 1`.execute(this.#db);
    const series = metrics.map((metric, at) => ({
      metric,
      buckets: rows.flatMap((row): Bucket[] => {
        const [min, max, mean, count] = row[`f${at}`] ?? [0, 0, 0, 0];
        return count === 0 ? [] : [{ atMs: fromMs + row.bucket * bucketMs, min, max, mean, count }];
      }),
    }));
    return { bucketMs, series };
  }

  async latest(device: DeviceRef, sinceMs: number): Promise<LatestValue[]> {
    const { rows } = await sql<{
      at_ms: number;
      metric_values: (number | null)[];
      undeclared: Record<string, number | boolean> | null;
    }>`
      SELECT at_ms, metric_values, undeclared FROM reading
      WHERE device_key = ${device.key} AND ${isSince(sinceMs)} ORDER BY at_ms DESC LIMIT ${latestReadings}`.execute(
      this.#db,
    );
    const { positions, declared } = this.#layoutOf(device.model);
    const latest = new Map<string, LatestValue>();
    for (const row of rows) {
      for (const [metric, position] of positions) {
        const value = row.metric_values[position];
        if (value === null || value === undefined || latest.has(metric)) continue;
        const isFlag = declared.get(metric)?.kind === "flag";
        latest.set(metric, { metric, value: isFlag ? value !== 0 : value, atMs: row.at_ms });
      }
      for (const [metric, value] of Object.entries(row.undeclared ?? {})) {
        if (!latest.has(metric)) latest.set(metric, { metric, value, atMs: row.at_ms });
      }
    }
    return [...latest.values()];
  }

  /** The newest time that the device gave a reading by a clock that runs ahead of `nowMs`, though not so far that nobody believes it. */
  async newestAhead(tx: Db, deviceKey: number, nowMs: number): Promise<number | null> {
    const { rows } = await sql<{ at_ms: number | null }>`
      SELECT max(at_ms) AS at_ms FROM reading
      WHERE device_key = ${deviceKey} AND at_ms >= ${nowMs} AND suspect_received_at_ms IS NULL`.execute(tx);
    return rows[0]?.at_ms ?? null;
  }
}
