import { type RawBuilder, sql } from "kysely";
import { affected, type Db } from "../platform/database.ts";
import type { FactColumns, Predicate } from "../platform/predicate/predicate.ts";
import type { Turn } from "./core/moves.ts";
import type { SegmentDefinition } from "./core/segment.ts";
import type { ZoneDays } from "./profiles-store.ts";

export interface SegmentRow {
  key: number;
  id: string;
  version: number;
  definition: SegmentDefinition;
  changed_at_ms: number;
  changed_by: string;
  filled_to: string | null;
  members: number;
}

export interface Coming {
  segmentKey: number;
  householdId: string;
}

const nobodyYet = "00000000-0000-0000-0000-000000000000";

const zonesOf = ({ zones, todays }: ZoneDays): RawBuilder<unknown> =>
  sql`unnest(${zones}::text[], ${todays}::int[]) AS z(zone, today)`;

/** The first day after today on which one of these turns, as `dueDay` in memory says. */
function dueDayOf(turns: readonly Turn[]): RawBuilder<number | null> {
  const days = turns.flatMap(({ from, at, everyDay }): RawBuilder<unknown>[] => {
    if (from.kind === "types_in_days")
      return [
        sql`(SELECT min(day + ${from.days}::int) FROM unnest(p.outside_type_days) AS t(day)
          WHERE day + ${from.days}::int > z.today)`,
      ];
    const column = sql.ref(`p.${from.column}`);
    const each = at.map((turn) =>
      from.kind === "days_since"
        ? sql`${column} + ${turn}::int`
        : sql`${column}[cardinality(${column}) - ${turn}::int + 1] + ${from.days}::int`,
    );
    return everyDay ? [sql`z.today + 1`, ...each] : each;
  });
  if (days.length === 0) return sql`NULL::int`;
  return sql`least(${sql.join(days.map((day) => sql`CASE WHEN ${day} > z.today THEN ${day} END`))})`;
}

/** Segments, who is in them, and how many: the SQL of these tables. */
export class SegmentsStore {
  readonly #columns: FactColumns;

  constructor(columns: FactColumns) {
    this.#columns = columns;
  }

  /** All segments with what came and went since it was last folded. */
  async list(db: Db, id: string | null = null): Promise<SegmentRow[]> {
    const { rows } = await sql<SegmentRow>`
      SELECT s.key, s.id, s.version, s.definition, s.changed_at_ms, s.changed_by, s.filled_to,
        s.members + coalesce((SELECT sum(delta) FROM segment_change c WHERE c.segment_key = s.key), 0)::bigint AS members
      FROM segment s WHERE ${id}::text IS NULL OR s.id = ${id} ORDER BY s.id`.execute(db);
    return rows;
  }

  /** All segments, held: who changes one waits for who changes another. */
  async listForChange(tx: Db): Promise<SegmentRow[]> {
    await sql`LOCK TABLE segment IN SHARE ROW EXCLUSIVE MODE`.execute(tx);
    return this.list(tx);
  }

  /** Makes a segment or its next version. @param refill everybody is looked at anew */
  async put(tx: Db, segment: Omit<SegmentRow, "key" | "filled_to" | "members">, refill: boolean): Promise<number> {
    const definition = JSON.stringify(segment.definition);
    const { id, version, changed_at_ms, changed_by } = segment;
    const { rows } = await sql<{ key: number }>`
      INSERT INTO segment AS s (id, version, definition, changed_at_ms, changed_by)
      VALUES (${id}, ${version}, ${definition}::jsonb, ${changed_at_ms}, ${changed_by})
      ON CONFLICT (id) DO UPDATE SET version = EXCLUDED.version, definition = EXCLUDED.definition,
        changed_at_ms = EXCLUDED.changed_at_ms, changed_by = EXCLUDED.changed_by,
        filled_to = CASE WHEN ${refill} THEN ${nobodyYet}::uuid ELSE s.filled_to END
      RETURNING key`.execute(tx);
    const key = rows[0]?.key ?? 0;
    await sql`
      INSERT INTO segment_version (segment_key, segment_id, version, definition, changed_at_ms, changed_by)
      VALUES (${key}, ${id}, ${version}, ${definition}::jsonb, ${changed_at_ms}, ${changed_by})`.execute(tx);
    return key;
  }

  async versions(db: Db, key: number, limit: number) {
    const { rows } = await sql<Pick<SegmentRow, "version" | "definition" | "changed_at_ms" | "changed_by">>`
      SELECT version, definition, changed_at_ms, changed_by FROM segment_version WHERE segment_key = ${key}
      ORDER BY version DESC LIMIT ${limit}`.execute(db);
    return rows;
  }

  /** Nobody is in it from now on; the rows of its members go later, in steps. */
  async remove(tx: Db, key: number): Promise<void> {
    await sql`DELETE FROM segment WHERE key = ${key}`.execute(tx);
    await sql`INSERT INTO segment_deleted (segment_key) VALUES (${key})`.execute(tx);
  }

