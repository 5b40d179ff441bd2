import { createHash } from "node:crypto";
import { sql } from "kysely";
import { type Merged, moveRows, moveRowsBack, type Unmerged } from "../households/households.ts";
import { affected, type Db } from "../platform/database.ts";
import type { CountedAct, CountedKind } from "./core/acts.ts";
import { type ProfileRow, profileColumns } from "./core/profile.ts";

/** The day in each zone that households live in. */
export interface ZoneDays {
  zones: string[];
  todays: number[];
}

const names = Object.keys(profileColumns);
const columnList = sql.raw(names.join(", "));
const recordColumns = sql.raw(
  ["household_id uuid", ...Object.entries(profileColumns).map(([name, type]) => `${name} ${type}`)].join(", "),
);
const assignments = sql.raw(names.map((name) => `${name} = r.${name}`).join(", "));

/** The identity of an act's source, as it lies in the table. */
const identityOf = (source: string): string => createHash("md5").update(source).digest("hex");

/** Before the first household. */
const nobodyYet = "00000000-0000-0000-0000-000000000000";

/** Profiles and the acts that they count: the SQL of these tables. */
export class ProfilesStore {
  async read(db: Db, ids: readonly string[]): Promise<ProfileRow[]> {
    if (ids.length === 0) return [];
    const { rows } = await sql<ProfileRow>`
      SELECT * FROM household_profile WHERE household_id = ANY(${[...ids]}::uuid[])`.execute(db);
    return rows;
  }

  /** Profiles, held until the transaction ends. Always in the order of ids, so that two who hold several never wait in a ring. */
  async hold(tx: Db, ids: readonly string[]): Promise<ProfileRow[]> {
    if (ids.length === 0) return [];
    const { rows } = await sql<ProfileRow>`
      SELECT * FROM household_profile WHERE household_id = ANY(${[...ids]}::uuid[])
      ORDER BY household_id FOR UPDATE`.execute(tx);
    return rows;
  }

  /** Makes profiles; those that are there already stay. */
  async insert(tx: Db, profiles: readonly ProfileRow[]): Promise<void> {
    if (profiles.length === 0) return;
    await sql`
      INSERT INTO household_profile (household_id, ${columnList})
      SELECT household_id, ${columnList} FROM json_to_recordset(${JSON.stringify(profiles)}::json) AS r(${recordColumns})
      ORDER BY household_id ON CONFLICT DO NOTHING`.execute(tx);
  }

  async write(tx: Db, profiles: readonly ProfileRow[]): Promise<void> {
    if (profiles.length === 0) return;
    await sql`
      UPDATE household_profile p SET ${assignments}
      FROM json_to_recordset(${JSON.stringify(profiles)}::json) AS r(${recordColumns})
      WHERE p.household_id = r.household_id`.execute(tx);
  }

  /** Only the day on which they are next looked at. */
  async writeDue(tx: Db, profiles: readonly ProfileRow[]): Promise<void> {
    if (profiles.length === 0) return;
    const rows = profiles.map(({ household_id, due_day }) => ({ household_id, due_day }));
    await sql`
      UPDATE household_profile p SET due_day = r.due_day
      FROM json_to_recordset(${JSON.stringify(rows)}::json) AS r(household_id uuid, due_day int)
      WHERE p.household_id = r.household_id`.execute(tx);
  }

  /** Keeps acts, and returns those that were not kept before. */
  async recordActs(tx: Db, acts: readonly CountedAct[]): Promise<CountedAct[]> {
    if (acts.length === 0) return [];
    const byIdentity = new Map(acts.map((act) => [`${act.householdId} ${identityOf(act.source)}`, act]));
    const rows = [...byIdentity.values()].map(({ householdId, source, kind, atMs, said, amount }) => ({
      household_id: householdId,
      identity: identityOf(source),
      kind,
      at_ms: atMs,
      said,
      amount,
    }));
    const { rows: inserted } = await sql<{ household_id: string; identity: string }>`
      INSERT INTO household_act (household_id, identity, kind, at_ms, said, amount)
      SELECT household_id, identity, kind, at_ms, said, amount FROM json_to_recordset(${JSON.stringify(rows)}::json)
        AS r(household_id uuid, identity uuid, kind text, at_ms bigint, said text, amount int)
      ON CONFLICT DO NOTHING RETURNING household_id, replace(identity::text, '-', '') AS identity`.execute(tx);
    return inserted.flatMap(({ household_id, identity }) => byIdentity.get(`${household_id} ${identity}`) ?? []);
  }

  /** All that was counted for some households. */
  async actsOf(db: Db, ids: readonly string[]): Promise<CountedAct[]> {
    const { rows } = await sql<{
      household_id: string;
      identity: string;
      kind: CountedKind;
      at_ms: number;
      said: string | null;
      amount: number | null;
    }>`
      SELECT household_id, identity, kind, at_ms, said, amount FROM household_act
      WHERE household_id = ANY(${[...ids]}::uuid[])`.execute(db);
    return rows.map(({ household_id, identity, at_ms, ...act }) => ({
      ...act,
      householdId: household_id,
      source: identity,
      atMs: at_ms,
    }));
  }

