import { sql } from "kysely";
import { affected, amongIds, type Db } from "../platform/database.ts";
import type { Interest } from "./core/candidate.ts";

export interface InterestRow {
  household_id: string;
  subject: string;
  saved: number;
  searched: number;
  cooked: number;
  aborted: number;
  shown: number;
  ignored: number;
  last_at_ms: number;
}

/** Subjects of one household; what comes after is not noted. */
const subjectsMax = 300;

/** The SQL of habits and interests. */
export class HabitsStore {
  /** Adds to the counts. Rows go in the order of their keys, so that two batches never wait for each other in a ring. */
  async add(tx: Db, rows: readonly InterestRow[]): Promise<void> {
    if (rows.length === 0) return;
    await sql`
      WITH given AS (
        SELECT household_id, subject, sum(saved)::int AS saved, sum(searched)::int AS searched, sum(cooked)::int AS cooked,
          sum(aborted)::int AS aborted, sum(shown)::int AS shown, sum(ignored)::int AS ignored, max(last_at_ms) AS last_at_ms
        FROM json_to_recordset(${JSON.stringify(rows)}::json) AS r(household_id uuid, subject text, saved int, searched int, cooked int,
          aborted int, shown int, ignored int, last_at_ms bigint)
        GROUP BY household_id, subject
      )
      INSERT INTO household_interest AS i (household_id, subject, saved, searched, cooked, aborted, shown, ignored, last_at_ms)
      SELECT * FROM given g
      WHERE EXISTS (SELECT FROM household_interest k WHERE k.household_id = g.household_id AND k.subject = g.subject)
        OR (SELECT count(*) FROM household_interest k WHERE k.household_id = g.household_id) < ${subjectsMax}
      ORDER BY household_id, subject
      ON CONFLICT (household_id, subject) DO UPDATE SET saved = i.saved + excluded.saved, searched = i.searched + excluded.searched,
        cooked = i.cooked + excluded.cooked, aborted = i.aborted + excluded.aborted, shown = i.shown + excluded.shown,
        ignored = i.ignored + excluded.ignored, last_at_ms = greatest(i.last_at_ms, excluded.last_at_ms)`.execute(tx);
  }

  /**
   * Adds programs that began, by the hour of the week, and notes whether one runs now.
   *
   * @param acts in the order of their time
   * @returns all counts of each household that they are of
   */
  async cooked(
    tx: Db,
    acts: readonly { householdId: string; begins: boolean; hour: number; atMs: number }[],
  ): Promise<{ household_id: string; hours: number[] }[]> {
    if (acts.length === 0) return [];
    const { rows } = await sql<{ household_id: string; hours: number[] }>`
      WITH act AS (
        SELECT "householdId" AS household_id, begins, hour, "atMs" AS at_ms
        FROM json_to_recordset(${JSON.stringify(acts)}::json)
          AS a("householdId" uuid, begins boolean, hour int, "atMs" bigint)
      ),
      added AS (
        SELECT h.household_id, array_agg(coalesce(n.n, 0) ORDER BY s.hour) AS hours
        FROM (SELECT DISTINCT household_id FROM act) h CROSS JOIN generate_series(0, 167) AS s(hour)
        LEFT JOIN (SELECT household_id, hour, count(*)::int AS n FROM act WHERE begins GROUP BY 1, 2) n
          ON n.household_id = h.household_id AND n.hour = s.hour
        GROUP BY h.household_id
      ),
      last AS (SELECT DISTINCT ON (household_id) household_id, begins, at_ms FROM act ORDER BY household_id, at_ms DESC)
      INSERT INTO household_habit AS h (household_id, hours, cooking_since_ms)
      SELECT a.household_id, a.hours, CASE WHEN l.begins THEN l.at_ms END
      FROM added a JOIN last l USING (household_id) ORDER BY a.household_id
      ON CONFLICT (household_id) DO UPDATE SET
        hours = ARRAY(SELECT x + y FROM unnest(h.hours, excluded.hours) AS u(x, y)),
        cooking_since_ms = excluded.cooking_since_ms
      RETURNING household_id, array_to_json(h.hours) AS hours`.execute(tx);
    return rows;
  }

  async noteBestHours(tx: Db, rows: readonly { householdId: string; bestHours: (number | null)[] }[]): Promise<void> {
    if (rows.length === 0) return;
    await sql`
      UPDATE household_habit h SET best_hours = ARRAY(SELECT json_array_elements_text("bestHours")::smallint)
      FROM json_to_recordset(${JSON.stringify(rows)}::json) AS r("householdId" uuid, "bestHours" json)
      WHERE h.household_id = r."householdId"`.execute(tx);
  }

  async forget(tx: Db, householdIds: readonly string[]): Promise<number> {
    const ids = [...householdIds];
    const habits = await affected(tx)`DELETE FROM household_habit WHERE household_id = ANY(${ids}::uuid[])`;
    return habits + (await affected(tx)`DELETE FROM household_interest WHERE household_id = ANY(${ids}::uuid[])`);
  }

  async habits(
    db: Db,
    householdIds: readonly string[],
  ): Promise<Map<string, { best_hours: (number | null)[]; cooking_since_ms: number | null }>> {
    if (householdIds.length === 0) return new Map();
    const { rows } = await sql<{
      household_id: string;
      best_hours: (number | null)[];
      cooking_since_ms: number | null;
    }>`
      SELECT household_id, array_to_json(best_hours) AS best_hours, cooking_since_ms FROM household_habit
      WHERE household_id = ${amongIds(householdIds)}`.execute(db);
    return new Map(rows.map((row) => [row.household_id, row]));
  }

  async interests(
    db: Db,
    householdIds: readonly string[],
    subjects: readonly string[],
  ): Promise<Map<string, Interest[]>> {
    const found = new Map<string, Interest[]>();
    if (householdIds.length === 0 || subjects.length === 0) return found;
    const { rows } = await sql<InterestRow>`
      SELECT * FROM household_interest
      WHERE household_id = ${amongIds(householdIds)} AND subject = ANY(${[...subjects]}::text[])
      ORDER BY household_id, subject`.execute(db);
    for (const { household_id: id, last_at_ms: lastAtMs, ...counts } of rows) {
      const list = found.get(id) ?? [];
      list.push({ ...counts, lastAtMs });
      found.set(id, list);
    }
    return found;
  }
}
