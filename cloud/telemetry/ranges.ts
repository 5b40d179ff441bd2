/** SQL of ranges: what metrics did, in buckets. */
import { sql } from "kysely";
import type { MetricLayout } from "../devices/devices.ts";
import type { Db } from "../platform/database.ts";
import { bucketLengthMs } from "./core/buckets.ts";
import { valueIn } from "./reading-values.ts";
import type { Bucket, DeviceSpan, RangeAnswer, RangeQuery } from "./telemetry-store.ts";

/**
 * PostgreSQL sums squares to make a mean, and refuses the whole query where they overflow: what no appliance measures is cut off
 * there. LEAST and GREATEST pass over what is missing, so that has to be left out apart.
 */
const [meanMin, meanMax] = [sql.lit(-1e150), sql.lit(1e150)];

type Fold = [min: number, max: number, mean: number, count: number];
type Row = { device_key: number; at_ms: number } & Record<string, Fold>;

/** See `TelemetryStore.range`. */
export async function rangeOf(
  db: Db,
  layoutOf: (model: string) => MetricLayout,
  query: RangeQuery,
): Promise<RangeAnswer> {
  const bucketMs = bucketLengthMs(query.fromMs, query.toMs, query.points);
  const byDevice = new Map<number, Row[]>();
  // Appliances of one model share a layout, and so a statement.
  for (const [model, spans] of Map.groupBy(query.devices, ({ device }) => device.model)) {
    const rows = await foldRaw(db, { ...query, devices: spans }, layoutOf(model), bucketMs);
    for (const row of rows) {
      const known = byDevice.get(row.device_key);
      if (known === undefined) byDevice.set(row.device_key, [row]);
      else known.push(row);
    }
  }
  const series = query.devices.flatMap(({ device }) =>
    query.metrics.map((metric, at) => ({
      deviceKey: device.key,
      metric,
      buckets: (byDevice.get(device.key) ?? []).flatMap((row): Bucket[] => {
        const [min, max, mean, count] = row[`f${at}`] ?? [0, 0, 0, 0];
        return count === 0 ? [] : [{ atMs: row.at_ms, min, max, mean, count }];
      }),
    })),
  );
  return { bucketMs, series };
}

/** Buckets of devices of one model, straight from their readings, in the order of time. */
async function foldRaw(db: Db, query: RangeQuery, layout: MetricLayout, bucketMs: number): Promise<Row[]> {
  const { metrics, fromMs, toMs, devices } = query;
  const values = metrics.map((metric, at) => sql`${valueIn(metric, layout)} AS ${sql.ref(`v${at}`)}`);
  const folds = metrics.map((_, at) => {
    const value = sql.ref(`v${at}`);
    return sql`json_build_array(min(${value}), max(${value}), avg(least(greatest(${value}, ${meanMin}), ${meanMax})) FILTER (WHERE ${value} IS NOT NULL), count(${value})) AS ${sql.ref(`f${at}`)}`;
  });
  const { rows } = await sql<Row>`
    SELECT device_key, at_ms / ${sql.lit(bucketMs)} * ${sql.lit(bucketMs)} AS at_ms, ${sql.join(folds)}
    FROM ${spanRows(devices)} CROSS JOIN LATERAL (
      SELECT device_key, at_ms, ${sql.join(values)} FROM reading
      WHERE device_key = s.key AND at_ms >= ${fromMs} AND at_ms < ${toMs} AND at_ms >= s.since_ms
        AND suspect_received_at_ms IS NULL
    ) AS picked
    GROUP BY 1, 2 ORDER BY 1, 2`.execute(db);
  return rows;
}

const spanRows = (spans: readonly DeviceSpan[]) => sql`
  unnest(${spans.map(({ device }) => device.key)}::int[], ${spans.map(({ sinceMs }) => sinceMs)}::bigint[]) AS s(key, since_ms)`;
