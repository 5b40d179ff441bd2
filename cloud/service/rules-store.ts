import { sql } from "kysely";
import { z } from "zod";
import type { Db } from "../platform/database.ts";
import type { Phase } from "./core/operators/operator.ts";
import { type RuleDefinition, ruleDefinition, type ServiceRule } from "./core/rule.ts";

interface RuleRow {
  id: string;
  version: number;
  definition: unknown;
  created_at_ms: number;
  created_by: string;
}

/** Defaults that a definition of an earlier version of Hearth lacks are filled in. */
const toRule = (row: RuleRow): ServiceRule => ({
  id: row.id,
  version: row.version,
  definition: ruleDefinition.parse(row.definition),
  createdAtMs: row.created_at_ms,
  createdBy: row.created_by,
});

/** Where a rule stands with a device: one row of `rule_state`. */
export interface RuleStateRow {
  rule_id: string;
  device_key: number;
  cause: string;
  phase: Phase;
  due_ms: number | null;
  state: unknown;
}

export interface RuleStateKey {
  ruleId: string;
  deviceKey: number;
  cause: string;
}

const columns = (keys: readonly RuleStateKey[]) => ({
  ruleIds: keys.map((key) => key.ruleId),
  deviceKeys: keys.map((key) => key.deviceKey),
  causes: keys.map((key) => key.cause),
});

/** SQL of rules and of where they stand. */
export class RulesStore {
  /** The newest version of every rule. */
  async list(db: Db): Promise<ServiceRule[]> {
    const { rows } = await sql<RuleRow>`
      SELECT DISTINCT ON (id) * FROM service_rule ORDER BY id, version DESC`.execute(db);
    return rows.map(toRule);
  }

  /** Newest first. */
  async versions(db: Db, id: string, limit: number): Promise<ServiceRule[]> {
    const { rows } = await sql<RuleRow>`
      SELECT * FROM service_rule WHERE id = ${id} ORDER BY version DESC LIMIT ${limit}`.execute(db);
    return rows.map(toRule);
  }

  /** The newest version, with the rule held until the transaction ends. */
  async getForChange(tx: Db, id: string): Promise<ServiceRule | null> {
    await sql`SELECT 1 FROM service_rule WHERE id = ${id} AND version = 1 FOR UPDATE`.execute(tx);
    const [newest] = await this.versions(tx, id, 1);
    return newest ?? null;
  }

  async insert(tx: Db, rule: ServiceRule): Promise<void> {
    await sql`INSERT INTO service_rule (id, version, definition, created_at_ms, created_by)
      VALUES (${rule.id}, ${rule.version}, ${JSON.stringify(rule.definition)}::jsonb, ${rule.createdAtMs}, ${rule.createdBy})`.execute(
      tx,
    );
  }

  /** Inserts the rules that were never there, in whatever version. */
  async insertMissing(db: Db, rules: readonly ServiceRule[]): Promise<void> {
    const rows = rules.map(({ id, version, definition, createdAtMs, createdBy }) => ({
      id,
      version,
      definition,
      created_at_ms: createdAtMs,
      created_by: createdBy,
    }));
    await sql`
      INSERT INTO service_rule (id, version, definition, created_at_ms, created_by)
      SELECT id, version, definition, created_at_ms, created_by FROM json_to_recordset(${JSON.stringify(rows)}::json)
        AS r(id uuid, version int, definition jsonb, created_at_ms bigint, created_by text)
      ON CONFLICT (id, version) DO NOTHING`.execute(db);
  }

  /**
   * Devices that a rule must look at closely: those it is not idle with.
   *
   * @param idleToo rules of which also those are wanted with which they are
   * @param absentToo and of which those that were absent once
   * @param stoodToo and of which those with which their cause stood when they began anew
   */
  async live(
    db: Db,
    idleToo: readonly string[],
    absentToo: readonly string[],
    stoodToo: readonly string[],
  ): Promise<RuleStateRow[]> {
    const { rows } = await sql<RuleStateRow>`
      SELECT * FROM rule_state WHERE phase <> 'idle' OR rule_id = ANY(${idleToo}::uuid[])
        OR (rule_id = ANY(${absentToo}::uuid[]) AND state ? 'absent')
        OR (rule_id = ANY(${stoodToo}::uuid[]) AND state ? 'stood')`.execute(db);
    return rows;
  }

  /** Where rules stand, held until the transaction ends: the clock may be looking at them, too. */
  async states(tx: Db, keys: readonly RuleStateKey[]): Promise<RuleStateRow[]> {
    if (keys.length === 0) return [];
    const { ruleIds, deviceKeys, causes } = columns(keys);
    const { rows } = await sql<RuleStateRow>`
      SELECT s.* FROM rule_state s
      JOIN unnest(${ruleIds}::uuid[], ${deviceKeys}::int[], ${causes}::text[]) AS k(rule_id, device_key, cause)
        USING (rule_id, device_key, cause)
      ORDER BY s.rule_id, s.device_key, s.cause FOR UPDATE OF s`.execute(tx);
    return rows;
  }

  /** Where rules stand that the clock must look at, the longest due first, held until the transaction ends. */
  async lockDue(tx: Db, nowMs: number, limit: number): Promise<RuleStateRow[]> {
    const { rows } = await sql<RuleStateRow>`
      SELECT * FROM rule_state WHERE due_ms <= ${nowMs} ORDER BY due_ms LIMIT ${limit}
      FOR UPDATE SKIP LOCKED`.execute(tx);
    return rows;
  }

