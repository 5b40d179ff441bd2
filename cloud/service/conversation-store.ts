import { sql } from "kysely";
import { affected, type Db } from "../platform/database.ts";
import { type CaseRow, nothingDueMs, type ServiceCase, toCase } from "./case-row.ts";
import { questionsPerHourMax, questionWindowMs } from "./core/help.ts";

import type { Severity } from "./core/severity.ts";
import { sampleDays } from "./core/waiting.ts";

export type Alternative =
  | { kind: "call_back"; phone: string; fromMs: number; toMs: number }
  | { kind: "self_help" }
  | { kind: "technician"; note: string | null };

/** What stands beside a case whose owner speaks in it. */
export interface Conversation {
  caseId: string;
  code: string | null;
  topic: string | null;
  wantsHuman: boolean;
  autoAnsweredAtMs: number | null;
  warnedForMs: number | null;
  alternative: Alternative | null;
  feedbackAskedAtMs: number | null;
  rating: number | null;
  ratedAtMs: number | null;
}

interface ConversationRow {
  case_id: string;
  code: string | null;
  topic: string | null;
  wants_human: boolean;
  auto_answered_at_ms: number | null;
  warned_for_ms: number | null;
  alternative: Alternative | null;
  feedback_asked_at_ms: number | null;
  rating: number | null;
  rated_at_ms: number | null;
}

const toConversation = (row: ConversationRow): Conversation => ({
  caseId: row.case_id,
  code: row.code,
  topic: row.topic,
  wantsHuman: row.wants_human,
  autoAnsweredAtMs: row.auto_answered_at_ms,
  warnedForMs: row.warned_for_ms,
  alternative: row.alternative,
  feedbackAskedAtMs: row.feedback_asked_at_ms,
  rating: row.rating,
  ratedAtMs: row.rated_at_ms,
});

/** How a case stands for whoever waits. */
export interface Standing {
  serviceCase: ServiceCase;
  /** How many are ahead; null where nobody works on it just now. */
  ahead: number | null;
  /** Of the last line that its owner may see. */
  lastSequence: number;
}

/** Those that staff work on, or will. */
const inLine = sql`('open', 'reopened', 'waiting_for_staff')`;
/** Most answers that an expectation is made of: the newest. */
const sampleMax = 2_000;
const dayMs = 86_400_000;

/** SQL of what is said between owners and those who help them. */
export class ConversationStore {
  /**
   * Counts questions, and has the questions of each appliance wait for each other until the transaction ends.
   *
   * @returns the appliances that asked too much lately
   */
  async takeTurns(tx: Db, asked: ReadonlyMap<number, number>, nowMs: number): Promise<Set<number>> {
    const rows = [...asked].map(([device_key, count]) => ({ device_key, count }));
    const { rows: counted } = await sql<{ device_key: number; asked: number }>`
      INSERT INTO help_desk AS h (device_key, window_from_ms, asked)
      SELECT device_key, ${nowMs}, count FROM json_to_recordset(${JSON.stringify(rows)}::json) AS r(device_key int, count int)
      ORDER BY device_key
      ON CONFLICT (device_key) DO UPDATE SET
        window_from_ms = CASE WHEN h.window_from_ms > ${nowMs - questionWindowMs} THEN h.window_from_ms ELSE ${nowMs} END,
        asked = excluded.asked + CASE WHEN h.window_from_ms > ${nowMs - questionWindowMs} THEN h.asked ELSE 0 END
      RETURNING device_key, asked`.execute(tx);
    return new Set(counted.flatMap((row) => (row.asked > questionsPerHourMax ? [row.device_key] : [])));
  }

