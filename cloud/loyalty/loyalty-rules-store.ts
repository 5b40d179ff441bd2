import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import type { LoyaltyDefinition, LoyaltyRule } from "./core/rule.ts";

interface RuleRow {
  key: string;
  version: number;
  definition: LoyaltyDefinition;
  created_at_ms: number;
  created_by: string;
}

const toRule = (row: RuleRow): LoyaltyRule => ({
  key: row.key,
  version: row.version,
  definition: row.definition,
  createdAtMs: row.created_at_ms,
  createdBy: row.created_by,
});

/** Taken while a rule changes, so that versions follow one another. */
const rulesLock = 4_711_002;

/** SQL of earning rules. */
export class LoyaltyRulesStore {
  /** The newest version of every rule. */
  async list(db: Db): Promise<LoyaltyRule[]> {
    const { rows } = await sql<RuleRow>`
      SELECT DISTINCT ON (key) * FROM loyalty_rule ORDER BY key, version DESC`.execute(db);
    return rows.map(toRule);
  }

  /** As `list`, with no other change of rules until the transaction ends. */
  async listForChange(tx: Db): Promise<LoyaltyRule[]> {
    await sql`SELECT pg_advisory_xact_lock(${rulesLock})`.execute(tx);
    return this.list(tx);
  }

  async insert(tx: Db, rule: LoyaltyRule): Promise<void> {
    await sql`INSERT INTO loyalty_rule (key, version, definition, created_at_ms, created_by)
      VALUES (${rule.key}, ${rule.version}, ${JSON.stringify(rule.definition)}::jsonb, ${rule.createdAtMs}, ${rule.createdBy})`.execute(
      tx,
    );
  }
}
