import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import { type CaseRow, type ServiceCase, toCase, toRow } from "./case-row.ts";
import type { CaseStatus } from "./core/case.ts";

export type { ServiceCase } from "./case-row.ts";

const isOpen = (row: CaseRow) => Number(row.resolved_by === null);

/** A cause on a device, and the case that stands for it. */
export interface CaseOfCause {
  deviceKey: number;
  cause: string;
  serviceCase: ServiceCase;
}

/** SQL of cases: taking hold of them and writing them. The queue's is in case-queue-store.ts. */
export class CasesStore {
  /**
   * Per device and cause the open case, or else the last one, held until the transaction ends. Where that one went into another, the one
   * that it went into.
   */
  async lockLast(tx: Db, keys: readonly { deviceKey: number; cause: string }[]): Promise<CaseOfCause[]> {
    for (;;) {
      const { rows } = await sql<CaseRow & { asked_device: number; asked_cause: string }>`
        WITH RECURSIVE chain AS (
          SELECT k.device_key AS asked_device, k.cause AS asked_cause, last.id, last.merged_into_id
          FROM (SELECT DISTINCT * FROM unnest(
            ${keys.map((key) => key.deviceKey)}::int[], ${keys.map((key) => key.cause)}::text[])) AS k(device_key, cause)
          CROSS JOIN LATERAL (
            SELECT id, merged_into_id FROM service_case
            WHERE device_key = k.device_key AND cause = k.cause
            ORDER BY is_closed, opened_at_ms DESC, id DESC LIMIT 1
          ) AS last
          UNION ALL
          SELECT chain.asked_device, chain.asked_cause, c.id, c.merged_into_id
          FROM chain JOIN service_case c ON c.id = chain.merged_into_id
        )
        SELECT c.*, chain.asked_device, chain.asked_cause FROM service_case c JOIN chain ON chain.id = c.id
        WHERE chain.merged_into_id IS NULL ORDER BY c.id FOR UPDATE OF c`.execute(tx);
      const found = rows.map(({ asked_device: deviceKey, asked_cause: cause, ...row }) => ({
        deviceKey,
        cause,
        serviceCase: toCase(row),
      }));
      // One that went into another while it was waited for is looked for again: each merge makes one case less.
      if (found.every(({ serviceCase }) => serviceCase.state.status !== "merged")) return found;
    }
  }

  /** The same of a household alone; one that went into a case which is no longer the household's is left out. */
  async lockLastOfHousehold(tx: Db, householdId: string, cause: string): Promise<ServiceCase | undefined> {
    for (;;) {
      const { rows } = await sql<CaseRow>`
        WITH RECURSIVE chain AS (
          (SELECT id, merged_into_id FROM service_case
            WHERE household_id = ${householdId} AND cause = ${cause} AND device_key IS NULL
            ORDER BY is_closed, opened_at_ms DESC, id DESC LIMIT 1)
          UNION ALL
          SELECT c.id, c.merged_into_id FROM chain JOIN service_case c ON c.id = chain.merged_into_id
        )
        SELECT c.* FROM service_case c JOIN chain ON chain.id = c.id
        WHERE chain.merged_into_id IS NULL AND c.household_id = ${householdId} FOR UPDATE OF c`.execute(tx);
      const found = rows.map(toCase)[0];
      if (found?.state.status !== "merged") return found;
    }
  }

  async openOf(db: Db, householdIds: readonly string[]): Promise<Map<string, number>> {
    const { rows } = await sql<{ household_id: string; n: number }>`
      SELECT household_id, count(*) AS n FROM service_case
      WHERE household_id = ANY(${[...householdIds]}::uuid[]) AND NOT is_closed GROUP BY household_id`.execute(db);
    return new Map(rows.map(({ household_id, n }) => [household_id, n]));
  }

  async lock(tx: Db, id: string): Promise<ServiceCase | null> {
    return (await this.lockAll(tx, [id]))[0] ?? null;
  }

  async lockAll(tx: Db, ids: readonly string[]): Promise<ServiceCase[]> {
    const { rows } = await sql<CaseRow>`
      SELECT * FROM service_case WHERE id = ANY(${[...ids]}::uuid[]) ORDER BY id FOR UPDATE`.execute(tx);
    return rows.map(toCase);
  }

  /** Which case a case is now: itself, or the one that it went into, at whatever remove. */
  async finalOf(db: Db, id: string): Promise<string> {
    const { rows } = await sql<{ id: string }>`
      WITH RECURSIVE chain AS (
        SELECT id, merged_into_id FROM service_case WHERE id = ${id}
        UNION ALL
        SELECT c.id, c.merged_into_id FROM chain JOIN service_case c ON c.id = chain.merged_into_id
      )
      SELECT id FROM chain WHERE merged_into_id IS NULL`.execute(db);
    return rows[0]?.id ?? id;
  }

  async get(db: Db, id: string): Promise<ServiceCase | null> {
    const { rows } = await sql<CaseRow>`SELECT * FROM service_case WHERE id = ${id}`.execute(db);
    return rows.map(toCase)[0] ?? null;
  }

  /** Those whose next step of the escalation is reached, held until the transaction ends. Those that others hold wait for the next time. */
  async lockEscalating(tx: Db, nowMs: number, limit: number): Promise<ServiceCase[]> {
    const { rows } = await sql<CaseRow>`
      SELECT * FROM service_case WHERE escalates_at_ms <= ${nowMs}
      ORDER BY escalates_at_ms LIMIT ${limit} FOR UPDATE SKIP LOCKED`.execute(tx);
    return rows.map(toCase);
  }

