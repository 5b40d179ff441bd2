import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import type { DeviceRef } from "./core/up-facts.ts";
import { refColumns, type RefRow, toRef } from "./devices-store.ts";

/** What conditions of rules ask of an appliance. */
export type WatchedFacts = {
  model: string;
  hardware: string | null;
  version: string | null;
  country: string | null;
  tags: string[];
};

/** Where a walk over those who are away stands: behind which of them. */
export interface AwayCursor {
  sinceMs: number;
  key: number;
}

export interface AwayDevice {
  device: DeviceRef;
  /** When its last connection ended. */
  sinceMs: number;
}

export interface AwayPage {
  away: AwayDevice[];
  /** Behind which to go on; null where there was nobody. */
  next: AwayCursor | null;
  /** Nobody else is away for so long. */
  isWhole: boolean;
}

/** What rules over the stream ask of appliances beyond what a batch knows. */
export class WatchedDevices {
  async factsOf(tx: Db, keys: readonly number[]): Promise<Map<number, WatchedFacts>> {
    const { rows } = await sql<WatchedFacts & { key: number }>`
      SELECT key, model, hardware, firmware_version AS version, country, tags FROM device
      WHERE key = ANY(${keys}::int[])`.execute(tx);
    return new Map(rows.map(({ key, ...facts }) => [key, facts]));
  }

  /**
   * Those whose last connection ended behind `after` and not later than `untilMs`, the longest away first, and none that may not
   * connect. They are held until the transaction ends, so that none of them returns unnoticed meanwhile.
   */
  async away(tx: Db, after: AwayCursor, untilMs: number, limit: number): Promise<AwayPage> {
    const isAway = sql`NOT online AND (presence_at_ms, key) > (${after.sinceMs}, ${after.key}) AND presence_at_ms <= ${untilMs}
      AND blocked_at_ms IS NULL`;
    const { rows } = await sql<{ key: number; presence_at_ms: number }>`
      SELECT key, presence_at_ms FROM device WHERE ${isAway} ORDER BY presence_at_ms, key LIMIT ${limit}`.execute(tx);
    // In the order in which batches take them: whoever comes back meanwhile is left out.
    const { rows: held } = await sql<RefRow & { presence_at_ms: number }>`
      SELECT ${refColumns}, presence_at_ms FROM device WHERE key = ANY(${rows.map(({ key }) => key)}::int[]) AND ${isAway}
      ORDER BY key FOR SHARE`.execute(tx);
    const last = rows.at(-1);
    return {
      away: held.map((row) => ({ device: toRef(row), sinceMs: row.presence_at_ms })),
      next: last === undefined ? null : { sinceMs: last.presence_at_ms, key: last.key },
      isWhole: rows.length < limit,
    };
  }

  /** Of these those who are connected, and since when. */
  async here(tx: Db, keys: readonly number[]): Promise<Map<number, number>> {
    if (keys.length === 0) return new Map();
    const { rows } = await sql<{ key: number; presence_at_ms: number }>`
      SELECT key, presence_at_ms FROM device WHERE key = ANY(${keys}::int[]) AND online`.execute(tx);
    return new Map(rows.map(({ key, presence_at_ms }) => [key, presence_at_ms]));
  }

  /** Who came and went in a time, and when, device by device, each in the order of time. */
  async presenceBetween(
    db: Db,
    keys: readonly number[],
    fromMs: number,
    toMs: number,
    limit: number,
  ): Promise<
    {
      deviceKey: number;
      atMs: number;
      state: "connected" | "disconnected";
      bootId: string;
      connectionId: number;
      reason: string | null;
    }[]
  > {
    const { rows } = await sql<{
      device_key: number;
      at_ms: number;
      state: "connected" | "disconnected";
      boot_id: string;
      connection_id: number;
      reason: string | null;
    }>`
      SELECT device_key, at_ms, state, boot_id, connection_id, reason FROM presence_change
      WHERE device_key = ANY(${keys}::int[]) AND at_ms >= ${fromMs} AND at_ms < ${toMs}
        AND state IN ('connected', 'disconnected')
      ORDER BY device_key, at_ms, connection_id, state LIMIT ${limit}`.execute(db);
    return rows.map(({ device_key: deviceKey, at_ms: atMs, boot_id: bootId, connection_id: connectionId, ...row }) => ({
      ...row,
      deviceKey,
      atMs,
      bootId,
      connectionId,
    }));
  }
}
