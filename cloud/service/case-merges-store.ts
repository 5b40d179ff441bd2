import { sql } from "kysely";
import { type Merged, moveRows, moveRowsBack, type Unmerged } from "../households/households.ts";
import type { Db } from "../platform/database.ts";
import { type CaseRow, type ServiceCase, toCase } from "./case-row.ts";

/** What goes along with a case that goes into another, and comes back with it. */
const goesAlong = ["case_entry", "diagnosis", "case_display"] as const;

/** A case that went into another. */
export interface MergedPart {
  id: string;
  title: string;
  cause: string;
  deviceKey: number | null;
  openedAtMs: number;
  mergedAtMs: number;
  mergedBy: string;
}

/** SQL of cases that went into others. */
export class CaseMergesStore {
  /** Every case that stands in one of these, the case itself first, at whatever remove. */
  async partsOf(db: Db, id: string): Promise<string[]> {
    const { rows } = await sql<{ id: string }>`
      WITH RECURSIVE part AS (
        SELECT id FROM service_case WHERE id = ${id}
        UNION ALL
        SELECT c.id FROM part JOIN service_case c ON c.merged_into_id = part.id
      )
      SELECT id FROM part`.execute(db);
    return rows.map((row) => row.id);
  }

  /** The cases that went into one, at whatever remove, as they came. */
  async parts(db: Db, id: string): Promise<MergedPart[]> {
    const { rows } = await sql<CaseRow>`
      WITH RECURSIVE part AS (
        SELECT * FROM service_case WHERE merged_into_id = ${id}
        UNION ALL
        SELECT c.* FROM part JOIN service_case c ON c.merged_into_id = part.id
      )
      SELECT * FROM part ORDER BY status_at_ms, id`.execute(db);
    return rows.map((row) => ({
      id: row.id,
      title: row.title,
      cause: row.cause,
      deviceKey: row.device_key,
      openedAtMs: row.opened_at_ms,
      mergedAtMs: row.status_at_ms,
      mergedBy: row.resolved_by ?? "",
    }));
  }

  /** Open cases that a case could go into: of its household, or of its appliance where it is nobody's. The most urgent first. */
  async candidates(db: Db, { id, householdId, deviceKey }: ServiceCase, limit: number): Promise<ServiceCase[]> {
    const theirs =
      householdId === null
        ? sql`device_key = ${deviceKey}::int AND household_id IS NULL`
        : sql`household_id = ${householdId}::uuid`;
    const { rows } = await sql<CaseRow>`
      SELECT * FROM service_case WHERE ${theirs} AND NOT is_closed AND id <> ${id}
      ORDER BY severity_rank, due_at_ms, id LIMIT ${limit}`.execute(db);
    return rows.map(toCase);
  }

  /** What was said, asked and shown in a case goes into another; of what came from elsewhere stays known where it was written. */
  async moveInto(tx: Db, from: string, into: string): Promise<void> {
    for (const table of goesAlong) {
      await sql`UPDATE ${sql.table(table)} SET case_id = ${into}, from_case_id = coalesce(from_case_id, case_id)
        WHERE case_id = ${from}`.execute(tx);
    }
  }

  /**
   * What came with a case goes back into it.
   *
   * @param parts the case and those that had gone into it before
   */
  async moveBack(tx: Db, id: string, parts: readonly string[]): Promise<void> {
    for (const table of goesAlong) {
      await sql`UPDATE ${sql.table(table)} SET case_id = ${id}, from_case_id = nullif(from_case_id, ${id})
        WHERE from_case_id = ANY(${[...parts]}::uuid[])`.execute(tx);
    }
  }

