import { sql } from "kysely";
import { changedMeanwhile, newestOf, type Overtaken } from "../platform/based-on.ts";
import { type Db, transaction } from "../platform/database.ts";
import { type Principal, principalText } from "../staff/staff.ts";
import { defaultPolicy, type EngagementPolicy } from "./core/policy.ts";
import type { EngagementDeps } from "./ports.ts";

export interface PolicyVersion {
  policy: EngagementPolicy;
  /** 0: what is in force before anybody set it. */
  version: number;
  createdAtMs: number;
  createdBy: string;
}

/** The caps and the hold-out, as the maker set them. */
export class Policies {
  readonly #deps: Pick<EngagementDeps, "db" | "clock" | "audit">;

  constructor(deps: Pick<EngagementDeps, "db" | "clock" | "audit">) {
    this.#deps = deps;
  }

  async inForce(db: Db = this.#deps.db): Promise<EngagementPolicy> {
    return (await this.newest(db)).policy;
  }

  /** What is in force, and whose it is. */
  async newest(db: Db = this.#deps.db): Promise<PolicyVersion> {
    const { rows } = await sql<{
      version: number;
      definition: EngagementPolicy;
      created_at_ms: number;
      created_by: string;
    }>`
      SELECT version, definition, created_at_ms, created_by FROM engagement_policy ORDER BY version DESC LIMIT 1`.execute(
      db,
    );
    const [row] = rows;
    return row === undefined
      ? { policy: defaultPolicy, version: 0, createdAtMs: 0, createdBy: "system" }
      : { policy: row.definition, version: row.version, createdAtMs: row.created_at_ms, createdBy: row.created_by };
  }

  /** Puts the next version in force. @param basedOn the version that was changed; another one in force refuses it */
  async put(by: Principal, policy: EngagementPolicy, basedOn?: number): Promise<PolicyVersion | Overtaken> {
    const { db, clock, audit } = this.#deps;
    return transaction(db, async (tx) => {
      await sql`LOCK TABLE engagement_policy IN SHARE ROW EXCLUSIVE MODE`.execute(tx);
      const before = await this.newest(tx);
      const other = changedMeanwhile(basedOn, before.version === 0 ? null : newestOf(before));
      if (other !== null) return other;
      const next = {
        policy,
        version: before.version + 1,
        createdAtMs: clock.nowMs(),
        createdBy: principalText(by),
      };
      await sql`
        INSERT INTO engagement_policy (version, definition, created_at_ms, created_by)
        VALUES (${next.version}, ${JSON.stringify(policy)}::jsonb, ${next.createdAtMs}, ${next.createdBy})`.execute(tx);
      await audit.record(tx, {
        principal: by,
        action: "engagement_policy.changed",
        subject: "engagement:policy",
        before: before.policy,
        after: policy,
      });
      return next;
    });
  }
}
