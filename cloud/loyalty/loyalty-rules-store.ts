import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import { type LoyaltyDefinition, loyaltyDefinition, type LoyaltyRule } from "./core/rule.ts";

interface RuleRow {
  key: string;
  version: number;
  definition: LoyaltyDefinition;
  created_at_ms: number;
  created_by: string;
  from_ms: number;
}

const toRule = (row: RuleRow): LoyaltyRule => ({
  key: row.key,
  version: row.version,
  // The database does not keep the order of fields: parsed, two that say the same are written the same.
  definition: loyaltyDefinition.parse(row.definition),
  createdAtMs: row.created_at_ms,
  createdBy: row.created_by,
  fromMs: row.from_ms,
});

/** Taken while a rule changes, so that versions follow one another. */
const rulesLock = 4_711_002;

/** SQL of earning rules. */
export class LoyaltyRulesStore {
  /** The newest versions of every rule, the oldest of them first. */
  async versions(db: Db, ofEachMax: number): Promise<LoyaltyRule[]> {
    const { rows } = await sql<RuleRow>`
      SELECT * FROM (
        SELECT *, row_number() OVER (PARTITION BY key ORDER BY version DESC) AS place FROM loyalty_rule
      ) AS r WHERE place <= ${ofEachMax} ORDER BY key, version`.execute(db);
    return rows.map(toRule);
  }

  /** The rule in force and how many there are, with no other change of rules until the transaction ends. */
  async forChange(tx: Db, key: string): Promise<{ before: LoyaltyRule | null; count: number }> {
    await sql`SELECT pg_advisory_xact_lock(${rulesLock})`.execute(tx);
    const all = await this.versions(tx, 1);
    return { before: all.find((rule) => rule.key === key) ?? null, count: all.length };
  }

  async insert(tx: Db, rule: LoyaltyRule): Promise<void> {
    await sql`INSERT INTO loyalty_rule (key, version, definition, created_at_ms, created_by, from_ms)
      VALUES (${rule.key}, ${rule.version}, ${JSON.stringify(rule.definition)}::jsonb, ${rule.createdAtMs}, ${rule.createdBy},
        ${rule.fromMs})`.execute(tx);
  }
}
