import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import type { RemovalCounts } from "./core/redact.ts";
import type { StoredLog } from "./log-files.ts";

export const diagnosisKinds = ["self_test", "send_log"] as const;
export type DiagnosisKind = (typeof diagnosisKinds)[number];

/**
 * `asked`: the command is on its way. `sending`: the appliance said that its log comes. `receiving`: it comes. `answered`: there is a
 * result, or a log. `removed`: there was one, and it was kept long enough, or its household left.
 */
export const diagnosisStates = ["asked", "sending", "receiving", "answered", "failed", "expired", "removed"] as const;
export type DiagnosisState = (typeof diagnosisStates)[number];

export interface Diagnosis {
  id: string;
  caseId: string;
  deviceKey: number;
  kind: DiagnosisKind;
  state: DiagnosisState;
  reason: string | null;
  askedAtMs: number;
  askedBy: string;
  changedAtMs: number;
  untilMs: number;
  result: Record<string, unknown> | null;
  log: StoredLog | null;
}

interface Row {
  id: string;
  case_id: string;
  device_key: number;
  kind: DiagnosisKind;
  state: DiagnosisState;
  reason: string | null;
  asked_at_ms: number;
  asked_by: string;
  changed_at_ms: number;
  until_ms: number;
  result: Record<string, unknown> | null;
  log_bytes: number | null;
  log_sha256: string | null;
  log_is_cut: boolean | null;
  log_removals: RemovalCounts | null;
}

const logOf = (row: Row): StoredLog | null =>
  row.log_bytes === null || row.log_sha256 === null || row.log_removals === null
    ? null
    : {
        bytes: row.log_bytes,
        sha256: row.log_sha256,
        isCut: row.log_is_cut ?? false,
        removals: row.log_removals,
      };

const toDiagnosis = (row: Row): Diagnosis => ({
  id: row.id,
  caseId: row.case_id,
  deviceKey: row.device_key,
  kind: row.kind,
  state: row.state,
  reason: row.reason,
  askedAtMs: row.asked_at_ms,
  askedBy: row.asked_by,
  changedAtMs: row.changed_at_ms,
  untilMs: row.until_ms,
  result: row.result,
  log: logOf(row),
});

export interface NewDiagnosis {
  id: string;
  commandId: string;
  caseId: string;
  deviceKey: number;
  householdId: string | null;
  kind: DiagnosisKind;
  askedAtMs: number;
  askedBy: string;
  untilMs: number;
}

/** What a device replied to the command of a diagnosis. */
export interface DiagnosisReply {
  command_id: string;
  device_key: number;
  state: "answered" | "sending" | "failed";
  reason: string | null;
  result: Record<string, unknown> | null;
}

const removed = sql`state = 'removed', household_id = NULL, result = NULL, log_bytes = NULL, log_sha256 = NULL,
  log_is_cut = NULL, log_removals = NULL`;

/** SQL of what appliances were asked about themselves. */
export class DiagnosisStore {
  async insert(tx: Db, made: NewDiagnosis): Promise<void> {
    await sql`
      INSERT INTO diagnosis (id, command_id, case_id, device_key, household_id, kind, state, asked_at_ms, asked_by, changed_at_ms, until_ms)
      VALUES (${made.id}, ${made.commandId}, ${made.caseId}, ${made.deviceKey}, ${made.householdId}, ${made.kind}, 'asked', ${made.askedAtMs},
        ${made.askedBy}, ${made.askedAtMs}, ${made.untilMs})`.execute(tx);
  }

  async get(db: Db, id: string): Promise<Diagnosis | null> {
    const { rows } = await sql<Row>`SELECT * FROM diagnosis WHERE id = ${id}`.execute(db);
    return rows.map(toDiagnosis)[0] ?? null;
  }

  /** Newest first. */
  async ofCase(db: Db, caseId: string, limit: number): Promise<Diagnosis[]> {
    const { rows } = await sql<Row>`
      SELECT * FROM diagnosis WHERE case_id = ${caseId} ORDER BY id DESC LIMIT ${limit}`.execute(db);
    return rows.map(toDiagnosis);
  }

  /** Takes in replies, each for its own device's command, and the first one only. */
  async reply(tx: Db, replies: readonly DiagnosisReply[], atMs: number): Promise<Diagnosis[]> {
    const { rows } = await sql<Row>`
      UPDATE diagnosis d SET state = r.state, reason = r.reason, result = r.result, changed_at_ms = ${atMs}
      FROM json_to_recordset(${JSON.stringify(replies)}::json) AS r(command_id uuid, device_key int, state text, reason text, result jsonb)
      WHERE d.command_id = r.command_id AND d.device_key = r.device_key AND d.state = 'asked'
      RETURNING d.*`.execute(tx);
    return rows.map(toDiagnosis);
  }

