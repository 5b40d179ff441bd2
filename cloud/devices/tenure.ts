import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import type { DeviceRef } from "./core/up-facts.ts";
import { type RefRow, refColumns, toRef } from "./devices-store.ts";

/** Hears, in the transaction of a change, whose appliances are others or are known otherwise by what `deviceFacts` says. */
export type FactsTold = (tx: Db, householdIds: readonly (string | null)[]) => Promise<void>;

/** Hears, in the transaction of a change, of appliances that are new, somebody else's, or let in again. */
export type DevicesCame = (tx: Db, deviceKeys: readonly number[]) => Promise<void>;

/** Which household has a device, and since when: SQL on the registry's own table, inside the caller's transaction. */
export class Tenure {
  readonly #told: FactsTold;
  readonly #came: DevicesCame;

  /**
   * @param told hears whose appliances are others
   * @param came hears which appliances somebody has from now on
   */
  constructor(told: FactsTold = async () => {}, came: DevicesCame = async () => {}) {
    this.#told = told;
    this.#came = came;
  }

  /** The device as it is, held until the transaction ends: whoever else wants to move it waits. Null where there is none. */
  async lock(tx: Db, deviceId: string): Promise<DeviceRef | null> {
    const { rows } = await sql<RefRow>`SELECT ${refColumns} FROM device WHERE id = ${deviceId} FOR UPDATE`.execute(tx);
    return rows.map(toRef)[0] ?? null;
  }

  /** The device as it is at this moment, not held. Null where there is none. */
  async now(tx: Db, deviceId: string): Promise<DeviceRef | null> {
    const { rows } = await sql<RefRow>`SELECT ${refColumns} FROM device WHERE id = ${deviceId}`.execute(tx);
    return rows.map(toRef)[0] ?? null;
  }

  /** Devices by their keys, held. Always in the order of keys, so that two who hold several never wait for each other in a ring. */
  async lockByKeys(tx: Db, keys: readonly number[]): Promise<DeviceRef[]> {
    if (keys.length === 0) return [];
    const { rows } = await sql<RefRow>`
      SELECT ${refColumns} FROM device WHERE key = ANY(${[...keys]}::int[]) ORDER BY key FOR UPDATE`.execute(tx);
    return rows.map(toRef);
  }

  /** Every device of a household, held. */
  async lockAll(tx: Db, householdId: string): Promise<DeviceRef[]> {
    const { rows } = await sql<RefRow>`
      SELECT ${refColumns} FROM device WHERE household_id = ${householdId} ORDER BY key FOR UPDATE`.execute(tx);
    return rows.map(toRef);
  }

  async count(tx: Db, householdId: string): Promise<number> {
    const { rows } = await sql<{ n: number }>`
      SELECT count(*) AS n FROM device WHERE household_id = ${householdId}`.execute(tx);
    return rows[0]?.n ?? 0;
  }

  /** Gives a device that is held to a household. @param sinceMs what happened before is not theirs; null: everything is */
  async give(tx: Db, device: DeviceRef, householdId: string, sinceMs: number | null, nowMs: number): Promise<void> {
    await sql`UPDATE device SET household_id = ${householdId}, household_since_ms = ${sinceMs}, facts_at_ms = ${nowMs}
      WHERE key = ${device.key}`.execute(tx);
    await this.#told(tx, [householdId]);
    await this.#came(tx, [device.key]);
  }

  /**
   * Takes a device that is held out of its household, and with it what was wanted of it. Its identity stays: that is the hardware's.
   *
   * @param reachedMs the first moment from now on that none of its readings has reached
   */
  async release(tx: Db, device: DeviceRef, nowMs: number, reachedMs: number): Promise<void> {
    await sql`
      INSERT INTO device_tenure (device_key, household_id, from_ms, to_ms, reached_ms)
      SELECT key, household_id, coalesce(household_since_ms, 0), ${nowMs}, ${reachedMs} FROM device
      WHERE key = ${device.key} AND household_id IS NOT NULL
      ON CONFLICT (household_id, device_key, from_ms) DO UPDATE SET to_ms = excluded.to_ms, reached_ms = excluded.reached_ms`.execute(
      tx,
    );
    // The device is told by its desired state, which is sent also where nothing is wanted: it is empty then, under a higher version.
    await sql`
      UPDATE device SET household_id = NULL, household_since_ms = ${nowMs}, tenure = tenure + 1, desired = '{}',
        desired_version = desired_version + 1, desired_at_ms = ${nowMs}, desired_by = 'system', facts_at_ms = ${nowMs}
      WHERE key = ${device.key}`.execute(tx);
    await this.#told(tx, [device.householdId]);
  }
}
