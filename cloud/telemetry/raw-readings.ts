/** SQL of what is read from the readings themselves: pages in the order of time, last values, means, and erasing. */
import { type RawBuilder, sql } from "kysely";
import type { MetricLayout } from "../devices/devices.ts";
import type { Db } from "../platform/database.ts";
import { metricsOf, type ReadingValues } from "./core/reading-metrics.ts";
import { hourMs } from "./core/rollup-levels.ts";
import { valueIn } from "./reading-values.ts";
import {
  type BoundedSpan,
  type DeviceSpan,
  type ErasedSpan,
  type LatestValue,
  latestReadingsMax,
  type MeansQuery,
  meanReadingsMax,
  type ReadingsQuery,
  type StoredReading,
} from "./telemetry-store.ts";

interface ReadingRow extends ReadingValues {
  device_key: number;
  at_ms: number;
  suspect_received_at_ms: number | null;
}

type LayoutOf = (model: string) => MetricLayout;

const columns = sql`device_key, at_ms, metric_values, undeclared, suspect_received_at_ms`;
/** A reading whose time cannot be right happened, at the latest, when it was received. */
const orderAtMs = sql`coalesce(suspect_received_at_ms, at_ms)`;

const pageReadings = 2_000;
const dayMs = 86_400_000;
/** A page looks through so much time at first, and through twice as much each time that it finds little. */
const windowMsMin = dayMs;

/** Devices asked about in one question where the range is short: a question each would cost more than its answer. */
const devicesAtOnce = 50;

/** Raw readings in pages; see `TelemetryStore.readings`. */
export async function* readingPages(db: Db, layoutOf: LayoutOf, query: ReadingsQuery): AsyncGenerator<StoredReading[]> {
  const wanted = query.metrics === null ? null : new Set(query.metrics);
  // Several only where one window has all of the range: device by device is the order that is promised.
  const atOnce = query.toMs - query.fromMs <= windowMsMin ? devicesAtOnce : 1;
  for (let at = 0; at < query.devices.length; at += atOnce) {
    const group = query.devices.slice(at, at + atOnce);
    const layouts = new Map(group.map(({ device }) => [device.key, layoutOf(device.model)]));
    let windowMs = windowMsMin;
    for (let fromMs = query.fromMs; fromMs < query.toMs; fromMs += windowMs, windowMs *= 2) {
      // A window and not only a limit: each day is a table of its own, and the database looks at all that a question may touch.
      for await (const rows of windowPages(db, group, fromMs, Math.min(query.toMs, fromMs + windowMs))) {
        const page = rows.flatMap((row) => {
          const layout = layouts.get(row.device_key);
          return layout === undefined ? [] : storedReading(row, layout, wanted);
        });
        if (page.length > 0) yield page;
      }
    }
  }
}

/** The readings of a span of time in pages: device by device in the order given, each in the order of time. */
async function* windowPages(
  db: Db,
  spans: readonly BoundedSpan[],
  fromMs: number,
  toMs: number,
): AsyncGenerator<ReadingRow[]> {
  let left = spans;
  let firstFromMs = fromMs;
  for (;;) {
    const froms = left.map((_, place) => (place === 0 ? firstFromMs : fromMs));
    const { rows } = await sql<ReadingRow>`
      SELECT r.* FROM unnest(${left.map(({ device }) => device.key)}::int[], ${left.map(({ sinceMs }) => sinceMs)}::bigint[],
        ${left.map(({ untilMs }) => untilMs ?? Number.MAX_SAFE_INTEGER)}::bigint[], ${froms}::bigint[])
        WITH ORDINALITY AS s(key, since_ms, until_ms, from_ms, place)
      CROSS JOIN LATERAL (
        SELECT ${columns} FROM reading
        WHERE device_key = s.key AND at_ms >= ${fromMs} AND at_ms >= s.from_ms AND at_ms < ${toMs}
          AND ${orderAtMs} >= s.since_ms AND ${orderAtMs} < s.until_ms
        ORDER BY at_ms LIMIT ${pageReadings}) AS r
      ORDER BY s.place, r.at_ms LIMIT ${pageReadings}`.execute(db);
    if (rows.length > 0) yield rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageReadings) return;
    left = left.slice(left.findIndex(({ device }) => device.key === last.device_key));
    firstFromMs = last.at_ms + 1;
  }
}

function storedReading(row: ReadingRow, layout: MetricLayout, wanted: ReadonlySet<string> | null): StoredReading[] {
  const all = metricsOf(row, layout);
  const metrics =
    wanted === null ? all : Object.fromEntries(Object.entries(all).filter(([metric]) => wanted.has(metric)));
  if (wanted !== null && Object.keys(metrics).length === 0) return [];
  const clockSuspect = row.suspect_received_at_ms !== null;
  return [{ deviceKey: row.device_key, atMs: row.at_ms, metrics, clockSuspect }];
}

/** Devices as rows `s(key, since_ms)`. */
const spanRows = (spans: readonly { deviceKey: number; sinceMs: number }[]): RawBuilder<unknown> => sql`
  unnest(${spans.map(({ deviceKey }) => deviceKey)}::int[], ${spans.map(({ sinceMs }) => sinceMs)}::bigint[]) AS s(key, since_ms)`;

