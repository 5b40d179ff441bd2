import { sql } from "kysely";
import { deviceFacts, type DeviceRef } from "../devices/devices.ts";
import type { UnitSystem } from "#protocol/units.ts";
import { amongIds, type Db } from "../platform/database.ts";
import { beginsWith } from "../platform/search-term.ts";
import type { OwnerRole } from "../staff/staff.ts";
import type {
  ChannelPreferences,
  QuietHours,
  Household,
  HouseholdReach,
  ListedHousehold,
  Member,
} from "./core/household.ts";

/** Which households a list shows. */
export interface HouseholdFilter {
  /** The beginning of a name of the household or of one of its members; null: any. */
  q: string | null;
  /** With an appliance, without one; null: both. */
  isProspect: boolean | null;
  beforeId: string | null;
  limit: number;
}

interface HouseholdRow {
  id: string;
  name: string;
  locale: string;
  time_zone: string;
  channels: ChannelPreferences;
  units: UnitSystem | null;
  members: Member[];
  created_at_ms: number;
  merged_into: string | null;
}

type ReachRow = Pick<HouseholdRow, "id" | "locale" | "units" | "time_zone" | "channels">;

export interface MemberRow {
  id: string;
  household_id: string;
  role: OwnerRole;
  has_key: boolean;
}

const toHousehold = (row: HouseholdRow): Household => ({
  id: row.id,
  name: row.name,
  locale: row.locale,
  timeZone: row.time_zone,
  channels: row.channels,
  units: row.units,
  members: row.members,
  createdAtMs: row.created_at_ms,
  mergedInto: row.merged_into,
});

const membersOf = sql`coalesce((
  SELECT json_agg(json_build_object('id', m.id, 'name', m.name, 'email', m.email, 'role', m.role) ORDER BY m.id)
  FROM household_member m WHERE m.household_id = h.id), '[]')`;

interface ZoneRow {
  id: string;
  time_zone: string;
  locale: string;
  units: UnitSystem | null;
  merged_into: string | null;
}

export const householdFacts = sql`(SELECT id, locale, time_zone FROM household)`;

/** The households slice's SQL, and the only code that touches its tables. */
export class HouseholdsStore {
  async insert(tx: Db, household: Household): Promise<void> {
    const { id, name, locale, timeZone, channels, units, createdAtMs } = household;
    await sql`INSERT INTO household (id, name, locale, time_zone, channels, units, created_at_ms)
      VALUES (${id}, ${name}, ${locale}, ${timeZone}, ${JSON.stringify(channels)}::jsonb, ${units}, ${createdAtMs})`.execute(
      tx,
    );
  }

  async update(tx: Db, household: Household): Promise<void> {
    const { id, name, locale, timeZone, channels, units } = household;
    await sql`UPDATE household
      SET name = ${name}, locale = ${locale}, time_zone = ${timeZone}, channels = ${JSON.stringify(channels)}::jsonb,
        units = ${units}
      WHERE id = ${id}`.execute(tx);
  }

  async get(db: Db, id: string): Promise<Household | null> {
    const { rows } = await sql<HouseholdRow>`
      SELECT h.*, ${membersOf} AS members FROM household h WHERE h.id = ${id}`.execute(db);
    return rows.map(toHousehold)[0] ?? null;
  }

  /** The household, held until the transaction ends, so that two changes of it follow one another. */
  async idsAfter(db: Db, afterId: string | null, limit: number): Promise<string[]> {
    const { rows } = await sql<{ id: string }>`
      SELECT id FROM household WHERE ${afterId}::uuid IS NULL OR id > ${afterId}::uuid ORDER BY id LIMIT ${limit}`.execute(
      db,
    );
    return rows.map(({ id }) => id);
  }

  async getForChange(tx: Db, id: string): Promise<Household | null> {
    await sql`SELECT 1 FROM household WHERE id = ${id} FOR UPDATE`.execute(tx);
    return this.get(tx, id);
  }

  /** Newest first. Those that became part of another are left out. */
  async list(db: Db, { q, isProspect, beforeId, limit }: HouseholdFilter): Promise<ListedHousehold[]> {
    const begins = q === null ? null : beginsWith(q.toLowerCase());
    const { rows } = await sql<HouseholdRow & { devices: number }>`
      SELECT h.*, ${membersOf} AS members, d.devices FROM household h
      CROSS JOIN LATERAL (
        SELECT count(*) AS devices FROM ${deviceFacts(householdFacts)} d WHERE d.household_id = h.id) AS d
      WHERE h.merged_into IS NULL AND (${beforeId}::uuid IS NULL OR h.id < ${beforeId})
        AND (${begins}::text IS NULL OR lower(h.name) LIKE ${begins} OR h.id IN (
          SELECT household_id FROM household_member WHERE lower(name) LIKE ${begins} OR lower(email) LIKE ${begins}))
        AND (${isProspect}::boolean IS NULL OR (d.devices = 0) = ${isProspect})
      ORDER BY h.id DESC LIMIT ${limit}`.execute(db);
    return rows.map((row) => ({ ...toHousehold(row), devices: row.devices }));
  }

