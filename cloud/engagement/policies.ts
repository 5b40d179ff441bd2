import { sql } from "kysely";
import { type Db, transaction } from "../platform/database.ts";
import { type Principal, principalText } from "../staff/staff.ts";
import { defaultPolicy, type EngagementPolicy } from "./core/policy.ts";
import type { EngagementDeps } from "./ports.ts";

/** The caps and the hold-out, as the maker set them. */
export class Policies {
  readonly #deps: Pick<EngagementDeps, "db" | "clock" | "audit">;

  constructor(deps: Pick<EngagementDeps, "db" | "clock" | "audit">) {
    this.#deps = deps;
  }

  async inForce(db: Db = this.#deps.db): Promise<EngagementPolicy> {
    const { rows } = await sql<{ definition: EngagementPolicy }>`
      SELECT definition FROM engagement_policy ORDER BY version DESC LIMIT 1`.execute(db);
    return rows[0]?.definition ?? defaultPolicy;
  }

  async put(by: Principal, policy: EngagementPolicy): Promise<EngagementPolicy> {
    const { db, clock, audit } = this.#deps;
    await transaction(db, async (tx) => {
      await sql`LOCK TABLE engagement_policy IN SHARE ROW EXCLUSIVE MODE`.execute(tx);
      const before = await this.inForce(tx);
      await sql`
        INSERT INTO engagement_policy (version, definition, created_at_ms, created_by)
        SELECT coalesce(max(version), 0) + 1, ${JSON.stringify(policy)}::jsonb, ${clock.nowMs()}::bigint, ${principalText(by)}
        FROM engagement_policy`.execute(tx);
      await audit.record(tx, {
        principal: by,
        action: "engagement_policy.changed",
        subject: "engagement:policy",
        before,
        after: policy,
      });
    });
    return policy;
  }
}
