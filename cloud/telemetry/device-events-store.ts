import { sql } from "kysely";
import { type EventFact, tenureSpans } from "../devices/devices.ts";
import { affected, type Db } from "../platform/database.ts";
import { bucketLengthMs } from "./core/buckets.ts";
import type { DeviceSpan, ErasedSpan } from "./telemetry-store.ts";
import { pageSinceMs, type TimelinePage } from "../platform/timeline.ts";

interface EventRow {
  id: string;
  at_ms: number;
  received_at_ms: number;
  order_at_ms: number;
  clock_suspect: boolean;
  type: string;
  data: Record<string, unknown>;
}

const removedAtOnce = 10_000;
/** Types of event in one answer: a device may make up as many as it likes. */
const typesMax = 200;

export interface EventCountsQuery {
  fromMs: number;
  toMs: number;
  /** About how many buckets. */
  points: number;
  /** Null: all of them. */
  types: readonly string[] | null;
}

export interface EventCounts {
  bucketMs: number;
  types: { type: string; total: number; points: [atMs: number, count: number][] }[];
}

export interface EventsQuery {
  deviceKeys: readonly number[];
  /** Null: all of them. */
  types: readonly string[] | null;
  fromMs: number;
  toMs: number;
}

/** One event as it was kept; `atMs` is the time that order goes by. */
export interface StoredEvent {
  deviceKey: number;
  id: string;
  atMs: number;
  type: string;
  data: Record<string, unknown>;
}

/** SQL of the events that devices sent. */
export class DeviceEventsStore {
  /**
   * Stores events and returns those that were not there yet: a device sends again what it is not sure of. Of the others, those that
   * say something else than what is kept under their id.
   */
  async append(tx: Db, facts: readonly EventFact[]): Promise<{ fresh: EventFact[]; altered: EventFact[] }> {
    if (facts.length === 0) return { fresh: [], altered: [] };
    const byIdentity = new Map<string, EventFact>();
    for (const fact of facts) {
      const identity = `${fact.device.key} ${fact.event.id}`;
      if (!byIdentity.has(identity)) byIdentity.set(identity, fact);
    }
    const rows = [...byIdentity.values()].map((fact) => ({
      device_key: fact.device.key,
      id: fact.event.id,
      at_ms: fact.event.atMs,
      received_at_ms: fact.receivedAtMs,
      order_at_ms: fact.orderAtMs,
      clock_suspect: fact.clockSuspect,
      type: fact.event.type,
      data: fact.event.data,
    }));
    const { rows: inserted } = await sql<{ identity: string }>`
      INSERT INTO device_event (device_key, id, at_ms, received_at_ms, order_at_ms, clock_suspect, type, data)
      SELECT * FROM json_to_recordset(${JSON.stringify(rows)}::json)
        AS r(device_key int, id text, at_ms bigint, received_at_ms bigint, order_at_ms bigint, clock_suspect boolean, type text, data jsonb)
      ON CONFLICT DO NOTHING
      RETURNING device_key || ' ' || id AS identity`.execute(tx);
    const identities = new Set(inserted.map((row) => row.identity));
    const fresh = [...byIdentity].filter(([identity]) => identities.has(identity)).map(([, fact]) => fact);
    const known = new Set(fresh);
    const repeated = facts.filter((fact) => !known.has(fact));
    return { fresh, altered: repeated.length === 0 ? [] : await this.#altered(tx, repeated) };
  }

  /** Of events whose id is there already, those that say something else. */
  async #altered(tx: Db, facts: readonly EventFact[]): Promise<EventFact[]> {
    const rows = facts.map(({ device, event: { id, atMs, type, data } }, place) => ({
      place,
      device_key: device.key,
      id,
      at_ms: atMs,
      type,
      data,
    }));
    const { rows: others } = await sql<{ place: number }>`
      SELECT r.place FROM json_to_recordset(${JSON.stringify(rows)}::json)
        AS r(place int, device_key int, id text, at_ms bigint, type text, data jsonb)
      JOIN device_event e ON e.device_key = r.device_key AND e.id = r.id
      WHERE e.at_ms <> r.at_ms OR e.type <> r.type OR e.data <> r.data`.execute(tx);
    const places = new Set(others.map(({ place }) => place));
    return facts.filter((_fact, place) => places.has(place));
  }

  /** Erases what a device said in a time, by the time that order goes by. */
  async erase(db: Db, { deviceKey, fromMs, toMs }: ErasedSpan): Promise<void> {
    for (;;) {
      const removed = await affected(db)`
        DELETE FROM device_event WHERE (device_key, id) IN (
          SELECT device_key, id FROM device_event
          WHERE device_key = ${deviceKey} AND order_at_ms >= ${fromMs} AND order_at_ms < ${toMs} LIMIT ${removedAtOnce})`;
      if (removed < removedAtOnce) return;
    }
  }

