/** SQL of ranges: what metrics did, in buckets, from rollups where they have everything and from the readings elsewhere. */
import { type RawBuilder, sql } from "kysely";
import type { MetricLayout } from "../devices/devices.ts";
import { type Db, snapshot } from "../platform/database.ts";
import { bucketLengthMs } from "./core/buckets.ts";
import { type Piece, rangePieces } from "./core/range-pieces.ts";
import { hourMs, rollupLevels } from "./core/rollup-levels.ts";
import { valueIn } from "./reading-values.ts";
import { type FoldColumns, foldColumns, foldOfRollup, foldOfValue } from "./rollup-folds.ts";
import type { Bucket, DeviceSpan, RangeAnswer, RangeQuery } from "./telemetry-store.ts";

type Fold = [min: number, max: number, sum: number, count: number];
type Row = { device_key: number; at_ms: number } & Record<string, Fold>;
type DevicePiece = Piece & { deviceKey: number };

/** See `TelemetryStore.range`; no bucket is shorter than `leastMs`. */
export async function rangeOf(
  db: Db,
  layoutOf: (model: string) => MetricLayout,
  query: RangeQuery,
  leastMs: number,
): Promise<RangeAnswer> {
  const bucketMs = bucketLengthMs(query.fromMs, query.toMs, query.points, leastMs);
  const byDevice = await snapshot(db, async (tx) => {
    const dirty = await dirtyHours(tx, query);
    const rows: Row[] = [];
    // Appliances of one model share a layout, and so a statement.
    for (const [model, spans] of Map.groupBy(query.devices, ({ device }) => device.model)) {
      const pieces = spans.flatMap((span) => piecesOf(span, query, bucketMs, dirty.get(span.device.key) ?? []));
      if (pieces.length > 0) rows.push(...(await foldPieces(tx, pieces, query.metrics, layoutOf(model), bucketMs)));
    }
    return Map.groupBy(rows, (row) => row.device_key);
  });
  const series = query.devices.flatMap(({ device }) =>
    query.metrics.map((metric, at) => ({
      deviceKey: device.key,
      metric,
      buckets: (byDevice.get(device.key) ?? []).flatMap((row): Bucket[] => {
        const [min, max, sum, count] = row[`f${at}`] ?? [0, 0, 0, 0];
        return count > 0 ? [{ atMs: row.at_ms, min, max, mean: sum / count, count }] : [];
      }),
    })),
  );
  return { bucketMs, series };
}

/** The hours in the range whose rollups do not have everything, by device, ascending. */
async function dirtyHours(tx: Db, { devices, fromMs, toMs }: RangeQuery): Promise<Map<number, number[]>> {
  const { rows } = await sql<{ device_key: number; hours: number[] }>`
    SELECT device_key, array_agg(at_ms::float8 ORDER BY at_ms) AS hours FROM rollup_dirty
    WHERE device_key = ANY(${devices.map(({ device }) => device.key)}::int[]) AND at_ms > ${fromMs - hourMs} AND at_ms < ${toMs}
    GROUP BY device_key`.execute(tx);
  return new Map(rows.map((row) => [row.device_key, row.hours]));
}

function piecesOf(span: DeviceSpan, query: RangeQuery, bucketMs: number, dirty: readonly number[]): DevicePiece[] {
  const fromMs = Math.max(query.fromMs, span.sinceMs);
  if (fromMs >= query.toMs) return [];
  const deviceKey = span.device.key;
  return rangePieces(fromMs, query.toMs, bucketMs, dirty).map((piece) => ({ ...piece, deviceKey }));
}

/** Buckets of devices of one model, in the order of time. */
async function foldPieces(
  tx: Db,
  pieces: readonly DevicePiece[],
  metrics: readonly string[],
  layout: MetricLayout,
  bucketMs: number,
): Promise<Row[]> {
  const sources = [...Map.groupBy(pieces, ({ from }) => from)].map(([from, own]) => {
    const rollup = rollupLevels.find(({ level }) => level === from);
    const picked =
      rollup === undefined
        ? readingRows(own, metrics, layout)
        : rollupRows(
            own,
            rollup.table,
            metrics.map((metric) => foldOfRollup(metric, layout)),
          );
    return sql`(${picked})`;
  });
  const folds = metrics.map((_, at) => {
    const [min, max, sum, count] = ["min", "max", "sum", "count"].map((part) => sql.ref(`${part}${at}`));
    return sql`json_build_array(min(${min}), max(${max}), sum(${sum}), coalesce(sum(${count}), 0)) AS ${sql.ref(`f${at}`)}`;
  });
  const { rows } = await sql<Row>`
    SELECT device_key, at_ms / ${sql.lit(bucketMs)} * ${sql.lit(bucketMs)} AS at_ms, ${sql.join(folds)}
    FROM (${sql.join(sources, sql` UNION ALL `)}) AS picked
    GROUP BY 1, 2 ORDER BY 1, 2`.execute(tx);
  return rows;
}

/** Pieces as rows `p(key, from_ms, to_ms)`. */
const pieceRows = (pieces: readonly DevicePiece[]): RawBuilder<unknown> => sql`
  unnest(${pieces.map(({ deviceKey }) => deviceKey)}::int[], ${pieces.map(({ fromMs }) => fromMs)}::bigint[],
         ${pieces.map(({ toMs }) => toMs)}::bigint[]) AS p(key, from_ms, to_ms)`;

/** What a piece holds; beside it the time that all lie in, by which the database leaves out whole partitions before it looks at any. */
const inPiece = (pieces: readonly DevicePiece[]): RawBuilder<unknown> => sql`
  device_key = p.key AND at_ms >= p.from_ms AND at_ms < p.to_ms
  AND at_ms >= ${Math.min(...pieces.map(({ fromMs }) => fromMs))} AND at_ms < ${Math.max(...pieces.map(({ toMs }) => toMs))}`;

function readingRows(pieces: readonly DevicePiece[], metrics: readonly string[], layout: MetricLayout) {
  const values = metrics.map((metric, at) => sql`${valueIn(metric, layout)} AS ${sql.ref(`v${at}`)}`);
  const folds = foldColumns(metrics.map((_, at) => foldOfValue(sql.ref(`v${at}`))));
  // OFFSET 0 keeps the question one of each piece, by the index, however little the database knows of how much is in it.
  return sql`SELECT device_key, at_ms, ${folds} FROM ${pieceRows(pieces)} CROSS JOIN LATERAL (
    SELECT device_key, at_ms, ${sql.join(values)} FROM reading
    WHERE ${inPiece(pieces)} AND suspect_received_at_ms IS NULL OFFSET 0) AS valued`;
}

function rollupRows(pieces: readonly DevicePiece[], table: string, folds: readonly FoldColumns[]) {
  return sql`SELECT device_key, at_ms, ${foldColumns(folds)} FROM ${pieceRows(pieces)} CROSS JOIN LATERAL (
    SELECT * FROM ${sql.table(table)} WHERE ${inPiece(pieces)} OFFSET 0) AS kept`;
}
