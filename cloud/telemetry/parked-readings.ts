import { sql } from "kysely";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { ParkedReading } from "./points-sink.ts";

/** Those that are kept; the oldest go first. */
const parkedRowsMax = 100_000;

export interface ParkedFilter {
  deviceKey: number | null;
  beforeId: string | null;
  limit: number;
}

export interface ParkedRow {
  id: string;
  deviceKey: number;
  atMs: number;
  receivedAtMs: number;
  metrics: Record<string, number | boolean>;
  reason: string;
  detail: string;
  parkedAtMs: number;
}

/** SQL of readings that their store refuses for good, with its reason. */
export class ParkedReadings {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #ids: Ids;

  constructor(deps: { db: Db; clock: Clock; ids: Ids }) {
    this.#db = deps.db;
    this.#clock = deps.clock;
    this.#ids = deps.ids;
  }

  async park(tx: Db, parked: readonly ParkedReading[]): Promise<void> {
    if (parked.length === 0) return;
    const column = <T>(pick: (one: ParkedReading) => T) => parked.map(pick);
    await sql`
      INSERT INTO parked_reading (id, device_key, at_ms, received_at_ms, metrics, reason, detail, parked_at_ms)
      SELECT *, ${this.#clock.nowMs()} FROM unnest(
        ${column(() => this.#ids.next())}::uuid[], ${column(({ device }) => device.key)}::int[],
        ${column(({ atMs }) => atMs)}::bigint[], ${column(({ receivedAtMs }) => receivedAtMs)}::bigint[],
        ${column(({ metrics }) => JSON.stringify(metrics))}::jsonb[], ${column(({ reason }) => reason)}::text[],
        ${column(({ detail }) => detail.toWellFormed().replaceAll("\u0000", ""))}::text[])`.execute(tx);
  }

  /** Newest first. */
  async list({ deviceKey, beforeId, limit }: ParkedFilter): Promise<ParkedRow[]> {
    const { rows } = await sql<ParkedRow>`
      SELECT id, device_key AS "deviceKey", at_ms AS "atMs", received_at_ms AS "receivedAtMs", metrics, reason, detail,
        parked_at_ms AS "parkedAtMs"
      FROM parked_reading
      WHERE (${deviceKey}::int IS NULL OR device_key = ${deviceKey}) AND (${beforeId}::uuid IS NULL OR id < ${beforeId})
      ORDER BY id DESC LIMIT ${limit}`.execute(this.#db);
    return rows;
  }

  async counts(): Promise<Record<string, number>> {
    const { rows } = await sql<{ reason: string; count: number }>`
      SELECT reason, count(*) AS count FROM parked_reading GROUP BY reason`.execute(this.#db);
    return Object.fromEntries(rows.map(({ reason, count }) => [reason, count]));
  }

  async count(): Promise<number> {
    const { rows } = await sql<{ n: number }>`SELECT count(*) AS n FROM parked_reading`.execute(this.#db);
    return rows[0]?.n ?? 0;
  }

  async erase(tx: Db, deviceKey: number, fromMs: number, toMs: number): Promise<void> {
    await sql`DELETE FROM parked_reading WHERE device_key = ${deviceKey}
      AND ((at_ms >= ${fromMs} AND at_ms < ${toMs}) OR (received_at_ms >= ${fromMs} AND received_at_ms < ${toMs}))`.execute(
      tx,
    );
  }

  async trim(): Promise<void> {
    await sql`DELETE FROM parked_reading WHERE id IN (
      SELECT id FROM parked_reading ORDER BY id DESC OFFSET ${parkedRowsMax} LIMIT 10000)`.execute(this.#db);
  }
}
