import { type RawBuilder, sql } from "kysely";
import type { Db } from "../platform/database.ts";
import { type CaseRow, nothingDueMs, type ServiceCase, toCase } from "./case-row.ts";
import { type CaseStatus, caseStatuses } from "./core/case.ts";
import { severities, type Severity } from "./core/severity.ts";

/** Values to have and values not to have; an empty list asks nothing. */
export interface Among<T extends string> {
  is: readonly T[];
  isNot: readonly T[];
}

export interface CaseFilter {
  status: Among<CaseStatus>;
  severity: Among<Severity>;
  model: Among<string>;
  cause: Among<string>;
  deviceKey: number | null;
  householdId: string | null;
  /** A principal's text; `none`: nobody's; null: anybody's. */
  assignee: string | null;
  overdue: boolean | null;
}

/** The place of the last case of the page before. */
export type QueuePlace = readonly [rank: number, dueAtMs: number, openedAtMs: number, id: string];

export const queuePlace = ({ severity, promise, openedAtMs, id }: ServiceCase): QueuePlace => [
  severities.length - 1 - severities.indexOf(severity),
  promise.dueAtMs ?? nothingDueMs,
  openedAtMs,
  id,
];

export interface QueueCounts {
  open: number;
  mine: number;
  unassigned: number;
  overdue: number;
  escalated: number;
  bySeverity: Record<Severity, number>;
  byStatus: Partial<Record<CaseStatus, number>>;
}

function among(column: RawBuilder<unknown>, { is, isNot }: Among<string>): RawBuilder<unknown>[] {
  return [
    ...(is.length === 0 ? [] : [sql`${column} = ANY(${[...is]}::text[])`]),
    ...(isNot.length === 0 ? [] : [sql`${column} <> ALL(${[...isNot]}::text[])`]),
  ];
}

function conditions(filter: CaseFilter, nowMs: number): RawBuilder<unknown> {
  const { deviceKey, householdId, assignee, overdue } = filter;
  const all = [
    ...among(sql`status`, filter.status),
    ...among(sql`severity`, filter.severity),
    ...among(sql`model`, filter.model),
    ...among(sql`cause`, filter.cause),
    ...(deviceKey === null ? [] : [sql`device_key = ${deviceKey}`]),
    ...(householdId === null ? [] : [sql`household_id = ${householdId}::uuid`]),
    ...(assignee === null ? [] : [assignee === "none" ? sql`assignee IS NULL` : sql`assignee = ${assignee}`]),
    ...(overdue === null ? [] : [overdue ? sql`due_at_ms <= ${nowMs}` : sql`due_at_ms > ${nowMs}`]),
    sql`true`,
  ];
  return sql.join(all, sql` AND `);
}

/** SQL of what staff look through. */
export class CaseQueueStore {
  /** Open ones and closed ones, newest first. */
  async newest(
    db: Db,
    filter: CaseFilter,
    page: { beforeId: string | null; limit: number; nowMs: number },
  ): Promise<ServiceCase[]> {
    const { rows } = await sql<CaseRow>`
      SELECT * FROM service_case
      WHERE ${conditions(filter, page.nowMs)} AND (${page.beforeId}::uuid IS NULL OR id < ${page.beforeId}::uuid)
      ORDER BY id DESC LIMIT ${page.limit}`.execute(db);
    return rows.map(toCase);
  }

  /** Open ones in the order in which they want to be worked on: by severity, by what is due first, by age. */
  async queue(
    db: Db,
    filter: CaseFilter,
    page: { after: QueuePlace | null; limit: number; nowMs: number },
  ): Promise<ServiceCase[]> {
    const { after } = page;
    const beyond =
      after === null
        ? sql`true`
        : sql`(severity_rank, due_at_ms, opened_at_ms, id) > (${after[0]}::smallint, ${after[1]}::bigint, ${after[2]}::bigint, ${after[3]}::uuid)`;
    const { rows } = await sql<CaseRow>`
      SELECT * FROM service_case WHERE NOT is_closed AND ${conditions(filter, page.nowMs)} AND ${beyond}
      ORDER BY severity_rank, due_at_ms, opened_at_ms, id LIMIT ${page.limit}`.execute(db);
    return rows.map(toCase);
  }

  /** Of the open ones that a filter leaves. */
  async counts(db: Db, filter: CaseFilter, by: { me: string; nowMs: number }): Promise<QueueCounts> {
    const { rows } = await sql<{
      status: CaseStatus;
      severity: Severity;
      count: number;
      mine: number;
      unassigned: number;
      overdue: number;
      escalated: number;
    }>`
      SELECT status, severity, count(*) AS count, count(*) FILTER (WHERE assignee = ${by.me}) AS mine,
        count(*) FILTER (WHERE assignee IS NULL) AS unassigned, count(*) FILTER (WHERE due_at_ms <= ${by.nowMs}) AS overdue,
        count(*) FILTER (WHERE escalation_level > 0) AS escalated
      FROM service_case WHERE NOT is_closed AND ${conditions(filter, by.nowMs)} GROUP BY status, severity`.execute(db);
    const sum = (pick: (row: (typeof rows)[number]) => number) => rows.reduce((total, row) => total + pick(row), 0);
    const of = <T extends string>(names: readonly T[], key: (row: (typeof rows)[number]) => string) =>
      names.map((name) => [name, sum((row) => (key(row) === name ? row.count : 0))] as const);
    const ofSeverity = new Map(of(severities, (row) => row.severity));
    const severity = (name: Severity) => ofSeverity.get(name) ?? 0;
    return {
      open: sum((row) => row.count),
      mine: sum((row) => row.mine),
      unassigned: sum((row) => row.unassigned),
      overdue: sum((row) => row.overdue),
      escalated: sum((row) => row.escalated),
      bySeverity: { info: severity("info"), service: severity("service"), safety: severity("safety") },
      byStatus: Object.fromEntries(of(caseStatuses, (row) => row.status).filter(([, count]) => count > 0)),
    };
  }
}