  /** @returns whether there is more to remove */
  async removeMembers(tx: Db, limit: number): Promise<boolean> {
    const { rows } = await sql<{ segment_key: number }>`
      SELECT segment_key FROM segment_deleted LIMIT 1 FOR UPDATE SKIP LOCKED`.execute(tx);
    const key = rows[0]?.segment_key;
    if (key === undefined) return false;
    const removed = await affected(tx)`DELETE FROM segment_member WHERE segment_key = ${key} AND household_id IN (
        SELECT household_id FROM segment_member WHERE segment_key = ${key} LIMIT ${limit})`;
    if (removed < limit) {
      await sql`DELETE FROM segment_change WHERE segment_key = ${key}`.execute(tx);
      await sql`DELETE FROM segment_day WHERE segment_key = ${key}`.execute(tx);
      await sql`DELETE FROM segment_deleted WHERE segment_key = ${key}`.execute(tx);
    }
    return true;
  }

  /** Which of some segments some households are in. */
  async membershipsOf(db: Db, householdIds: readonly string[], keys: readonly number[]): Promise<Coming[]> {
    const { rows } = await sql<Coming>`
      SELECT segment_key AS "segmentKey", household_id AS "householdId" FROM segment_member
      WHERE household_id = ANY(${[...householdIds]}::uuid[]) AND segment_key = ANY(${[...keys]}::int[])`.execute(db);
    return rows;
  }

  async enter(tx: Db, who: readonly Coming[], nowMs: number): Promise<void> {
    if (who.length === 0) return;
    await sql`
      INSERT INTO segment_member (segment_key, household_id, since_ms)
      SELECT segment_key, household_id, ${nowMs}
      FROM unnest(${who.map((one) => one.segmentKey)}::int[], ${who.map((one) => one.householdId)}::uuid[])
        AS r(segment_key, household_id)
      ON CONFLICT DO NOTHING`.execute(tx);
  }

  async leave(tx: Db, who: readonly Coming[]): Promise<void> {
    if (who.length === 0) return;
    await sql`
      DELETE FROM segment_member m
      USING unnest(${who.map((one) => one.segmentKey)}::int[], ${who.map((one) => one.householdId)}::uuid[])
        AS r(segment_key, household_id)
      WHERE m.segment_key = r.segment_key AND m.household_id = r.household_id`.execute(tx);
  }

  /** Notes by how much segments grew or shrank. */
  async noteChanges(tx: Db, deltas: ReadonlyMap<number, number>): Promise<void> {
    const changed = [...deltas].filter(([, delta]) => delta !== 0);
    if (changed.length === 0) return;
    await sql`
      INSERT INTO segment_change (segment_key, delta)
      SELECT * FROM unnest(${changed.map(([key]) => key)}::int[], ${changed.map(([, delta]) => delta)}::int[])`.execute(
      tx,
    );
  }

  /** Adds up what came and went, and writes today's size of each segment that moved or has none yet. */
  async foldChanges(tx: Db, day: string): Promise<void> {
    await sql`
      WITH gone AS (DELETE FROM segment_change RETURNING segment_key, delta),
        sums AS (SELECT segment_key, sum(delta) AS delta FROM gone GROUP BY 1)
      UPDATE segment s SET members = s.members + sums.delta FROM sums WHERE sums.segment_key = s.key`.execute(tx);
    await sql`
      INSERT INTO segment_day AS d (segment_key, day, members) SELECT key, ${day}::date, members FROM segment
      ON CONFLICT (segment_key, day) DO UPDATE SET members = EXCLUDED.members WHERE d.members <> EXCLUDED.members`.execute(
      tx,
    );
  }

  /** Sizes by day, the oldest first. */
  async trend(db: Db, keys: readonly number[], sinceDay: string) {
    const { rows } = await sql<{ segment_key: number; day: string; members: number }>`
      SELECT segment_key, day::text AS day, members FROM segment_day
      WHERE segment_key = ANY(${[...keys]}::int[]) AND day >= ${sinceDay}::date ORDER BY day`.execute(db);
    return rows;
  }