  /** What one household did is another's from now on. What both have done is the same act, and stays with both. */
  mergeActs(tx: Db, merge: Merged): Promise<void> {
    return moveRows(tx, "household_act", merge, "identity");
  }

  unmergeActs(tx: Db, merge: Unmerged): Promise<void> {
    return moveRowsBack(tx, "household_act", merge, "identity");
  }

  async zones(db: Db): Promise<string[]> {
    // From one zone to the next in the index: there are few zones and many households.
    const { rows } = await sql<{ zone: string }>`
      WITH RECURSIVE zones AS (
        (SELECT time_zone AS zone FROM household_profile ORDER BY time_zone LIMIT 1)
        UNION ALL
        SELECT (SELECT p.time_zone FROM household_profile p WHERE p.time_zone > zones.zone ORDER BY p.time_zone LIMIT 1)
        FROM zones WHERE zones.zone IS NOT NULL)
      SELECT zone FROM zones WHERE zone IS NOT NULL`.execute(db);
    return rows.map(({ zone }) => zone);
  }

  /** Profiles whose day has come, held; those that somebody else holds come another time. */
  async holdDue(tx: Db, { zones, todays }: ZoneDays, limit: number): Promise<ProfileRow[]> {
    const { rows } = await sql<ProfileRow>`
      SELECT p.* FROM unnest(${zones}::text[], ${todays}::int[]) AS z(zone, today)
      JOIN household_profile p ON p.time_zone = z.zone AND p.due_day <= z.today
      LIMIT ${limit} FOR UPDATE OF p SKIP LOCKED`.execute(tx);
    return rows;
  }

  async holdStale(tx: Db, limit: number): Promise<ProfileRow[]> {
    const { rows } = await sql<ProfileRow>`
      SELECT * FROM household_profile WHERE is_stale LIMIT ${limit} FOR UPDATE SKIP LOCKED`.execute(tx);
    return rows;
  }

  /** All profiles with appliances of a model are to be looked at; where that is under way already, from the beginning. */
  async askRefresh(tx: Db, model: string): Promise<void> {
    await sql`
      INSERT INTO profile_refresh (model, looked_to) VALUES (${model}, ${nobodyYet})
      ON CONFLICT (model) DO UPDATE SET looked_to = EXCLUDED.looked_to`.execute(tx);
  }

  /**
   * Holds the next piece of one model's profiles, and notes that it was looked at.
   *
   * @param limit how many profiles are gone through, whether or not they have such an appliance
   * @returns those that have one; null where nothing is left to do
   */
  async holdRefresh(tx: Db, limit: number): Promise<ProfileRow[] | null> {
    const { rows: asked } = await sql<{ model: string; looked_to: string }>`
      SELECT model, looked_to FROM profile_refresh ORDER BY model LIMIT 1 FOR UPDATE SKIP LOCKED`.execute(tx);
    const [refresh] = asked;
    if (refresh === undefined) return null;
    const { rows: piece } = await sql<{ household_id: string; has: boolean }>`
      SELECT household_id, ${refresh.model} = ANY(models) AS has FROM household_profile
      WHERE household_id > ${refresh.looked_to} ORDER BY household_id LIMIT ${limit} FOR UPDATE`.execute(tx);
    const last = piece.at(-1);
    await (piece.length < limit || last === undefined
      ? sql`DELETE FROM profile_refresh WHERE model = ${refresh.model}`.execute(tx)
      : sql`UPDATE profile_refresh SET looked_to = ${last.household_id} WHERE model = ${refresh.model}`.execute(tx));
    const having = piece.filter(({ has }) => has).map(({ household_id }) => household_id);
    return this.read(tx, having);
  }

  async count(db: Db): Promise<number> {
    const { rows } = await sql<{ n: number }>`SELECT count(*) AS n FROM household_profile`.execute(db);
    return rows[0]?.n ?? 0;
  }

  async remove(tx: Db, ids: readonly string[], what: "profile" | "profile_and_acts"): Promise<number> {
    const acts =
      what === "profile"
        ? 0
        : await affected(tx)`DELETE FROM household_act WHERE household_id = ANY(${[...ids]}::uuid[])`;
    return acts + (await affected(tx)`DELETE FROM household_profile WHERE household_id = ANY(${[...ids]}::uuid[])`);
  }

  /** Acts of a household in the order of their identity, for its export. */
  async actsPage(db: Db, householdId: string, after: string | null, limit: number) {
    const { rows } = await sql<{
      identity: string;
      kind: string;
      at_ms: number;
      said: string | null;
      amount: number | null;
    }>`
      SELECT identity, kind, at_ms, said, amount FROM household_act
      WHERE household_id = ${householdId} AND (${after}::uuid IS NULL OR identity > ${after}::uuid)
      ORDER BY identity LIMIT ${limit}`.execute(db);
    return rows;
  }
}
