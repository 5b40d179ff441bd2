import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import type { SecurityKind, Severity } from "./core/security-kinds.ts";

export interface SecurityEvent {
  id: string;
  atMs: number;
  lastAtMs: number;
  kind: SecurityKind;
  severity: Severity;
  reason: string;
  count: number;
  address: string;
  name: string;
  deviceId: string | null;
  principal: string | null;
}

export interface SecurityFilter {
  kind: SecurityKind | null;
  severity: Severity | null;
  deviceId: string | null;
  address: string | null;
  /** Only what went on at or after this time. */
  sinceMs: number | null;
  /** The event that ended the page before: its time and its id. */
  after: readonly [atMs: number, id: string] | null;
  limit: number;
}

/** What is told within this time of an event like it is that event, going on. */
const goesOnMs = 60_000;
/** An event is told anew after this long, so that whoever listens hears that it still goes on. */
const longestMs = 3_600_000;

const columns = sql.raw(
  `id, at_ms AS "atMs", last_at_ms AS "lastAtMs", kind, severity, reason, count, address, name, device_id AS "deviceId", principal`,
);

/** SQL of the security events. */
export class SecurityStore {
  /**
   * Stores what was gathered: onto the event that it goes on with, or as an event of its own.
   *
   * @param events no two alike in kind, reason, address, name and principal
   * @returns those that are new
   */
  async add(tx: Db, events: readonly SecurityEvent[]): Promise<SecurityEvent[]> {
    if (events.length === 0) return [];
    const earliestMs = Math.min(...events.map(({ atMs }) => atMs)) - goesOnMs;
    const { rows } = await sql<SecurityEvent>`
      WITH said AS MATERIALIZED (
        SELECT * FROM json_to_recordset(${JSON.stringify(events)}::json) AS r(
          id uuid, "atMs" bigint, "lastAtMs" bigint, kind text, severity text, reason text, count bigint, address text, name text,
          "deviceId" text, principal text)
      ), recent AS MATERIALIZED (
        SELECT id, at_ms, last_at_ms, kind, reason, address, name, principal FROM security_event
        WHERE last_at_ms >= ${earliestMs}
      ), open AS (
        SELECT DISTINCT ON (said.id) said.id AS said_id, recent.id AS event_id
        FROM said JOIN recent USING (kind, reason, address, name)
        WHERE recent.principal IS NOT DISTINCT FROM said.principal
          AND recent.last_at_ms >= said."atMs" - ${goesOnMs}::bigint AND recent.at_ms <= said."lastAtMs" + ${goesOnMs}::bigint
          AND recent.at_ms > said."lastAtMs" - ${longestMs}::bigint
        ORDER BY said.id, recent.last_at_ms DESC
      ), gone_on AS (
        UPDATE security_event SET count = security_event.count + said.count,
          at_ms = least(at_ms, "atMs"), last_at_ms = greatest(last_at_ms, "lastAtMs")
        FROM open JOIN said ON said.id = open.said_id WHERE security_event.id = open.event_id
      )
      INSERT INTO security_event (id, at_ms, last_at_ms, kind, severity, reason, count, address, name, device_id, principal)
      SELECT id, "atMs", "lastAtMs", kind, severity, reason, count, address, name, "deviceId", principal
      FROM said WHERE id NOT IN (SELECT said_id FROM open)
      RETURNING ${columns}`.execute(tx);
    return rows;
  }

  /** Newest first by their beginning. */
  async page(db: Db, filter: SecurityFilter): Promise<SecurityEvent[]> {
    const { kind, severity, deviceId, address, sinceMs, after, limit } = filter;
    const [atMs, id] = after ?? [null, null];
    const { rows } = await sql<SecurityEvent>`
      SELECT ${columns} FROM security_event
      WHERE (${kind}::text IS NULL OR kind = ${kind}) AND (${severity}::text IS NULL OR severity = ${severity})
        AND (${deviceId}::text IS NULL OR device_id = ${deviceId}) AND (${address}::text IS NULL OR address = ${address})
        AND (${sinceMs}::bigint IS NULL OR last_at_ms >= ${sinceMs})
        AND (${atMs}::bigint IS NULL OR (at_ms, id) < (${atMs}, ${id}::uuid))
      ORDER BY at_ms DESC, id DESC LIMIT ${limit}`.execute(db);
    return rows;
  }

  /** Of one appliance before a time, newest first. */
  async ofDevice(db: Db, deviceId: string, beforeMs: number, limit: number): Promise<SecurityEvent[]> {
    const { rows } = await sql<SecurityEvent>`
      SELECT ${columns} FROM security_event WHERE device_id = ${deviceId} AND at_ms < ${beforeMs}
      ORDER BY at_ms DESC, id DESC LIMIT ${limit}`.execute(db);
    return rows;
  }

  /** @returns how many were deleted; the caller repeats until fewer than `limit` were */
  async deleteBefore(db: Db, beforeMs: number, limit: number): Promise<number> {
    const { rows } = await sql`
      DELETE FROM security_event
      WHERE id IN (SELECT id FROM security_event WHERE last_at_ms < ${beforeMs} LIMIT ${limit}) RETURNING 1`.execute(
      db,
    );
    return rows.length;
  }

  /** Deletes what is beyond `kept`, the oldest first; as `deleteBefore`. */
  async deleteBeyond(db: Db, kept: number, limit: number): Promise<number> {
    const { rows } = await sql`
      DELETE FROM security_event WHERE id IN (
        SELECT id FROM security_event ORDER BY at_ms DESC, id DESC OFFSET ${kept} LIMIT ${limit}
      ) RETURNING 1`.execute(db);
    return rows.length;
  }
}