  /**
   * Looks at the next households of a segment that is filled: one statement over so many of them. They are held, so that who changes one of
   * them meanwhile is either seen here or sees the segment.
   *
   * @returns whether all of them have been looked at
   */
  async fill(
    tx: Db,
    segment: { key: number; version: number; predicate: Predicate; turns: readonly Turn[] },
    days: ZoneDays,
    nowMs: number,
    limit: number,
  ): Promise<"more" | "done"> {
    const { key, version, predicate, turns } = segment;
    const { rows } = await sql<{ looked: number; unknown: number; filled_to: string | null }>`
      WITH own AS (SELECT filled_to FROM segment WHERE key = ${key} AND version = ${version} FOR UPDATE),
      chunk AS MATERIALIZED (
        SELECT p.* FROM household_profile p WHERE p.household_id > (SELECT filled_to FROM own)
        ORDER BY p.household_id LIMIT ${limit} FOR UPDATE),
      judged AS MATERIALIZED (
        SELECT p.household_id, z.zone, ${predicate.where(this.#columns)} AS matches, ${dueDayOf(turns)} AS due
        FROM chunk p LEFT JOIN ${zonesOf(days)} ON z.zone = p.time_zone),
      came AS (
        INSERT INTO segment_member (segment_key, household_id, since_ms)
        SELECT ${key}::int, household_id, ${nowMs}::bigint FROM judged WHERE matches
        ON CONFLICT DO NOTHING RETURNING 1),
      went AS (
        DELETE FROM segment_member m USING judged j
        WHERE m.segment_key = ${key} AND m.household_id = j.household_id AND NOT j.matches RETURNING 1),
      sooner AS (
        UPDATE household_profile p SET due_day = j.due FROM judged j
        WHERE p.household_id = j.household_id AND (p.due_day IS NULL OR j.due < p.due_day) AND j.due IS NOT NULL),
      moved AS (
        INSERT INTO segment_change (segment_key, delta)
        SELECT ${key}::int, (SELECT count(*) FROM came) - (SELECT count(*) FROM went))
      UPDATE segment s SET filled_to = CASE WHEN (SELECT count(*) FROM judged) = ${limit}
        THEN (SELECT household_id FROM judged ORDER BY household_id DESC LIMIT 1) END
      FROM own WHERE s.key = ${key} AND own.filled_to IS NOT NULL
      RETURNING (SELECT count(*) FROM judged) AS looked, (SELECT count(*) FROM judged WHERE zone IS NULL) AS unknown, s.filled_to`.execute(
      tx,
    );
    const [done] = rows;
    // A zone that somebody moved to since the days were asked for: nothing of this step holds, and the next one knows it.
    if (done !== undefined && done.unknown > 0)
      throw new Error("a household lives in a zone whose day is not known yet");
    return done === undefined || done.filled_to === null ? "done" : "more";
  }

  /** Members in the order of their ids. */
  async membersPage(db: Db, key: number, after: string | null, limit: number) {
    const { rows } = await sql<{ household_id: string; since_ms: number }>`
      SELECT household_id, since_ms FROM segment_member
      WHERE segment_key = ${key} AND (${after}::uuid IS NULL OR household_id > ${after}::uuid)
      ORDER BY household_id LIMIT ${limit}`.execute(db);
    return rows;
  }

  /** The segments that a household is in. */
  async ofHousehold(db: Db, householdId: string) {
    const { rows } = await sql<{ id: string; title: string; since_ms: number }>`
      SELECT s.id, s.definition ->> 'title' AS title, m.since_ms FROM segment_member m JOIN segment s ON s.key = m.segment_key
      WHERE m.household_id = ${householdId} ORDER BY s.id`.execute(db);
    return rows;
  }

  /** Households are in no segment any more. @returns how many memberships ended */
  async forget(tx: Db, householdIds: readonly string[]): Promise<number> {
    const { rows } = await sql<{ segment_key: number }>`
      DELETE FROM segment_member WHERE household_id = ANY(${[...householdIds]}::uuid[]) RETURNING segment_key`.execute(
      tx,
    );
    const deltas = new Map<number, number>();
    for (const { segment_key } of rows) deltas.set(segment_key, (deltas.get(segment_key) ?? 0) - 1);
    await this.noteChanges(tx, deltas);
    return rows.length;
  }

  /**
   * How many households a condition means.
   *
   * @param percent of how many of them it is asked; 100: of all
   */
  async estimate(db: Db, predicate: Predicate, days: ZoneDays, percent: number) {
    const sample = percent >= 100 ? sql`` : sql`TABLESAMPLE BERNOULLI (${percent})`;
    const { rows } = await sql<{ asked: number; matching: number }>`
      SELECT count(*) AS asked, count(*) FILTER (WHERE ${predicate.where(this.#columns)}) AS matching
      FROM household_profile p ${sample} JOIN ${zonesOf(days)} ON z.zone = p.time_zone`.execute(db);
    return rows[0] ?? { asked: 0, matching: 0 };
  }

  /** Some of the households that a condition means. */
  async sample(db: Db, predicate: Predicate, days: ZoneDays, limit: number): Promise<string[]> {
    const { rows } = await sql<{ household_id: string }>`
      SELECT p.household_id FROM household_profile p JOIN ${zonesOf(days)} ON z.zone = p.time_zone
      WHERE ${predicate.where(this.#columns)} LIMIT ${limit}`.execute(db);
    return rows.map(({ household_id }) => household_id);
  }
}

/** The members of a segment, for statements over many households: a table expression with `household_id` and `since_ms`. */
export const membersOf = (segmentId: string): RawBuilder<unknown> => sql`(
  SELECT m.household_id, m.since_ms FROM segment_member m JOIN segment s ON s.key = m.segment_key WHERE s.id = ${segmentId})`;