  /** Those of these commands that nobody answered any more. */
  async commandsEnded(tx: Db, commandIds: readonly string[], atMs: number): Promise<Diagnosis[]> {
    const { rows } = await sql<Row>`
      UPDATE diagnosis SET state = 'expired', changed_at_ms = ${atMs}
      WHERE command_id = ANY(${[...commandIds]}::uuid[]) AND state = 'asked' RETURNING *`.execute(tx);
    return rows.map(toDiagnosis);
  }

  /** Ends the wait for logs that were announced and did not come. */
  async expire(tx: Db, nowMs: number, limit: number): Promise<Diagnosis[]> {
    const { rows } = await sql<Row>`
      UPDATE diagnosis SET state = 'expired', changed_at_ms = ${nowMs}
      WHERE id IN (
        SELECT id FROM diagnosis WHERE state IN ('asked', 'sending', 'receiving') AND until_ms <= ${nowMs}
        ORDER BY until_ms LIMIT ${limit} FOR UPDATE SKIP LOCKED)
      RETURNING *`.execute(tx);
    return rows.map(toDiagnosis);
  }

  /**
   * Takes the one use of an upload's address.
   *
   * @param untilMs until when its bytes are waited for
   * @returns false where it was used, or is not wanted any more
   */
  async claim(db: Db, of: { id: string; nowMs: number; untilMs: number }): Promise<boolean> {
    const { rows } = await sql`
      UPDATE diagnosis SET state = 'receiving', changed_at_ms = ${of.nowMs}, until_ms = ${of.untilMs}
      WHERE id = ${of.id} AND kind = 'send_log' AND state IN ('asked', 'sending') AND until_ms > ${of.nowMs}
      RETURNING id`.execute(db);
    return rows.length > 0;
  }

  /** @returns null where it was removed meanwhile: its file is nobody's */
  async stored(tx: Db, id: string, log: StoredLog, atMs: number): Promise<Diagnosis | null> {
    const { rows } = await sql<Row>`
      UPDATE diagnosis SET state = 'answered', changed_at_ms = ${atMs}, has_file = true, log_bytes = ${log.bytes},
        log_sha256 = ${log.sha256}, log_is_cut = ${log.isCut}, log_removals = ${JSON.stringify(log.removals)}::jsonb
      WHERE id = ${id} AND state = 'receiving' RETURNING *`.execute(tx);
    return rows.map(toDiagnosis)[0] ?? null;
  }

  async failed(tx: Db, id: string, reason: string, atMs: number): Promise<Diagnosis | null> {
    const { rows } = await sql<Row>`
      UPDATE diagnosis SET state = 'failed', reason = ${reason}, changed_at_ms = ${atMs}
      WHERE id = ${id} AND state = 'receiving' RETURNING *`.execute(tx);
    return rows.map(toDiagnosis)[0] ?? null;
  }

  /** A device leaves a household: what it told while it was theirs goes. */
  async forgetOfDevice(tx: Db, deviceKey: number, atMs: number): Promise<void> {
    await sql`UPDATE diagnosis SET ${removed}, changed_at_ms = ${atMs}
      WHERE household_id IS NOT NULL AND device_key = ${deviceKey}`.execute(tx);
  }

  async forgetHousehold(tx: Db, householdId: string, atMs: number): Promise<void> {
    await sql`UPDATE diagnosis SET ${removed}, changed_at_ms = ${atMs} WHERE household_id = ${householdId}`.execute(tx);
  }

  /** Ends the keeping of logs that came before. */
  async retire(db: Db, beforeMs: number, atMs: number): Promise<void> {
    await sql`UPDATE diagnosis SET ${removed}, changed_at_ms = ${atMs}
      WHERE has_file AND state = 'answered' AND changed_at_ms < ${beforeMs}`.execute(db);
  }

  /** Those whose file is still to be deleted. */
  async filesToDelete(db: Db, limit: number): Promise<string[]> {
    const { rows } = await sql<{ id: string }>`
      SELECT id FROM diagnosis WHERE has_file AND state = 'removed' LIMIT ${limit}`.execute(db);
    return rows.map(({ id }) => id);
  }

  async filesDeleted(db: Db, ids: readonly string[]): Promise<void> {
    await sql`UPDATE diagnosis SET has_file = false WHERE id = ANY(${[...ids]}::uuid[])`.execute(db);
  }

  async withFile(db: Db, ids: readonly string[]): Promise<Set<string>> {
    const { rows } = await sql<{ id: string }>`
      SELECT id FROM diagnosis WHERE has_file AND id = ANY(${[...ids]}::uuid[])`.execute(db);
    return new Set(rows.map(({ id }) => id));
  }
}