/** The last readings of devices from a time on, newest first by device. */
async function lastReadings(db: Db, spans: readonly DeviceSpan[], fromMs: number): Promise<ReadingRow[]> {
  const keys = spans.map(({ device, sinceMs }) => ({ deviceKey: device.key, sinceMs }));
  const { rows } = await sql<ReadingRow>`
    SELECT newest.* FROM ${spanRows(keys)} CROSS JOIN LATERAL (
      (SELECT ${columns} FROM reading
       WHERE device_key = s.key AND at_ms >= ${fromMs} AND at_ms >= s.since_ms AND suspect_received_at_ms IS NULL
       ORDER BY at_ms DESC LIMIT ${latestReadingsMax})
      UNION ALL
      (SELECT ${columns} FROM reading
       WHERE device_key = s.key AND suspect_received_at_ms >= ${fromMs} AND suspect_received_at_ms >= s.since_ms
       ORDER BY suspect_received_at_ms DESC LIMIT ${latestReadingsMax})
    ) AS newest`.execute(db);
  return rows;
}

/** Most devices that reported in the last days are found without looking into every day there is. */
const lookBackMs = 2 * dayMs;

/** See `TelemetryStore.latest`. */
export async function latestValues(
  db: Db,
  layoutOf: LayoutOf,
  devices: readonly DeviceSpan[],
  nowMs: number,
): Promise<Map<number, LatestValue[]>> {
  const recent = await lastReadings(db, devices, nowMs - lookBackMs);
  const found = new Set(recent.map((row) => row.device_key));
  const silent = devices.filter(({ device }) => !found.has(device.key));
  const older = silent.length === 0 ? [] : await lastReadings(db, silent, 0);
  const byDevice = Map.groupBy([...recent, ...older], (row) => row.device_key);
  return new Map(
    devices.flatMap(({ device }): [number, LatestValue[]][] => {
      const rows = byDevice.get(device.key);
      return rows === undefined ? [] : [[device.key, lastValues(rows, layoutOf(device.model))]];
    }),
  );
}

function lastValues(rows: readonly ReadingRow[], layout: MetricLayout): LatestValue[] {
  const orderOf = (row: ReadingRow) => row.suspect_received_at_ms ?? row.at_ms;
  const newestFirst = rows.toSorted((a, b) => orderOf(b) - orderOf(a) || b.at_ms - a.at_ms);
  const latest = new Map<string, LatestValue>();
  for (const row of newestFirst.slice(0, latestReadingsMax)) {
    for (const [metric, value] of Object.entries(metricsOf(row, layout))) {
      if (latest.has(metric)) continue;
      latest.set(metric, { metric, value, atMs: orderOf(row), clockSuspect: row.suspect_received_at_ms !== null });
    }
  }
  return [...latest.values()];
}

/** See `TelemetryStore.newestAhead`. */
export async function newestAhead(db: Db, deviceKey: number, nowMs: number): Promise<number | null> {
  const { rows } = await sql<{ at_ms: number | null }>`
    SELECT max(at_ms) AS at_ms FROM reading
    WHERE device_key = ${deviceKey} AND at_ms >= ${nowMs} AND suspect_received_at_ms IS NULL`.execute(db);
  return rows[0]?.at_ms ?? null;
}

/** See `TelemetryStore.means`: one that reports often weighs no more than another. */
export async function meanOfMeans(
  db: Db,
  layout: MetricLayout,
  query: MeansQuery,
): Promise<{ value: number | null; devices: number }> {
  const { rows } = await sql<{ value: number | null; devices: number }>`
    SELECT avg(mean) AS value, count(mean) AS devices FROM ${spanRows(query.devices)}
    CROSS JOIN LATERAL (
      SELECT avg(value) AS mean FROM (
        SELECT ${valueIn(query.metric, layout)} AS value FROM reading
        WHERE device_key = s.key AND at_ms >= s.since_ms AND at_ms < ${query.toMs} AND suspect_received_at_ms IS NULL
        ORDER BY at_ms DESC LIMIT ${meanReadingsMax}
      ) AS newest
    ) AS own`.execute(db);
  return rows[0] ?? { value: null, devices: 0 };
}

/** Rows that one statement erases: a device of many years must not hold everybody up. */
const erasedAtOnce = 20_000;

/** Erases the readings of a span, in pieces; the hours that they were in are noted with each, so that nobody trusts a rollup of them. */
export async function eraseReadings(db: Db, span: ErasedSpan): Promise<void> {
  const { deviceKey, fromMs, toMs } = span;
  // By the index of each: one condition for both would read everything that the device ever said.
  const which = [
    sql`at_ms >= ${fromMs} AND at_ms < ${toMs} AND suspect_received_at_ms IS NULL`,
    sql`suspect_received_at_ms >= ${fromMs} AND suspect_received_at_ms < ${toMs}`,
  ];
  for (const condition of which) {
    for (;;) {
      const { rows } = await sql<{ n: number }>`
        WITH gone AS (
          DELETE FROM reading WHERE (device_key, at_ms) IN (
            SELECT device_key, at_ms FROM reading WHERE device_key = ${deviceKey} AND ${condition} LIMIT ${erasedAtOnce})
          RETURNING at_ms, suspect_received_at_ms
        ), noted AS (
          INSERT INTO rollup_dirty (device_key, at_ms, since_ms)
          SELECT DISTINCT ${deviceKey}::int, at_ms / ${sql.lit(hourMs)} * ${sql.lit(hourMs)}, 0 FROM gone
          WHERE suspect_received_at_ms IS NULL
          ON CONFLICT (device_key, at_ms) DO UPDATE SET generation = rollup_dirty.generation + 1
        )
        SELECT count(*) AS n FROM gone`.execute(db);
      if ((rows[0]?.n ?? 0) < erasedAtOnce) break;
    }
  }
}
