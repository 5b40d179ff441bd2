import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import { pageSinceMs, type TimelinePage } from "../platform/timeline.ts";

/** What a line of a case's history is about. Messages are the conversation with the owner. */
export const entryKinds = [
  "opened",
  "reopened",
  "resolved",
  "status",
  "note",
  "assigned",
  "escalated",
  "message_to_owner",
  "message_from_owner",
  "diagnosis",
  "merged",
  "unmerged",
  "acknowledged",
  "cause_gone",
  "cause_back",
  "also_found",
] as const;
export type EntryKind = (typeof entryKinds)[number];

/** What staff say and settle among themselves: no owner sees it. */
const insideKinds: readonly EntryKind[] = [
  "note",
  "assigned",
  "escalated",
  "diagnosis",
  "merged",
  "unmerged",
  "acknowledged",
  "also_found",
];

export interface NewEntry {
  caseId: string;
  /** Null where it is of a household alone. */
  deviceKey: number | null;
  kind: EntryKind;
  atMs: number;
  by: string;
  text: string | null;
  data: Record<string, unknown>;
}

export interface CaseEntry extends NewEntry {
  sequence: number;
  /** The case that it was written in, where that one went into this one. */
  fromCaseId: string | null;
}

interface EntryRow {
  sequence: number;
  case_id: string;
  device_key: number | null;
  kind: EntryKind;
  at_ms: number;
  by: string;
  text: string | null;
  data: Record<string, unknown>;
  from_case_id: string | null;
}

const toEntry = (row: EntryRow): CaseEntry => ({
  sequence: row.sequence,
  caseId: row.case_id,
  deviceKey: row.device_key,
  kind: row.kind,
  atMs: row.at_ms,
  by: row.by,
  text: row.text,
  data: row.data,
  fromCaseId: row.from_case_id,
});

/** SQL of the lines of cases' histories. */
export class CaseEntriesStore {
  async add(tx: Db, entries: readonly NewEntry[]): Promise<void> {
    if (entries.length === 0) return;
    const rows = entries.map((entry, place) => ({
      place,
      case_id: entry.caseId,
      device_key: entry.deviceKey,
      kind: entry.kind,
      at_ms: entry.atMs,
      by: entry.by,
      text: entry.text,
      data: entry.data,
    }));
    await sql`
      INSERT INTO case_entry (case_id, device_key, kind, at_ms, by, text, data)
      SELECT case_id, device_key, kind, at_ms, by, text, data
      FROM json_to_recordset(${JSON.stringify(rows)}::json) AS r(
        place int, case_id uuid, device_key int, kind text, at_ms bigint, by text, text text, data jsonb)
      ORDER BY place`.execute(tx);
  }

  /** How many answers each case had; that a message arrived is said by itself, and is none. */
  async answersOf(tx: Db, caseIds: readonly string[]): Promise<Map<string, number>> {
    const { rows } = await sql<{ case_id: string; answers: number }>`
      SELECT case_id, count(*) AS answers FROM case_entry
      WHERE case_id = ANY(${[...caseIds]}::uuid[]) AND kind = 'message_to_owner'
        AND (data ->> 'automatic' IS DISTINCT FROM 'true' OR data -> 'article' IS NOT NULL)
      GROUP BY case_id`.execute(tx);
    return new Map(rows.map((row) => [row.case_id, row.answers]));
  }

  /** The rules that found something in each case, as far as one did. */
  async findersOf(tx: Db, caseIds: readonly string[]): Promise<Map<string, Set<string>>> {
    const { rows } = await sql<{ case_id: string; rules: string[] }>`
      SELECT case_id, array_agg(DISTINCT data ->> 'ruleId') AS rules FROM case_entry
      WHERE case_id = ANY(${[...caseIds]}::uuid[]) AND data ->> 'ruleId' IS NOT NULL
        AND kind IN ('opened', 'reopened', 'cause_back', 'also_found')
      GROUP BY case_id`.execute(tx);
    return new Map(rows.map((row) => [row.case_id, new Set(row.rules)]));
  }

  /** In the order in which they were written. */
  async ofCase(db: Db, caseId: string, limit: number): Promise<CaseEntry[]> {
    const { rows } = await sql<EntryRow>`
      SELECT * FROM (
        SELECT * FROM case_entry WHERE case_id = ${caseId} ORDER BY sequence DESC LIMIT ${limit}
      ) AS newest ORDER BY sequence`.execute(db);
    return rows.map(toEntry);
  }

  /** The entry that opened it. */
  async first(db: Db, caseId: string): Promise<CaseEntry[]> {
    const { rows } = await sql<EntryRow>`
      SELECT * FROM case_entry WHERE case_id = ${caseId} ORDER BY sequence LIMIT 1`.execute(db);
    return rows.map(toEntry);
  }

  /**
   * Entries of all cases of one device, newest first, each with its case's title. A household sees its own cases, and not what staff
   * settle among themselves.
   */
  async timeline(
    db: Db,
    deviceKey: number,
    page: TimelinePage,
  ): Promise<{ entry: CaseEntry; title: string; severity: string; cause: string }[]> {
    const householdId = page.owner?.householdId ?? null;
    const { rows } = await sql<EntryRow & { title: string; severity: string; cause: string }>`
      SELECT e.*, c.title, c.severity, c.cause FROM case_entry e JOIN service_case c ON c.id = e.case_id
      WHERE e.device_key = ${deviceKey} AND e.at_ms < ${page.beforeMs} AND e.at_ms >= ${pageSinceMs(page)}
        AND (${householdId}::uuid IS NULL OR (c.household_id = ${householdId} AND e.kind <> ALL(${[...insideKinds]}::text[])))
      ORDER BY e.at_ms DESC, e.sequence DESC LIMIT ${page.limit}`.execute(db);
    return rows.map(({ title, severity, cause, ...row }) => ({ entry: toEntry(row), title, severity, cause }));
  }
}
