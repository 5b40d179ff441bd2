import { type RawBuilder, sql } from "kysely";
import type { Db } from "../platform/database.ts";
import type { Newest } from "../platform/problem.ts";
import { pageSinceMs, type TimelinePage } from "../platform/timeline.ts";
import type { DeviceRef, PresenceFact } from "./core/up-facts.ts";
import { factsOf } from "./core/device-facts.ts";
import type { ReportedState } from "./core/reported-state.ts";

export interface DeviceRow {
  key: number;
  id: string;
  model: string;
  serial: string;
  household_id: string | null;
  household_since_ms: number | null;
  sold_at_ms: number | null;
  warranty_until_ms: number | null;
  created_at_ms: number;
  blocked_at_ms: number | null;
  online: boolean;
  presence_at_ms: number | null;
  /** While it is held back. */
  held_since_ms: number | null;
  held_reason: string | null;
  held_limit: number | null;
  reported: ReportedState;
  desired: Record<string, unknown>;
  desired_version: number;
  tenure: number;
  hardware: string | null;
  firmware_version: string | null;
  release_counter: number | null;
  locale: string | null;
  time_zone: string | null;
  country: string | null;
  tags: string[];
}

export interface NewDevice {
  id: string;
  model: string;
  serial: string;
  householdId: string | null;
  soldAtMs: number | null;
  warrantyUntilMs?: number | null;
  country?: string | null;
  tags?: readonly string[];
}

export interface DeviceFilter {
  /** Part of an id or serial number. */
  q: string | null;
  model: string | null;
  online: boolean | null;
  householdId: string | null;
  tag: string | null;
  country: string | null;
  /** The firmware that it reports. */
  version: string | null;
  /** The last id of the page before. */
  afterId: string | null;
  limit: number;
}

export interface RefRow {
  key: number;
  id: string;
  model: string;
  household_id: string | null;
  household_since_ms: number | null;
  known_since_ms: number;
}

export const toRef = (row: RefRow): DeviceRef => ({
  key: row.key,
  id: row.id,
  model: row.model,
  householdId: row.household_id,
  householdSinceMs: row.household_since_ms,
  knownSinceMs: row.known_since_ms,
});
export const refColumns = sql.raw(
  "key, id, model, household_id, household_since_ms, least(created_at_ms, sold_at_ms) AS known_since_ms",
);

/** The devices slice's SQL, and the only code that touches its tables. */
export class DevicesStore {
  /** Inserts what is not there yet. Returns the keys of those that were inserted. */
  async insert(tx: Db, devices: readonly NewDevice[], nowMs: number): Promise<number[]> {
    const rows = devices.map((device) => ({
      id: device.id,
      model: device.model,
      serial: device.serial,
      household_id: device.householdId,
      sold_at_ms: device.soldAtMs,
      warranty_until_ms: device.warrantyUntilMs ?? null,
      country: device.country ?? null,
      tags: device.tags ?? [],
    }));
    const { rows: inserted } = await sql<{ key: number }>`
      INSERT INTO device (id, model, serial, household_id, sold_at_ms, warranty_until_ms, country, tags, created_at_ms, facts_at_ms)
      SELECT id, model, serial, household_id, sold_at_ms, warranty_until_ms, country, tags, ${nowMs}, ${nowMs}
      FROM json_to_recordset(${JSON.stringify(rows)}::json)
        AS r(id text, model text, serial text, household_id uuid, sold_at_ms bigint, warranty_until_ms bigint, country text, tags text[])
      ON CONFLICT (id) DO NOTHING RETURNING key`.execute(tx);
    return inserted.map((row) => row.key);
  }

  async find(db: Db, id: string): Promise<DeviceRow | null> {
    const { rows } = await sql<DeviceRow>`SELECT * FROM device WHERE id = ${id}`.execute(db);
    return rows[0] ?? null;
  }

  async refs(db: Db, ids: readonly string[]): Promise<DeviceRef[]> {
    const { rows } = await sql<RefRow>`SELECT ${refColumns} FROM device WHERE id = ANY(${ids}::text[])`.execute(db);
    return rows.map(toRef);
  }

  async refsByKey(db: Db, keys: readonly number[]): Promise<DeviceRef[]> {
    const { rows } = await sql<RefRow>`SELECT ${refColumns} FROM device WHERE key = ANY(${keys}::int[])`.execute(db);
    return rows.map(toRef);
  }