  /** Stores cases as they are, new ones and changed ones. */
  async write(tx: Db, cases: readonly ServiceCase[]): Promise<void> {
    if (cases.length === 0) return;
    // Closed ones first: a case that makes room for another of its cause must do so before the other is there.
    const rows = cases.map(toRow).toSorted((a, b) => isOpen(a) - isOpen(b));
    await sql`
      INSERT INTO service_case (id, device_key, model, household_id, former_household_id, rule_id, cause, severity, title, status,
        opened_by, opened_at_ms, known_at_ms, status_at_ms, resolved_by, fixed_in_version, fixed_in_counter,
        release_confirmed_at_ms, first_answer_due_at_ms, resolve_due_at_ms, answered_at_ms, answered_by, paused_at_ms, due_at_ms,
        escalation_level, escalated_to, escalates_at_ms, assignee, assigned_at_ms, reopened_count, first_resolved_at_ms, resolve_kept,
        merged_into_id, seen_at_ms, seen_by, cause_gone_at_ms, taken_over)
      SELECT * FROM json_to_recordset(${JSON.stringify(rows)}::json) AS r(
        id uuid, device_key int, model text, household_id uuid, former_household_id uuid, rule_id uuid, cause text, severity text,
        title text, status text, opened_by text, opened_at_ms bigint, known_at_ms bigint, status_at_ms bigint, resolved_by text,
        fixed_in_version text, fixed_in_counter int, release_confirmed_at_ms bigint, first_answer_due_at_ms bigint,
        resolve_due_at_ms bigint, answered_at_ms bigint, answered_by text, paused_at_ms bigint, due_at_ms bigint,
        escalation_level int, escalated_to text, escalates_at_ms bigint, assignee text, assigned_at_ms bigint,
        reopened_count int, first_resolved_at_ms bigint, resolve_kept boolean, merged_into_id uuid,
        seen_at_ms bigint, seen_by text, cause_gone_at_ms bigint, taken_over jsonb)
      ON CONFLICT (id) DO UPDATE SET
        household_id = excluded.household_id, former_household_id = excluded.former_household_id, severity = excluded.severity,
        status = excluded.status, status_at_ms = excluded.status_at_ms, resolved_by = excluded.resolved_by,
        fixed_in_version = excluded.fixed_in_version, fixed_in_counter = excluded.fixed_in_counter,
        release_confirmed_at_ms = excluded.release_confirmed_at_ms,
        first_answer_due_at_ms = excluded.first_answer_due_at_ms, resolve_due_at_ms = excluded.resolve_due_at_ms,
        answered_at_ms = excluded.answered_at_ms, answered_by = excluded.answered_by, paused_at_ms = excluded.paused_at_ms,
        due_at_ms = excluded.due_at_ms, escalation_level = excluded.escalation_level, escalated_to = excluded.escalated_to,
        escalates_at_ms = excluded.escalates_at_ms, assignee = excluded.assignee, assigned_at_ms = excluded.assigned_at_ms,
        reopened_count = excluded.reopened_count, first_resolved_at_ms = excluded.first_resolved_at_ms,
        resolve_kept = excluded.resolve_kept, merged_into_id = excluded.merged_into_id,
        seen_at_ms = excluded.seen_at_ms, seen_by = excluded.seen_by, cause_gone_at_ms = excluded.cause_gone_at_ms,
        taken_over = excluded.taken_over`.execute(tx);
  }

  /** The open cases of a device, held until the transaction ends. */
  async lockOpen(tx: Db, deviceKey: number): Promise<ServiceCase[]> {
    const { rows } = await sql<CaseRow>`
      SELECT * FROM service_case WHERE device_key = ${deviceKey} AND NOT is_closed ORDER BY id FOR UPDATE`.execute(tx);
    return rows.map(toCase);
  }

  /** The same of a household alone, but for what other parts of the service opened: those are no question of theirs. */
  async lockOpenOfHousehold(tx: Db, householdId: string): Promise<ServiceCase[]> {
    const { rows } = await sql<CaseRow>`
      SELECT * FROM service_case
      WHERE household_id = ${householdId} AND device_key IS NULL AND NOT is_closed AND opened_by NOT LIKE 'service:%'
      ORDER BY id FOR UPDATE`.execute(tx);
    return rows.map(toCase);
  }

  /** Takes a household out of its cases, those that its devices left it with too, and with it what people wrote there about it. */
  async forgetHousehold(tx: Db, householdId: string): Promise<void> {
    const theirs = sql`household_id = ${householdId} OR former_household_id = ${householdId} OR home_id = ${householdId}`;
    await sql`UPDATE case_entry SET text = NULL, data = data - '{trace,readings,data}'::text[]
      WHERE case_id IN (SELECT id FROM service_case WHERE ${theirs})`.execute(tx);
    await sql`DELETE FROM case_evidence WHERE case_id IN (SELECT id FROM service_case WHERE ${theirs})`.execute(tx);
    await sql`UPDATE service_case SET evidence_due_at_ms = NULL, household_id = nullif(household_id, ${householdId}), former_household_id = NULL,
        -- Not before the household goes that it came to, where two of one cause may be open because they came from two.
        home_id = CASE WHEN household_id IS DISTINCT FROM ${householdId} THEN home_id END
      WHERE ${theirs}`.execute(tx);
  }

  async counts(db: Db): Promise<{ status: CaseStatus; count: number }[]> {
    const { rows } = await sql<{ status: CaseStatus; count: number }>`
      SELECT status, count(*) AS count FROM service_case GROUP BY status`.execute(db);
    return rows;
  }
}