  /** Every rule that holds one of these causes on its device. */
  async holders(
    tx: Db,
    keys: readonly { deviceKey: number; cause: string }[],
  ): Promise<{ rule_id: string; device_key: number; cause: string }[]> {
    if (keys.length === 0) return [];
    const { rows } = await sql<{ rule_id: string; device_key: number; cause: string }>`
      SELECT s.rule_id, s.device_key, s.cause FROM rule_state s
      JOIN (SELECT DISTINCT * FROM unnest(${keys.map((key) => key.deviceKey)}::int[], ${keys.map((key) => key.cause)}::text[]))
        AS k(device_key, cause) USING (device_key, cause)
      WHERE s.phase = 'holding'`.execute(tx);
    return rows;
  }

  async writeStates(tx: Db, rows: readonly RuleStateRow[]): Promise<void> {
    if (rows.length === 0) return;
    await sql`
      INSERT INTO rule_state (rule_id, device_key, cause, phase, due_ms, state)
      SELECT rule_id, device_key, cause, phase, due_ms, state
      FROM json_to_recordset(${JSON.stringify(rows)}::json) AS r(
        rule_id uuid, device_key int, cause text, phase text, due_ms bigint, state jsonb)
      ORDER BY rule_id, device_key, cause
      ON CONFLICT (rule_id, device_key, cause) DO UPDATE SET
        phase = excluded.phase, due_ms = excluded.due_ms, state = excluded.state`.execute(tx);
  }

  /** A rule that begins to count finds anew what it holds already, and looks at what became due while it did not. */
  async beginAnew(tx: Db, ruleId: string, kind: RuleDefinition["kind"]): Promise<void> {
    // In the order in which batches take them.
    await sql`
      SELECT count(*) FROM (
        SELECT 1 FROM rule_state WHERE rule_id = ${ruleId} ORDER BY device_key, cause FOR UPDATE) AS held`.execute(tx);
    // That it stood must stay: else nobody is told that it went, and its next time is none.
    if (kind === "threshold" || kind === "fault")
      await sql`
        UPDATE rule_state SET phase = 'idle', state = jsonb_strip_nulls(jsonb_build_object(
          'phase', 'idle', 'stood', true, 'lastAtMs', state->'lastAtMs', 'before', state->'before',
          'sinceMs', coalesce(state->'sinceMs', state->'raisedAtMs')))
        WHERE rule_id = ${ruleId} AND (phase = 'holding' OR (phase <> 'idle' AND state ? 'stood'))`.execute(tx);
    if (kind === "frozen")
      await sql`
        UPDATE rule_state SET phase = 'idle', state = jsonb_strip_nulls(jsonb_build_object(
          'phase', 'idle', 'lastAtMs', state->'lastAtMs', 'stuck', state->'stuck',
          'stood', jsonb_build_object('value', state->'value', 'first', state->'first')))
        WHERE rule_id = ${ruleId} AND phase = 'holding'`.execute(tx);
    // Of what is missing the last appearance must stay, too: nothing else says since when.
    await sql`
      UPDATE rule_state SET phase = 'idle', state = state || '{"phase": "idle", "stood": true}'
      WHERE rule_id = ${ruleId} AND phase <> 'idle' AND state ? 'last'`.execute(tx);
    await sql`DELETE FROM rule_state WHERE rule_id = ${ruleId} AND phase <> 'idle' AND NOT state ? 'inner'`.execute(tx);
    await sql`
      UPDATE rule_state SET phase = 'idle',
        state = jsonb_set(state, '{inner}', state->'inner' || '{"phase": "idle", "stood": true}')
      WHERE rule_id = ${ruleId} AND phase <> 'idle'`.execute(tx);
    await sql`UPDATE rule_state SET due_ms = 0 WHERE rule_id = ${ruleId}`.execute(tx);
  }

  /** How many devices each rule holds its cause on, and how much came too late for it. */
  async standing(db: Db): Promise<Map<string, { holding: number; tooLate: number }>> {
    const { rows } = await sql<{ rule_id: string; holding: number; too_late: number }>`
      SELECT id AS rule_id, coalesce(holding, 0)::int AS holding, coalesce(too_late, 0)::float8 AS too_late
      FROM (SELECT id FROM service_rule WHERE version = 1) AS rule
      LEFT JOIN (SELECT rule_id AS id, count(*) AS holding FROM rule_state WHERE phase = 'holding' GROUP BY 1) AS h USING (id)
      LEFT JOIN (SELECT rule_id AS id, sum(count) AS too_late FROM rule_late GROUP BY 1) AS l USING (id)`.execute(db);
    return new Map(rows.map((row) => [row.rule_id, { holding: row.holding, tooLate: row.too_late }]));
  }
}

const todoSchema = z.array(
  z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("tag"), tag: z.string(), on: z.boolean() }),
    z.strictObject({ kind: z.literal("command"), name: z.string() }),
    z.strictObject({ kind: z.literal("award_points"), points: z.int(), title: z.string() }),
    z.strictObject({ kind: z.literal("send_content"), itemId: z.string() }),
  ]),
);
export const parseTodo = (todo: unknown) => todoSchema.parse(todo);
export type Todo = z.infer<typeof todoSchema>[number];