  async ownedRefs(db: Db, limit: number): Promise<DeviceRef[]> {
    const { rows } = await sql<RefRow>`
      SELECT ${refColumns} FROM device WHERE household_id IS NOT NULL ORDER BY key LIMIT ${limit}`.execute(db);
    return rows.map(toRef);
  }

  async online(db: Db, keys: readonly number[]): Promise<number[]> {
    const { rows } = await sql<{ key: number }>`
      SELECT key FROM device WHERE key = ANY(${keys}::int[]) AND online AND blocked_at_ms IS NULL`.execute(db);
    return rows.map((row) => row.key);
  }

  async refsOfModel(db: Db, model: string, limit: number): Promise<DeviceRef[]> {
    const { rows } = await sql<RefRow>`
      SELECT ${refColumns} FROM device WHERE model = ${model} ORDER BY key LIMIT ${limit}`.execute(db);
    return rows.map(toRef);
  }

  keysOfModel(model: string): RawBuilder<unknown> {
    return sql`SELECT key FROM device WHERE model = ${model}`;
  }

  /** In the order of their keys, above `afterKey`; without those that are blocked. */
  async refsOfModels(db: Db, models: readonly string[], afterKey: number, limit: number): Promise<DeviceRef[]> {
    const { rows } = await sql<RefRow>`
      SELECT ${refColumns} FROM device
      WHERE model = ANY(${models}::text[]) AND key > ${afterKey} AND blocked_at_ms IS NULL ORDER BY key LIMIT ${limit}`.execute(
      db,
    );
    return rows.map(toRef);
  }

  async keysWithTag(db: Db, keys: readonly number[], tag: string): Promise<number[]> {
    const { rows } = await sql<{ key: number }>`
      SELECT key FROM device WHERE key = ANY(${keys}::int[]) AND tags @> ARRAY[${tag}]`.execute(db);
    return rows.map((row) => row.key);
  }

  async refsOfHousehold(db: Db, householdId: string): Promise<DeviceRef[]> {
    const { rows } = await sql<RefRow>`
      SELECT ${refColumns} FROM device WHERE household_id = ${householdId} ORDER BY id LIMIT 1000`.execute(db);
    return rows.map(toRef);
  }