  /** The newest time after `nowMs` that a device gave an event; null where there is none. */
  async newestAhead(tx: Db, deviceKey: number, nowMs: number): Promise<number | null> {
    const { rows } = await sql<{ at_ms: number }>`
      SELECT order_at_ms AS at_ms FROM device_event WHERE device_key = ${deviceKey} AND order_at_ms > ${nowMs}
      ORDER BY order_at_ms DESC LIMIT 1`.execute(tx);
    return rows[0]?.at_ms ?? null;
  }

  /** Erases what the appliances of a household said, as their clocks had it, from a time on. */
  async eraseAhead(tx: Db, householdId: string, fromMs: number): Promise<void> {
    await sql`
      DELETE FROM device_event e USING ${tenureSpans(householdId)} AS t
      WHERE e.device_key = t.device_key AND t.to_ms > ${fromMs}
        AND e.order_at_ms >= ${fromMs} AND e.order_at_ms >= t.from_ms AND e.order_at_ms < t.to_ms`.execute(tx);
  }

  /** Removes the events that are older than that, in pieces: their identity has no time in it, so no partition can hold them by time. */
  async removeOlder(db: Db, beforeMs: number): Promise<void> {
    for (;;) {
      const removed = await affected(db)`
        DELETE FROM device_event WHERE (device_key, id) IN (
          SELECT device_key, id FROM device_event WHERE order_at_ms < ${beforeMs} LIMIT ${removedAtOnce})`;
      if (removed < removedAtOnce) return;
    }
  }

  /** What happened to devices in a time, device by device in the order of keys, each in the order of time. */
  async ofDevices(db: Db, { deviceKeys, types, fromMs, toMs }: EventsQuery, limit: number): Promise<StoredEvent[]> {
    const { rows } = await sql<Omit<StoredEvent, "deviceKey" | "atMs"> & { device_key: number; at_ms: number }>`
      SELECT e.device_key, e.id, e.order_at_ms AS at_ms, e.type, e.data
      FROM (SELECT DISTINCT key FROM unnest(${deviceKeys}::int[]) AS key) AS k
      CROSS JOIN LATERAL (
        SELECT * FROM device_event WHERE device_key = k.key AND order_at_ms >= ${fromMs} AND order_at_ms < ${toMs}
          AND (${types}::text[] IS NULL OR type = ANY(${types}::text[]))
      ) AS e
      ORDER BY e.device_key, e.order_at_ms, e.id LIMIT ${limit}`.execute(db);
    return rows.map(({ device_key: deviceKey, at_ms: atMs, ...row }) => ({ ...row, deviceKey, atMs }));
  }

  /** Events by type in buckets, the most frequent type first. */
  async counts(db: Db, devices: readonly DeviceSpan[], query: EventCountsQuery): Promise<EventCounts> {
    const { fromMs, toMs, points, types } = query;
    const bucketMs = bucketLengthMs(fromMs, toMs, points);
    const { rows } = await sql<{ type: string; at_ms: number; n: number }>`
      SELECT type, order_at_ms / ${sql.lit(bucketMs)} * ${sql.lit(bucketMs)} AS at_ms, count(*) AS n
      FROM unnest(${devices.map(({ device }) => device.key)}::int[], ${devices.map(({ sinceMs }) => sinceMs)}::bigint[]) AS s(key, since_ms)
      CROSS JOIN LATERAL (
        SELECT type, order_at_ms FROM device_event
        WHERE device_key = s.key AND order_at_ms >= ${fromMs} AND order_at_ms < ${toMs} AND order_at_ms >= s.since_ms
          AND received_at_ms >= s.since_ms AND (${types === null} OR type = ANY(${types ?? []}::text[])) OFFSET 0
      ) AS said
      GROUP BY 1, 2 ORDER BY 1, 2`.execute(db);
    const counted = [...Map.groupBy(rows, ({ type }) => type)].map(([type, own]) => ({
      type,
      total: own.reduce((sum, { n }) => sum + n, 0),
      points: own.map(({ at_ms: atMs, n }): [number, number] => [atMs, n]),
    }));
    return { bucketMs, types: counted.toSorted((a, b) => b.total - a.total).slice(0, typesMax) };
  }

  /** The newest events of a device, newest first. What reached us before the page's past ends happened before it, whatever its clock said. */
  async list(db: Db, deviceKey: number, page: TimelinePage): Promise<EventRow[]> {
    const sinceMs = pageSinceMs(page);
    const { rows } = await sql<EventRow>`
      SELECT id, at_ms, received_at_ms, order_at_ms, clock_suspect, type, data FROM device_event
      WHERE device_key = ${deviceKey} AND order_at_ms < ${page.beforeMs}
        AND order_at_ms >= ${sinceMs} AND received_at_ms >= ${sinceMs}
      ORDER BY order_at_ms DESC, id LIMIT ${page.limit}`.execute(db);
    return rows;
  }
}
