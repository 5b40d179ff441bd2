import { sql } from "kysely";
import type { Clock } from "../platform/clock.ts";
import { newestOf, type Overtaken, changedMeanwhile } from "../platform/based-on.ts";
import { type Db, transaction } from "../platform/database.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import { type CasePolicy, casePolicy, type SeverityTerms } from "./core/case-promise.ts";
import type { Severity } from "./core/severity.ts";

export interface PolicyVersion {
  version: number;
  policy: CasePolicy;
  createdAtMs: number;
  createdBy: string;
}

/** What is promised for cases of each severity: kept in memory, changed by the API. */
export class CasePolicies {
  readonly #deps: { db: Db; clock: Clock; audit: Audit };
  #inForce: PolicyVersion | null = null;

  constructor(deps: { db: Db; clock: Clock; audit: Audit }) {
    this.#deps = deps;
  }

  /** Before the first batch. */
  async load(): Promise<void> {
    this.#inForce = await this.#newest(this.#deps.db);
  }

  get inForce(): PolicyVersion {
    if (this.#inForce === null) throw new Error("the policy of cases was not loaded");
    return this.#inForce;
  }

  terms(severity: Severity): SeverityTerms {
    return this.inForce.policy[severity];
  }

  /** Puts the next version in force. What was promised already stands; steps of the escalation count from its next turn on. */
  async change(by: Principal, policy: CasePolicy, basedOn?: number): Promise<PolicyVersion | Overtaken> {
    const { db, clock, audit } = this.#deps;
    const made = await transaction(db, async (tx) => {
      // Two changes at once become two versions.
      await sql`LOCK TABLE case_policy IN SHARE ROW EXCLUSIVE MODE`.execute(tx);
      const before = await this.#newest(tx);
      const other = changedMeanwhile(basedOn, newestOf(before));
      if (other !== null) return other;
      const after = { version: before.version + 1, policy, createdAtMs: clock.nowMs(), createdBy: principalText(by) };
      await sql`INSERT INTO case_policy (version, definition, created_at_ms, created_by)
        VALUES (${after.version}, ${JSON.stringify(policy)}::jsonb, ${after.createdAtMs}, ${after.createdBy})`.execute(
        tx,
      );
      await audit.record(tx, {
        principal: by,
        action: "case_policy.changed",
        subject: "case_policy",
        before: before.policy,
        after: policy,
      });
      return after;
    });
    if ("kind" in made) return made;
    if (made.version > this.inForce.version) this.#inForce = made;
    return made;
  }

  async #newest(db: Db): Promise<PolicyVersion> {
    const { rows } = await sql<{ version: number; definition: unknown; created_at_ms: number; created_by: string }>`
      SELECT * FROM case_policy ORDER BY version DESC LIMIT 1`.execute(db);
    const [row] = rows;
    if (row === undefined) throw new Error("there is no policy of cases");
    const policy = casePolicy.parse(row.definition);
    return { version: row.version, policy, createdAtMs: row.created_at_ms, createdBy: row.created_by };
  }
}
