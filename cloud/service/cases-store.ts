import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import { pageSinceMs, type TimelinePage } from "../platform/timeline.ts";
import type { CaseState, CaseStatus } from "./core/case.ts";

export interface ServiceCase {
  id: string;
  deviceKey: number;
  householdId: string | null;
  /** Whose case it was when the device left them while it was open. */
  formerHouseholdId: string | null;
  ruleId: string;
  cause: string;
  severity: string;
  title: string;
  openedAtMs: number;
  state: CaseState;
}

export interface NewEntry {
  caseId: string;
  deviceKey: number;
  kind: "opened" | "reopened" | "resolved" | "status" | "note";
  atMs: number;
  by: string;
  text: string | null;
  data: Record<string, unknown>;
}

export interface CaseEntry extends NewEntry {
  sequence: number;
}

export interface CaseFilter {
  status: CaseStatus | null;
  deviceKey: number | null;
  beforeId: string | null;
  limit: number;
}

interface CaseRow {
  id: string;
  device_key: number;
  household_id: string | null;
  former_household_id: string | null;
  rule_id: string;
  cause: string;
  severity: string;
  title: string;
  status: CaseStatus;
  opened_at_ms: number;
  status_at_ms: number;
  resolved_by: string | null;
}

interface EntryRow {
  sequence: number;
  case_id: string;
  device_key: number;
  kind: NewEntry["kind"];
  at_ms: number;
  by: string;
  text: string | null;
  data: Record<string, unknown>;
}

function toState(row: CaseRow): CaseState {
  const atMs = row.status_at_ms;
  switch (row.status) {
    case "open":
      return { status: "open", openedAtMs: atMs };
    case "waiting_for_owner":
    case "waiting_for_staff":
      return { status: row.status, sinceMs: atMs };
    case "resolved":
      return { status: "resolved", resolvedAtMs: atMs, by: row.resolved_by ?? "" };
    case "reopened":
      return { status: "reopened", reopenedAtMs: atMs };
  }
}

/** Since when a case has its status. */
export function statusAtMs(state: CaseState): number {
  switch (state.status) {
    case "open":
      return state.openedAtMs;
    case "waiting_for_owner":
    case "waiting_for_staff":
      return state.sinceMs;
    case "resolved":
      return state.resolvedAtMs;
    case "reopened":
      return state.reopenedAtMs;
  }
}

const toCase = (row: CaseRow): ServiceCase => ({
  id: row.id,
  deviceKey: row.device_key,
  householdId: row.household_id,
  formerHouseholdId: row.former_household_id,
  ruleId: row.rule_id,
  cause: row.cause,
  severity: row.severity,
  title: row.title,
  openedAtMs: row.opened_at_ms,
  state: toState(row),
});

const toRow = (serviceCase: ServiceCase): CaseRow => ({
  id: serviceCase.id,
  device_key: serviceCase.deviceKey,
  household_id: serviceCase.householdId,
  former_household_id: serviceCase.formerHouseholdId,
  rule_id: serviceCase.ruleId,
  cause: serviceCase.cause,
  severity: serviceCase.severity,
  title: serviceCase.title,
  status: serviceCase.state.status,
  opened_at_ms: serviceCase.openedAtMs,
  status_at_ms: statusAtMs(serviceCase.state),
  resolved_by: serviceCase.state.status === "resolved" ? serviceCase.state.by : null,
});

const toEntry = (row: EntryRow): CaseEntry => ({
  sequence: row.sequence,
  caseId: row.case_id,
  deviceKey: row.device_key,
  kind: row.kind,
  atMs: row.at_ms,
  by: row.by,
  text: row.text,
  data: row.data,
});

/** SQL of cases and their entries. */
export class CasesStore {
  /** Per device and cause the open case, or else the last one, held until the transaction ends. */
  async lockLast(tx: Db, keys: readonly { deviceKey: number; cause: string }[]): Promise<ServiceCase[]> {
    const { rows } = await sql<CaseRow>`
      SELECT c.* FROM service_case c WHERE c.id IN (
        SELECT last.id
        FROM (SELECT DISTINCT * FROM unnest(
          ${keys.map((key) => key.deviceKey)}::int[], ${keys.map((key) => key.cause)}::text[])) AS k(device_key, cause)
        CROSS JOIN LATERAL (
          SELECT id FROM service_case
          WHERE device_key = k.device_key AND cause = k.cause
          ORDER BY status <> 'resolved' DESC, opened_at_ms DESC, id DESC LIMIT 1
        ) AS last
      )
      FOR UPDATE OF c`.execute(tx);
    return rows.map(toCase);
  }