  /** A page of devices in the order of their ids, one more than `limit` where there are more. */
  async page(db: Db, filter: DeviceFilter): Promise<DeviceRow[]> {
    const { q, model, online, householdId, tag, country, version, afterId, limit } = filter;
    const pattern = q === null ? null : `%${q.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
    const { rows } = await sql<DeviceRow>`
      SELECT * FROM device
      WHERE (${afterId}::text IS NULL OR id > ${afterId})
        AND (${pattern}::text IS NULL OR id ILIKE ${pattern} OR serial ILIKE ${pattern})
        AND (${model}::text IS NULL OR model = ${model})
        AND (${online}::boolean IS NULL OR online = ${online})
        AND (${householdId}::uuid IS NULL OR household_id = ${householdId})
        AND (${tag}::text IS NULL OR tags @> ARRAY[${tag}])
        AND (${country}::text IS NULL OR country = ${country})
        AND (${version}::text IS NULL OR firmware_version = ${version})
      ORDER BY id LIMIT ${limit + 1}`.execute(db);
    return rows;
  }

  async countOfModel(db: Db, model: string): Promise<number> {
    const { rows } = await sql<{ count: number }>`SELECT count(*) AS count FROM device WHERE model = ${model}`.execute(
      db,
    );
    return rows[0]?.count ?? 0;
  }

  async counts(db: Db): Promise<{ model: string; total: number; online: number }[]> {
    const { rows } = await sql<{ model: string; total: number; online: number }>`
      SELECT model, count(*) AS total, count(*) FILTER (WHERE online) AS online FROM device GROUP BY model ORDER BY model`.execute(
      db,
    );
    return rows;
  }

  async setBlocked(tx: Db, key: number, blockedAtMs: number | null): Promise<void> {
    await sql`UPDATE device SET blocked_at_ms = ${blockedAtMs} WHERE key = ${key}`.execute(tx);
  }

  /** @returns the version that it is now; null where another one is there than the one that was changed */
  async setDesired(
    tx: Db,
    key: number,
    state: Record<string, unknown>,
    { createdAtMs, createdBy }: { createdAtMs: number; createdBy: string },
    basedOn: number | undefined,
  ): Promise<number | null> {
    const { rows } = await sql<{ desired_version: number }>`
      UPDATE device SET desired = ${JSON.stringify(state)}::jsonb, desired_version = desired_version + 1,
        desired_at_ms = ${createdAtMs}, desired_by = ${createdBy}
      WHERE key = ${key} AND desired_version = coalesce(${basedOn ?? null}::bigint, desired_version)
      RETURNING desired_version`.execute(tx);
    return rows[0]?.desired_version ?? null;
  }

  /** Whose desired state there is; null where nobody wanted anything yet. */
  async newestDesired(db: Db, key: number): Promise<Newest | null> {
    const { rows } = await sql<Newest>`
      SELECT desired_version AS version, coalesce(desired_at_ms, created_at_ms) AS "atMs", coalesce(desired_by, 'system') AS by
      FROM device WHERE key = ${key} AND desired_version > 0`.execute(db);
    return rows[0] ?? null;
  }

  async desired(
    db: Db,
    ids: readonly string[],
  ): Promise<Pick<DeviceRow, "id" | "desired" | "desired_version" | "tenure">[]> {
    const { rows } = await sql<DeviceRow>`
      SELECT id, desired, desired_version, tenure FROM device WHERE id = ANY(${ids}::text[]) AND desired_version > 0`.execute(
      db,
    );
    return rows;
  }

  /** The reported state of some devices, locked until the transaction ends. */
  async lockReported(tx: Db, keys: readonly number[]): Promise<Map<number, ReportedState>> {
    const { rows } = await sql<{ key: number; reported: ReportedState }>`
      SELECT key, reported FROM device WHERE key = ANY(${keys}::int[]) ORDER BY key FOR UPDATE`.execute(tx);
    return new Map(rows.map((row) => [row.key, row.reported]));
  }

  /**
   * Replaces reported states, and with them the facts that targets ask for. What did not change does not count as changed.
   *
   * @returns whose appliances changed
   */
  async writeReported(tx: Db, states: ReadonlyMap<number, ReportedState>, nowMs: number): Promise<(string | null)[]> {
    const rows = [...states].map(([key, reported]) => {
      const facts = factsOf(reported);
      return {
        key,
        reported,
        hardware: facts.hardware,
        firmware_version: facts.firmwareVersion,
        firmware_parts: facts.firmwareParts,
        release_counter: facts.releaseCounter,
        locale: facts.locale,
        time_zone: facts.timeZone,
      };
    });
    const { rows: written } = await sql<{ household_id: string | null; facts_at_ms: number }>`
      UPDATE device d SET reported = r.reported, hardware = r.hardware, firmware_version = r.firmware_version,
        firmware_parts = r.firmware_parts, release_counter = r.release_counter, locale = r.locale, time_zone = r.time_zone,
        facts_at_ms = CASE
          WHEN (d.hardware, d.firmware_version, d.release_counter, d.locale, d.time_zone)
            IS DISTINCT FROM (r.hardware, r.firmware_version, r.release_counter, r.locale, r.time_zone) THEN ${nowMs}
          ELSE d.facts_at_ms END
      FROM json_to_recordset(${JSON.stringify(rows)}::json) AS r(key int, reported jsonb, hardware text, firmware_version text,
        firmware_parts int[], release_counter int, locale text, time_zone text)
      WHERE d.key = r.key RETURNING d.household_id, d.facts_at_ms`.execute(tx);
    return written.flatMap((row) => (row.facts_at_ms === nowMs ? [row.household_id] : []));
  }

  async insertPresence(tx: Db, facts: readonly PresenceFact[]): Promise<void> {
    const rows = facts.map((fact) => ({
      device_key: fact.device.key,
      at_ms: fact.receivedAtMs,
      gateway_id: fact.gatewayId,
      boot_id: fact.presence.bootId,
      connection_id: fact.presence.connectionId,
      state: fact.presence.state,
      reason: fact.presence.reason ?? null,
      limit_value: fact.presence.limit ?? null,
      address: fact.presence.address ?? null,
      via: fact.presence.via ?? null,
      login: fact.presence.login ?? null,
    }));
    await sql`
      INSERT INTO presence_change
        (device_key, at_ms, gateway_id, boot_id, connection_id, state, reason, limit_value, address, via, login)
      SELECT * FROM json_to_recordset(${JSON.stringify(rows)}::json)
        AS r(device_key int, at_ms bigint, gateway_id text, boot_id text, connection_id bigint, state text, reason text,
             limit_value bigint, address text, via text, login text)
      ON CONFLICT DO NOTHING`.execute(tx);
  }

  /**
   * The newest connection of each device decides; a disconnect counts only for that connection. Being held back ends with either.
   *
   * @param facts one for each device. `cameNow`: its connection began in the same batch, so that no row knows of it yet
   */
  async applyPresence(tx: Db, facts: readonly (PresenceFact & { cameNow: boolean })[]): Promise<void> {
    if (facts.length === 0) return;
    const rows = facts.map((fact) => ({
      key: fact.device.key,
      online: fact.presence.state === "connected",
      gateway_id: fact.gatewayId,
      boot_id: fact.presence.bootId,
      connection_id: fact.presence.connectionId,
      at_ms: fact.receivedAtMs,
      came_now: fact.cameNow,
    }));
    await sql`
      UPDATE device SET online = r.online, gateway_id = r.gateway_id, boot_id = r.boot_id,
                        connection_id = r.connection_id, presence_at_ms = r.at_ms,
                        held_since_ms = NULL, held_reason = NULL, held_limit = NULL
      FROM json_to_recordset(${JSON.stringify(rows)}::json)
        AS r(key int, online boolean, gateway_id text, boot_id text, connection_id bigint, at_ms bigint, came_now boolean)
      WHERE device.key = r.key
        AND (device.boot_id IS DISTINCT FROM r.boot_id OR device.connection_id IS NULL OR r.connection_id >= device.connection_id)
        AND (r.online OR r.came_now OR (device.boot_id = r.boot_id AND device.connection_id = r.connection_id))`.execute(
      tx,
    );
  }

  /** When a device without a connection was heard of last, where that was not just now. */
  async noteSeen(db: Db, key: number, nowMs: number, notSinceMs: number): Promise<void> {
    await sql`
      UPDATE device SET presence_at_ms = ${nowMs}
      WHERE key = ${key} AND NOT online AND (presence_at_ms IS NULL OR presence_at_ms <= ${notSinceMs})`.execute(db);
  }

  /** Of each device one word at most; it counts for the connection that is there. */
  async applyHeld(tx: Db, facts: readonly PresenceFact[]): Promise<void> {
    if (facts.length === 0) return;
    const rows = facts.map(({ device, receivedAtMs, presence }) => ({
      key: device.key,
      boot_id: presence.bootId,
      connection_id: presence.connectionId,
      ...(presence.state === "held"
        ? { since_ms: receivedAtMs, reason: presence.reason ?? null, limit_value: presence.limit ?? null }
        : { since_ms: null, reason: null, limit_value: null }),
    }));
    await sql`
      UPDATE device SET held_since_ms = r.since_ms, held_reason = r.reason, held_limit = r.limit_value
      FROM json_to_recordset(${JSON.stringify(rows)}::json)
        AS r(key int, boot_id text, connection_id bigint, since_ms bigint, reason text, limit_value bigint)
      WHERE device.key = r.key AND device.online
        AND device.boot_id = r.boot_id AND device.connection_id = r.connection_id`.execute(tx);
  }

  /** A new boot of a gateway ends every connection of its earlier ones. */
  async endOtherBoots(tx: Db, gatewayId: string, bootId: string, nowMs: number): Promise<void> {
    await sql`
      UPDATE device SET online = false, presence_at_ms = ${nowMs},
                        held_since_ms = NULL, held_reason = NULL, held_limit = NULL
      WHERE online AND gateway_id = ${gatewayId} AND boot_id IS DISTINCT FROM ${bootId}`.execute(tx);
  }

  async presenceTimeline(db: Db, deviceKey: number, page: TimelinePage): Promise<PresenceRow[]> {
    const { rows } = await sql<PresenceRow>`
      SELECT at_ms, boot_id, connection_id, state, reason, limit_value FROM presence_change
      WHERE device_key = ${deviceKey} AND at_ms < ${page.beforeMs} AND at_ms >= ${pageSinceMs(page)}
      ORDER BY at_ms DESC LIMIT ${page.limit}`.execute(db);
    return rows;
  }
}

export interface PresenceRow {
  at_ms: number;
  boot_id: string;
  connection_id: number;
  state: string;
  reason: string | null;
  limit_value: number | null;
}