  /** How households are reached. The appliances of one are in the order of their keys. */
  async reach(db: Db, ids: readonly string[]): Promise<Map<string, HouseholdReach>> {
    if (ids.length === 0) return new Map();
    const { rows } = await sql<ReachRow>`
      SELECT id, locale, units, time_zone, channels FROM household WHERE id = ${amongIds(ids)}`.execute(db);
    const found = new Map(
      rows.map(({ id, locale, units, time_zone: timeZone, channels }): [string, HouseholdReach] => [
        id,
        { locale, units, timeZone, channels, members: [], devices: [] },
      ]),
    );
    const { rows: members } = await sql<{ household_id: string; id: string; name: string; email: string | null }>`
      SELECT household_id, id, name, email FROM household_member WHERE household_id = ${amongIds(ids)} ORDER BY id`.execute(
      db,
    );
    for (const { household_id: householdId, ...member } of members) found.get(householdId)?.members.push(member);
    const { rows: devices } = await sql<DeviceRef & { householdId: string }>`
      SELECT key, id, model, household_id AS "householdId", household_since_ms AS "householdSinceMs"
      FROM ${deviceFacts(householdFacts)} d WHERE household_id = ${amongIds(ids)} ORDER BY key`.execute(db);
    for (const device of devices) found.get(device.householdId)?.devices.push(device);
    return found;
  }

  /** @param keySha256 of the member's key; null for one whom staff enters */
  async insertMember(
    tx: Db,
    householdId: string,
    { id, name, email, role }: Member,
    keySha256: Buffer | null,
    atMs: number,
  ): Promise<void> {
    await sql`INSERT INTO household_member (id, household_id, name, email, role, key_sha256, created_at_ms)
      VALUES (${id}, ${householdId}, ${name}, ${email}, ${role}, ${keySha256}, ${atMs})`.execute(tx);
  }

  async memberOfKey(db: Db, keySha256: Buffer): Promise<MemberRow | null> {
    const { rows } = await sql<MemberRow>`
      SELECT id, household_id, role, true AS has_key FROM household_member WHERE key_sha256 = ${keySha256}`.execute(db);
    return rows[0] ?? null;
  }

  async member(db: Db, householdId: string, memberId: string): Promise<MemberRow | null> {
    const { rows } = await sql<MemberRow>`
      SELECT id, household_id, role, key_sha256 IS NOT NULL AS has_key FROM household_member
      WHERE id = ${memberId} AND household_id = ${householdId}`.execute(db);
    return rows[0] ?? null;
  }

  async removeMember(tx: Db, memberId: string): Promise<void> {
    await sql`DELETE FROM household_member WHERE id = ${memberId}`.execute(tx);
  }

  async setKey(tx: Db, memberId: string, keySha256: Buffer): Promise<void> {
    await sql`UPDATE household_member SET key_sha256 = ${keySha256} WHERE id = ${memberId}`.execute(tx);
  }

  /** Two statements, since a household never has two owners, not even for a moment. */
  async moveOwnership(tx: Db, fromId: string, toId: string): Promise<void> {
    await sql`UPDATE household_member SET role = 'member' WHERE id = ${fromId}`.execute(tx);
    await sql`UPDATE household_member SET role = 'owner' WHERE id = ${toId}`.execute(tx);
  }

  async zones(db: Db, ids: readonly string[]): Promise<ZoneRow[]> {
    const { rows } = await sql<ZoneRow>`
      SELECT id, time_zone, locale, units, merged_into FROM household WHERE id = ${amongIds(ids)}`.execute(db);
    return rows;
  }

  async quietHours(db: Db, ids: readonly string[]): Promise<{ id: string; time_zone: string; quiet: QuietHours }[]> {
    const { rows } = await sql<{ id: string; time_zone: string; quiet: QuietHours }>`
      SELECT id, time_zone, channels -> 'quiet' AS quiet FROM household
      WHERE id = ${amongIds(ids)} AND jsonb_typeof(channels -> 'quiet') = 'object'`.execute(db);
    return rows;
  }
}
