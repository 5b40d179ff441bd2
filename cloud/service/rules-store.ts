import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import type { RuleDefinition, ServiceRule } from "./core/rule.ts";
import type { Evidence } from "./core/threshold.ts";

interface RuleRow {
  id: string;
  version: number;
  definition: RuleDefinition;
  created_at_ms: number;
  created_by: string;
}

const toRule = (row: RuleRow): ServiceRule => ({
  id: row.id,
  version: row.version,
  definition: row.definition,
  createdAtMs: row.created_at_ms,
  createdBy: row.created_by,
});

/** Where a rule stands with a device: one row of `rule_state`. */
export interface RuleStateRow {
  rule_id: string;
  device_key: number;
  cause: string;
  phase: "idle" | "pending" | "holding";
  since_ms: number | null;
  last_at_ms: number;
  evidence: Evidence[] | null;
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

  /** The newest version, with the rule held until the transaction ends. */
  async getForChange(tx: Db, id: string): Promise<ServiceRule | null> {
    await sql`SELECT 1 FROM service_rule WHERE id = ${id} AND version = 1 FOR UPDATE`.execute(tx);
    const { rows } = await sql<RuleRow>`
      SELECT * FROM service_rule WHERE id = ${id} ORDER BY version DESC LIMIT 1`.execute(tx);
    return rows.map(toRule)[0] ?? null;
  }

  async insert(tx: Db, rule: ServiceRule): Promise<void> {
    await sql`INSERT INTO service_rule (id, version, definition, created_at_ms, created_by)
      VALUES (${rule.id}, ${rule.version}, ${JSON.stringify(rule.definition)}::jsonb, ${rule.createdAtMs}, ${rule.createdBy})`.execute(
      tx,
    );
  }

  /** Devices that a rule must look at closely: those it is not idle with. */
  async live(db: Db): Promise<{ rule_id: string; device_key: number }[]> {
    const { rows } = await sql<{ rule_id: string; device_key: number }>`
      SELECT rule_id, device_key FROM rule_state WHERE phase <> 'idle'`.execute(db);
    return rows;
  }

  async states(tx: Db, keys: readonly RuleStateKey[]): Promise<RuleStateRow[]> {
    if (keys.length === 0) return [];
    const { ruleIds, deviceKeys, causes } = columns(keys);
    const { rows } = await sql<RuleStateRow>`
      SELECT s.* FROM rule_state s
      JOIN unnest(${ruleIds}::uuid[], ${deviceKeys}::int[], ${causes}::text[]) AS k(rule_id, device_key, cause)
        USING (rule_id, device_key, cause)`.execute(tx);
    return rows;
  }

  /** Every rule that holds one of these causes on its device. */
  async holders(tx: Db, keys: readonly RuleStateKey[]): Promise<RuleStateRow[]> {
    if (keys.length === 0) return [];
    const { deviceKeys, causes } = columns(keys);
    const { rows } = await sql<RuleStateRow>`
      SELECT s.* FROM rule_state s
      JOIN (SELECT DISTINCT * FROM unnest(${deviceKeys}::int[], ${causes}::text[])) AS k(device_key, cause)
        USING (device_key, cause)
      WHERE s.phase = 'holding'`.execute(tx);
    return rows;
  }

  async writeStates(tx: Db, rows: readonly RuleStateRow[]): Promise<void> {
    if (rows.length === 0) return;
    await sql`
      INSERT INTO rule_state (rule_id, device_key, cause, phase, since_ms, last_at_ms, evidence)
      SELECT rule_id, device_key, cause, phase, since_ms, last_at_ms, evidence
      FROM json_to_recordset(${JSON.stringify(rows)}::json) AS r(
        rule_id uuid, device_key int, cause text, phase text, since_ms bigint, last_at_ms bigint, evidence jsonb)
      ON CONFLICT (rule_id, device_key, cause) DO UPDATE SET
        phase = excluded.phase, since_ms = excluded.since_ms, last_at_ms = excluded.last_at_ms,
        evidence = excluded.evidence`.execute(tx);
  }
}
