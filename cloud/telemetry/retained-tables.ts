import { sql } from "kysely";
import type { Clock } from "../platform/clock.ts";
import { affected, type Db } from "../platform/database.ts";
import { sqlState } from "../platform/database.ts";
import type { Retention } from "./core/retention.ts";
import type { TimePartitions } from "./time-partitions.ts";

const lockNotAvailable = "55P03";
const removedAtOnce = 10_000;
/** How long rollups are waited for that are made of readings about to go. */
const rolledUpMsMax = 2 * 86_400_000;

interface Tables {
  readings: TimePartitions;
  minute: TimePartitions;
  quarter: TimePartitions;
  hour: TimePartitions;
  day: TimePartitions;
}

/** Keeps readings and rollups as long as they are to be kept: partitions are made ahead, and dropped as a whole. */
export class RetainedTables {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #tables: Tables;
  readonly #retention: Retention;

  constructor(db: Db, clock: Clock, tables: Tables, retention: Retention) {
    this.#db = db;
    this.#clock = clock;
    this.#tables = tables;
    this.#retention = retention;
  }

  async load(): Promise<void> {
    for (const partitions of Object.values(this.#tables)) await partitions.load();
  }

  /** @returns the partitions that were dropped, as table and beginning */
  async keep(): Promise<string[]> {
    const nowMs = this.#clock.nowMs();
    const { readings, minute, quarter, hour, day } = this.#tables;
    const { readingsMs, minutesMs, hoursMs, daysMs } = this.#retention;
    const dropped: string[] = [];
    for (const [table, partitions, keptMs] of [
      ["reading", readings, readingsMs],
      ["rollup_minute", minute, minutesMs],
      ["rollup_quarter", quarter, minutesMs],
      ["rollup_hour", hour, hoursMs],
      ["rollup_day", day, daysMs],
    ] as const) {
      await partitions.makeAhead(nowMs);
      for (const { fromMs, toMs } of partitions.outlived(nowMs)) {
        if (table === "reading" && (await this.#stillWanted(fromMs, toMs, nowMs))) continue;
        if (await this.#drop(partitions, fromMs)) dropped.push(`${table} ${fromMs}`);
      }
      await this.#removeStrays(`${table}_default`, nowMs - keptMs, table === "reading");
    }
    return dropped;
  }

  /** Whether rollups are still to be made of a day's readings. A follower that is so late that it may never come is not waited for. */
  async #stillWanted(fromMs: number, toMs: number, nowMs: number): Promise<boolean> {
    const { rows } = await sql<{ n: number }>`
      SELECT count(*) AS n FROM (SELECT 1 FROM rollup_dirty WHERE at_ms >= ${fromMs} AND at_ms < ${toMs} LIMIT 1) AS first`.execute(
      this.#db,
    );
    if ((rows[0]?.n ?? 0) === 0) return false;
    if (toMs > nowMs - this.#retention.readingsMs - rolledUpMsMax) return true;
    await sql`DELETE FROM rollup_dirty WHERE at_ms >= ${fromMs} AND at_ms < ${toMs}`.execute(this.#db);
    return false;
  }

  /** False where somebody was reading it: the next time will do. */
  async #drop(partitions: TimePartitions, fromMs: number): Promise<boolean> {
    try {
      await partitions.drop(fromMs);
      return true;
    } catch (error) {
      if (sqlState(error) === lockNotAvailable) return false;
      throw error;
    }
  }

  /** What lies in a default partition and is too old, by the gateway's time where the device's cannot be right. */
  async #removeStrays(table: string, beforeMs: number, isReadings: boolean): Promise<void> {
    const atMs = isReadings ? sql`coalesce(suspect_received_at_ms, at_ms)` : sql`at_ms`;
    for (;;) {
      const removed = await affected(this.#db)`
        DELETE FROM ${sql.table(table)} WHERE (device_key, at_ms) IN (
          SELECT device_key, at_ms FROM ${sql.table(table)} WHERE ${atMs} < ${beforeMs} LIMIT ${removedAtOnce})`;
      if (removed < removedAtOnce) return;
    }
  }
}