  /** The cases that one is in at a remove: between it and the one that stands for both. */
  async between(tx: Db, id: string, finalId: string): Promise<string[]> {
    const { rows } = await sql<{ id: string }>`
      WITH RECURSIVE chain AS (
        SELECT id, merged_into_id FROM service_case WHERE id = ${id}
        UNION ALL
        SELECT c.id, c.merged_into_id FROM chain JOIN service_case c ON c.id = chain.merged_into_id
      )
      SELECT id FROM chain WHERE id <> ALL(ARRAY[${id}, ${finalId}]::uuid[])`.execute(tx);
    return rows.map((row) => row.id);
  }

  /** Whether another open case has the cause that a closed one would have again if it were open. */
  async isReplaced(tx: Db, id: string): Promise<boolean> {
    const { rows } = await sql`
      SELECT FROM service_case c JOIN service_case o ON o.cause = c.cause AND NOT o.is_closed AND o.id <> c.id AND (
        o.device_key = c.device_key OR (o.device_key IS NULL AND c.device_key IS NULL AND o.household_id = c.household_id
          AND coalesce(o.home_id, o.household_id) = coalesce(c.home_id, c.household_id)))
      WHERE c.id = ${id} LIMIT 1`.execute(tx);
    return rows.length > 0;
  }

  /** Of the cases that others went into, the causes that rules in force still hold, its own among them. */
  async standing(tx: Db, ids: readonly string[]): Promise<Map<string, Set<string>>> {
    if (ids.length === 0) return new Map();
    const { rows } = await sql<{ root: string; cause: string; stands: boolean }>`
      WITH RECURSIVE part AS (
        SELECT c.id AS root, c.id, c.device_key, c.cause FROM service_case c
        WHERE c.id = ANY(${[...ids]}::uuid[]) AND EXISTS (SELECT FROM service_case m WHERE m.merged_into_id = c.id)
        UNION ALL
        SELECT part.root, c.id, c.device_key, c.cause FROM part JOIN service_case c ON c.merged_into_id = part.id
      )
      SELECT root, cause, EXISTS (
        SELECT FROM rule_state s CROSS JOIN LATERAL (
          SELECT definition FROM service_rule r WHERE r.id = s.rule_id ORDER BY r.version DESC LIMIT 1) AS r
        WHERE s.device_key = part.device_key AND s.cause = part.cause AND s.phase = 'holding'
          AND r.definition ->> 'mode' = 'live' AND r.definition -> 'actions' @> '[{"kind": "case"}]'
      ) AS stands
      FROM part`.execute(tx);
    return new Map(
      [...Map.groupBy(rows, ({ root }) => root)].map(([root, parts]) => [
        root,
        new Set(parts.flatMap(({ cause, stands }) => (stands ? [cause] : []))),
      ]),
    );
  }

  // Households that become one

  /** The cases of a household are those of the one that it became part of. */
  async householdMerged(tx: Db, { from, into }: Merged): Promise<void> {
    await moveRows(tx, "service_case", { from, into });
    // Who was asked how it went, under whichever name, is not asked again within the week.
    await sql`INSERT INTO feedback_asked AS f (household_id, asked_at_ms)
      SELECT ${into}, asked_at_ms FROM feedback_asked WHERE household_id = ${from}
      ON CONFLICT (household_id) DO UPDATE SET asked_at_ms = greatest(f.asked_at_ms, excluded.asked_at_ms)`.execute(tx);
  }

  /**
   * They go back.
   *
   * @returns the cases that stand in a case of other people now, or other people's in one of theirs
   */
  async householdUnmerged(tx: Db, merge: Unmerged): Promise<string[]> {
    await moveRowsBack(tx, "service_case", merge);
    const { from } = merge;
    const { rows } = await sql<{ id: string }>`
      SELECT a.id FROM service_case a JOIN service_case b ON b.id = a.merged_into_id
      WHERE a.household_id = ${from} AND b.household_id IS DISTINCT FROM ${from}
      UNION
      SELECT a.id FROM service_case b JOIN service_case a ON a.merged_into_id = b.id
      WHERE b.household_id = ${from} AND a.household_id IS DISTINCT FROM ${from}`.execute(tx);
    return rows.map((row) => row.id);
  }
}