  async lock(tx: Db, id: string): Promise<ServiceCase | null> {
    const { rows } = await sql<CaseRow>`SELECT * FROM service_case WHERE id = ${id} FOR UPDATE`.execute(tx);
    return rows.map(toCase)[0] ?? null;
  }

  async get(db: Db, id: string): Promise<ServiceCase | null> {
    const { rows } = await sql<CaseRow>`SELECT * FROM service_case WHERE id = ${id}`.execute(db);
    return rows.map(toCase)[0] ?? null;
  }

  /** Newest first. */
  async list(db: Db, filter: CaseFilter): Promise<ServiceCase[]> {
    const { status, deviceKey, beforeId, limit } = filter;
    const { rows } = await sql<CaseRow>`
      SELECT * FROM service_case
      WHERE (${status}::text IS NULL OR status = ${status}) AND (${deviceKey}::int IS NULL OR device_key = ${deviceKey})
        AND (${beforeId}::uuid IS NULL OR id < ${beforeId})
      ORDER BY id DESC LIMIT ${limit}`.execute(db);
    return rows.map(toCase);
  }

  /** Stores cases as they are now, new ones and changed ones. */
  async write(tx: Db, cases: readonly ServiceCase[]): Promise<void> {
    if (cases.length === 0) return;
    // Resolved ones first: a case that makes room for another of its cause must do so before the other is there.
    const rows = cases.map(toRow).toSorted((a, b) => Number(b.status === "resolved") - Number(a.status === "resolved"));
    await sql`
      INSERT INTO service_case (id, device_key, household_id, former_household_id, rule_id, cause, severity, title, status,
        opened_at_ms, status_at_ms, resolved_by)
      SELECT id, device_key, household_id, former_household_id, rule_id, cause, severity, title, status,
        opened_at_ms, status_at_ms, resolved_by
      FROM json_to_recordset(${JSON.stringify(rows)}::json) AS r(
        id uuid, device_key int, household_id uuid, former_household_id uuid, rule_id uuid, cause text, severity text,
        title text, status text, opened_at_ms bigint, status_at_ms bigint, resolved_by text)
      ON CONFLICT (id) DO UPDATE SET
        household_id = excluded.household_id, former_household_id = excluded.former_household_id,
        status = excluded.status, status_at_ms = excluded.status_at_ms, resolved_by = excluded.resolved_by`.execute(tx);
  }

  /** The open cases of a device, held until the transaction ends. */
  async lockOpen(tx: Db, deviceKey: number): Promise<ServiceCase[]> {
    const { rows } = await sql<CaseRow>`
      SELECT * FROM service_case WHERE device_key = ${deviceKey} AND status <> 'resolved' ORDER BY id FOR UPDATE`.execute(
      tx,
    );
    return rows.map(toCase);
  }

  /** Takes a household out of its cases, those that its devices left it with too, and with it what people wrote there about it. */
  async forgetHousehold(tx: Db, householdId: string): Promise<void> {
    const theirs = sql`household_id = ${householdId} OR former_household_id = ${householdId}`;
    await sql`UPDATE case_entry SET text = NULL
      WHERE text IS NOT NULL AND case_id IN (SELECT id FROM service_case WHERE ${theirs})`.execute(tx);
    await sql`UPDATE service_case SET household_id = nullif(household_id, ${householdId}), former_household_id = NULL
      WHERE ${theirs}`.execute(tx);
  }

  async addEntries(tx: Db, entries: readonly NewEntry[]): Promise<void> {
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

  /** In the order in which they were written. */
  async entries(db: Db, caseId: string, limit: number): Promise<CaseEntry[]> {
    const { rows } = await sql<EntryRow>`
      SELECT * FROM (
        SELECT * FROM case_entry WHERE case_id = ${caseId} ORDER BY sequence DESC LIMIT ${limit}
      ) AS newest ORDER BY sequence`.execute(db);
    return rows.map(toEntry);
  }

  /**
   * Entries of all cases of one device, newest first, each with its case's title. A household sees its own cases, and not what staff
   * note among themselves.
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
        AND (${householdId}::uuid IS NULL OR (c.household_id = ${householdId} AND e.kind <> 'note'))
      ORDER BY e.at_ms DESC, e.sequence DESC LIMIT ${page.limit}`.execute(db);
    return rows.map(({ title, severity, cause, ...row }) => ({ entry: toEntry(row), title, severity, cause }));
  }

  async counts(db: Db): Promise<{ status: CaseStatus; count: number }[]> {
    const { rows } = await sql<{ status: CaseStatus; count: number }>`
      SELECT status, count(*) AS count FROM service_case GROUP BY status`.execute(db);
    return rows;
  }
}