  /**
   * Has the questions of a household alone wait for each other until the transaction ends.
   *
   * @returns whether it asked too much lately
   */
  async takeTurnOfHousehold(tx: Db, householdId: string, nowMs: number): Promise<boolean> {
    await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`help ${householdId}`}, 0))`.execute(tx);
    const { rows } = await sql<{ asked: number }>`
      SELECT count(*) AS asked FROM service_case c JOIN case_entry e ON e.case_id = c.id
      WHERE c.household_id = ${householdId} AND c.device_key IS NULL
        AND e.kind = 'message_from_owner' AND e.at_ms > ${nowMs - questionWindowMs}`.execute(tx);
    return (rows[0]?.asked ?? 0) >= questionsPerHourMax;
  }

  async get(db: Db, caseId: string): Promise<Conversation | null> {
    const { rows } = await sql<ConversationRow>`SELECT * FROM case_conversation WHERE case_id = ${caseId}`.execute(db);
    return rows.map(toConversation)[0] ?? null;
  }

  /** Notes that the owner spoke; an automatic word is due where they had none yet. */
  async spoke(
    tx: Db,
    said: { caseId: string; code: string | null; topic: string | null; wantsHuman: boolean },
    nowMs: number,
  ): Promise<void> {
    await sql`
      INSERT INTO case_conversation AS v (case_id, code, topic, wants_human, answer_due_at_ms)
      VALUES (${said.caseId}, ${said.code}, ${said.topic}, ${said.wantsHuman}, ${nowMs})
      ON CONFLICT (case_id) DO UPDATE SET
        code = coalesce(excluded.code, v.code), topic = coalesce(excluded.topic, v.topic),
        wants_human = v.wants_human OR excluded.wants_human,
        answer_due_at_ms = CASE WHEN v.auto_answered_at_ms IS NULL OR (excluded.wants_human AND NOT v.wants_human)
          THEN ${nowMs}::bigint ELSE v.answer_due_at_ms END`.execute(tx);
  }

  /** Staff spoke: no automatic word is wanted any more, and nobody waits. */
  async answered(tx: Db, caseId: string): Promise<void> {
    await sql`
      INSERT INTO case_conversation (case_id) VALUES (${caseId})
      ON CONFLICT (case_id) DO UPDATE SET answer_due_at_ms = NULL,
        waits_since_ms = NULL, waits_level = 0, waits_escalates_at_ms = NULL`.execute(tx);
  }

  // Waiting for an answer that is no first one

  /** Notes since when an owner waits. Who waits already waits since then. */
  async ownerWaits(tx: Db, caseId: string, sinceMs: number, escalatesAtMs: number | null): Promise<void> {
    await sql`UPDATE case_conversation SET waits_since_ms = ${sinceMs}, waits_level = 0, waits_escalates_at_ms = ${escalatesAtMs}
      WHERE case_id = ${caseId} AND waits_since_ms IS NULL`.execute(tx);
  }

  /** What an owner waits for since then is owed in another case. @returns whether it was owed still */
  async waitsNoMore(tx: Db, caseId: string, sinceMs: number): Promise<boolean> {
    const changed = await affected(tx)`UPDATE case_conversation
      SET waits_since_ms = NULL, waits_level = 0, waits_escalates_at_ms = NULL
      WHERE case_id = ${caseId} AND waits_since_ms = ${sinceMs}`;
    return changed === 1;
  }

  /** Cases whose owners have waited for another step of the escalation, held until the transaction ends. */
  async lockWaiting(
    tx: Db,
    nowMs: number,
    limit: number,
  ): Promise<{ serviceCase: ServiceCase; sinceMs: number; level: number }[]> {
    const { rows } = await sql<{ waits_since_ms: number; waits_level: number } & CaseRow>`
      SELECT c.*, v.waits_since_ms, v.waits_level FROM case_conversation v JOIN service_case c ON c.id = v.case_id
      WHERE v.waits_escalates_at_ms <= ${nowMs}
      ORDER BY v.waits_escalates_at_ms LIMIT ${limit} FOR UPDATE OF c SKIP LOCKED`.execute(tx);
    return rows.map(({ waits_since_ms: sinceMs, waits_level: level, ...row }) => ({
      serviceCase: toCase(row),
      sinceMs,
      level,
    }));
  }

  /** Writes how far staff were told; a `sinceMs` of null: nobody waits any more. */
  async waited(
    tx: Db,
    rows: readonly { caseId: string; sinceMs: number | null; level: number; escalatesAtMs: number | null }[],
  ): Promise<void> {
    if (rows.length === 0) return;
    await sql`UPDATE case_conversation v
      SET waits_since_ms = r."sinceMs", waits_level = r.level, waits_escalates_at_ms = r."escalatesAtMs"
      FROM json_to_recordset(${JSON.stringify(rows)}::json)
        AS r("caseId" uuid, "sinceMs" bigint, level smallint, "escalatesAtMs" bigint)
      WHERE v.case_id = r."caseId"`.execute(tx);
  }

  async answersDue(
    db: Db,
    nowMs: number,
    limit: number,
  ): Promise<{ conversation: Conversation; serviceCase: ServiceCase }[]> {
    const { rows } = await sql<{ conversation: ConversationRow } & CaseRow>`
      SELECT c.*, to_json(v) AS conversation FROM case_conversation v JOIN service_case c ON c.id = v.case_id
      WHERE v.answer_due_at_ms <= ${nowMs} ORDER BY v.answer_due_at_ms LIMIT ${limit}`.execute(db);
    return rows.map(({ conversation, ...row }) => ({
      conversation: toConversation(conversation),
      serviceCase: toCase(row),
    }));
  }

  /** @returns whether the automatic word was still due; it is given from now on */
  async takeAnswer(tx: Db, caseId: string, isAnswer: boolean, nowMs: number): Promise<boolean> {
    const { rows } = await sql`
      UPDATE case_conversation SET answer_due_at_ms = NULL,
        auto_answered_at_ms = CASE WHEN ${isAnswer} THEN ${nowMs}::bigint ELSE coalesce(auto_answered_at_ms, ${nowMs}::bigint) END,
        waits_since_ms = CASE WHEN ${isAnswer} THEN NULL ELSE waits_since_ms END,
        waits_level = CASE WHEN ${isAnswer} THEN 0 ELSE waits_level END,
        waits_escalates_at_ms = CASE WHEN ${isAnswer} THEN NULL ELSE waits_escalates_at_ms END
      WHERE case_id = ${caseId} AND answer_due_at_ms IS NOT NULL RETURNING case_id`.execute(tx);
    return rows.length > 0;
  }

  /**
   * Cases whose promise will soon be missed, and whose owners were not told of that one.
   *
   * @param leads per severity how long before the first answer, and before the solution, is soon
   */
  async endangered(
    db: Db,
    leads: readonly { severity: Severity; answerMs: number; solutionMs: number }[],
    nowMs: number,
    limit: number,
  ): Promise<ServiceCase[]> {
    const { rows } = await sql<CaseRow>`
      SELECT c.* FROM case_conversation v JOIN service_case c ON c.id = v.case_id
      JOIN json_to_recordset(${JSON.stringify(leads)}::json) AS l(severity text, "answerMs" bigint, "solutionMs" bigint)
        ON l.severity = c.severity
      WHERE NOT c.is_closed AND c.household_id IS NOT NULL AND c.due_at_ms < ${nothingDueMs} AND c.status IN ${inLine}
        AND v.warned_for_ms IS DISTINCT FROM c.due_at_ms
        AND c.due_at_ms - CASE WHEN c.answered_at_ms IS NULL AND c.due_at_ms = c.first_answer_due_at_ms
          THEN l."answerMs" ELSE l."solutionMs" END <= ${nowMs}
      ORDER BY c.due_at_ms LIMIT ${limit}`.execute(db);
    return rows.map(toCase);
  }

  async warned(tx: Db, caseId: string, dueAtMs: number): Promise<boolean> {
    const { rows } = await sql`
      UPDATE case_conversation SET warned_for_ms = ${dueAtMs}
      WHERE case_id = ${caseId} AND warned_for_ms IS DISTINCT FROM ${dueAtMs} RETURNING case_id`.execute(tx);
    return rows.length > 0;
  }

  async choose(tx: Db, caseId: string, alternative: Alternative): Promise<void> {
    await sql`UPDATE case_conversation SET alternative = ${JSON.stringify(alternative)}::jsonb WHERE case_id = ${caseId}`.execute(
      tx,
    );
  }

  /** Whoever wants to help themselves is sent the article, also where somebody answered already. */
  async wantsArticle(tx: Db, caseId: string, nowMs: number): Promise<void> {
    await sql`UPDATE case_conversation SET answer_due_at_ms = ${nowMs}, wants_human = false WHERE case_id = ${caseId}`.execute(
      tx,
    );
  }

  /** Automation answered, and nobody said for so long that it did not help. */
  async settled(db: Db, sinceMs: number, limit: number): Promise<string[]> {
    const { rows } = await sql<{ id: string }>`
      SELECT c.id FROM case_conversation v JOIN service_case c ON c.id = v.case_id
      WHERE c.status = 'waiting_for_owner' AND c.status_at_ms <= ${sinceMs} AND c.answered_by = 'automation'
        AND v.auto_answered_at_ms IS NOT NULL AND NOT v.wants_human
        -- A safety matter is not settled before a person has seen it.
        AND (c.severity <> 'safety' OR c.seen_at_ms IS NOT NULL)
      ORDER BY c.status_at_ms LIMIT ${limit}`.execute(db);
    return rows.map(({ id }) => id);
  }

  /**
   * What is owed in the conversation of a case is owed in the one that it goes into.
   *
   * @param waits whether its owner waits for an answer that is owed nowhere else: since then, and when staff are told
   */
  async joined(
    tx: Db,
    from: string,
    into: string,
    waits: { sinceMs: number; escalatesAtMs: number | null } | null,
  ): Promise<void> {
    await sql`
      INSERT INTO case_conversation AS v (case_id, code, topic, wants_human, answer_due_at_ms, auto_answered_at_ms, alternative)
      SELECT ${into}, code, topic, wants_human, answer_due_at_ms, auto_answered_at_ms, alternative
      FROM case_conversation WHERE case_id = ${from}
      ON CONFLICT (case_id) DO UPDATE SET code = coalesce(v.code, excluded.code), topic = coalesce(v.topic, excluded.topic),
        wants_human = v.wants_human OR excluded.wants_human,
        answer_due_at_ms = coalesce(v.answer_due_at_ms, excluded.answer_due_at_ms),
        auto_answered_at_ms = coalesce(v.auto_answered_at_ms, excluded.auto_answered_at_ms),
        alternative = coalesce(v.alternative, excluded.alternative)`.execute(tx);
    await sql`UPDATE case_conversation
      SET answer_due_at_ms = NULL, waits_since_ms = NULL, waits_level = 0, waits_escalates_at_ms = NULL
      WHERE case_id = ${from}`.execute(tx);
    if (waits !== null) await this.ownerWaits(tx, into, waits.sinceMs, waits.escalatesAtMs);
  }

  /** Since when an owner waits for an answer that is no first one; null where nobody does. */
  async waitsSinceMs(tx: Db, caseId: string): Promise<number | null> {
    const { rows } = await sql<{ waits_since_ms: number | null }>`
      SELECT waits_since_ms FROM case_conversation WHERE case_id = ${caseId}`.execute(tx);
    return rows[0]?.waits_since_ms ?? null;
  }

  // Displays

  async displayed(tx: Db, deliveryId: string, caseId: string): Promise<void> {
    await sql`INSERT INTO case_display (delivery_id, case_id) VALUES (${deliveryId}, ${caseId})`.execute(tx);
  }

  async shown(tx: Db, deliveryIds: readonly string[], atMs: number): Promise<void> {
    await sql`UPDATE case_display SET shown_at_ms = ${atMs}
      WHERE delivery_id = ANY(${[...deliveryIds]}::uuid[]) AND shown_at_ms IS NULL`.execute(tx);
  }

  async shownOf(db: Db, caseId: string): Promise<Map<string, number | null>> {
    const { rows } = await sql<{ delivery_id: string; shown_at_ms: number | null }>`
      SELECT delivery_id, shown_at_ms FROM case_display WHERE case_id = ${caseId}`.execute(db);
    return new Map(rows.map((row) => [row.delivery_id, row.shown_at_ms]));
  }

  /** What was shown of a household's cases, those that its appliances left it with too. */
  async displaysOf(tx: Db, householdId: string): Promise<string[]> {
    const { rows } = await sql<{ delivery_id: string }>`
      SELECT delivery_id FROM case_display WHERE case_id IN (
        SELECT id FROM service_case WHERE household_id = ${householdId} OR former_household_id = ${householdId}
          OR home_id = ${householdId})`.execute(tx);
    return rows.map((row) => row.delivery_id);
  }

  // What an owner sees

  /**
   * A household's cases of the appliances that it has, from when it had them, and its own; newest first. What another part of the service
   * wants a person for is the staff's, until they write to the owner about it, or what the owner wrote elsewhere went into it.
   */
  async ofHousehold(
    db: Db,
    householdId: string,
    devices: readonly { key: number; householdSinceMs: number | null }[],
    only: { caseId: string | null; limit: number },
  ): Promise<ServiceCase[]> {
    const rows = devices.map(({ key, householdSinceMs }) => ({ device_key: key, since_ms: householdSinceMs ?? 0 }));
    const { rows: found } = await sql<CaseRow>`
      SELECT c.* FROM service_case c
      LEFT JOIN json_to_recordset(${JSON.stringify(rows)}::json) AS d(device_key int, since_ms bigint) ON d.device_key = c.device_key
      WHERE c.household_id = ${householdId}
        AND (c.known_at_ms >= d.since_ms OR (c.device_key IS NULL AND (c.opened_by NOT LIKE 'service:%'
          OR EXISTS (SELECT FROM case_entry e WHERE e.case_id = c.id AND e.kind IN ('message_to_owner', 'message_from_owner')))))
        AND c.status <> 'merged' AND (${only.caseId}::uuid IS NULL OR c.id = ${only.caseId})
      ORDER BY c.id DESC LIMIT ${only.limit}`.execute(db);
    return found.map(toCase);
  }

  /** In one statement for any number of cases. */
  async standings(db: Db, ids: readonly string[]): Promise<Map<string, Standing>> {
    const { rows } = await sql<CaseRow & { ahead: number | null; last_sequence: number | null }>`
      SELECT c.*, CASE WHEN c.status IN ${inLine} THEN (
          SELECT count(*) FROM service_case a
          WHERE NOT a.is_closed AND a.status IN ${inLine}
            AND (a.severity_rank, a.due_at_ms, a.opened_at_ms, a.id) < (c.severity_rank, c.due_at_ms, c.opened_at_ms, c.id)
        ) END AS ahead,
        (SELECT max(sequence) FROM case_entry e WHERE e.case_id = c.id
          AND e.kind IN ('opened', 'reopened', 'resolved', 'status', 'message_to_owner', 'message_from_owner')) AS last_sequence
      FROM service_case c WHERE c.id = ANY(${[...ids]}::uuid[])`.execute(db);
    return new Map(
      rows.map(({ ahead, last_sequence, ...row }) => [
        row.id,
        { serviceCase: toCase(row), ahead, lastSequence: last_sequence ?? 0 },
      ]),
    );
  }

  /** How long cases of a severity waited for a person's first answer lately, in milliseconds. */
  async waits(db: Db, severity: Severity, nowMs: number): Promise<number[]> {
    const { rows } = await sql<{ waited: number }>`
      SELECT greatest(0, answered_at_ms - known_at_ms) AS waited FROM service_case
      WHERE severity = ${severity} AND answered_at_ms > ${nowMs - sampleDays * dayMs} AND answered_by LIKE 'staff:%'
      ORDER BY answered_at_ms DESC LIMIT ${sampleMax}`.execute(db);
    return rows.map(({ waited }) => waited);
  }

  // Erasure

  /** What people said goes from the conversation's own rows; what stands in the case's lines is the case's to forget. */
  async forgetHousehold(tx: Db, householdId: string): Promise<void> {
    await sql`UPDATE case_conversation SET alternative = NULL
      WHERE alternative IS NOT NULL AND case_id IN (
        SELECT id FROM service_case WHERE household_id = ${householdId} OR former_household_id = ${householdId}
          OR home_id = ${householdId})`.execute(tx);
    await sql`DELETE FROM feedback_asked WHERE household_id = ${householdId}`.execute(tx);
  }
}
