import { createHash } from "node:crypto";
import { sql } from "kysely";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";

export interface GatewayToken {
  id: string;
  name: string;
  createdAtMs: number;
  createdBy: string;
  revokedAtMs: number | null;
}

const tokensMax = 20;
const columns = sql.raw(
  `id, name, created_at_ms AS "createdAtMs", created_by AS "createdBy", revoked_at_ms AS "revokedAtMs"`,
);

/** 256 random bits need no slow hash. */
const sha256 = (secret: string): Buffer => createHash("sha256").update(secret).digest();

/** Tokens that open the API for every appliance whose model speaks it. Each is told once, and only its hash is kept. */
export class GatewayTokens {
  readonly #deps: { db: Db; clock: Clock; ids: Ids; audit: Audit };

  constructor(deps: { db: Db; clock: Clock; ids: Ids; audit: Audit }) {
    this.#deps = deps;
  }

  async create(
    by: Principal,
    name: string,
  ): Promise<
    { kind: "created"; token: GatewayToken; secret: string } | { kind: "refused"; rule: "too_many_gateway_tokens" }
  > {
    const { db, clock, ids, audit } = this.#deps;
    const [id, secret] = [ids.next(), ids.secret()];
    return transaction(db, async (tx) => {
      await audit.record(tx, {
        principal: by,
        action: "ddi_gateway_token.created",
        subject: `ddi_gateway_token:${id}`,
        after: { name },
      });
      // After the audit, whose lock lets one at a time through, so that two at once do not both find room.
      const { rows } = await sql<GatewayToken>`
        INSERT INTO ddi_gateway_token (id, name, sha256, created_at_ms, created_by)
        SELECT ${id}, ${name}, ${sha256(secret)}, ${clock.nowMs()}, ${principalText(by)}
        WHERE (SELECT count(*) FROM ddi_gateway_token WHERE revoked_at_ms IS NULL) < ${tokensMax}
        RETURNING ${columns}`.execute(tx);
      const [token] = rows;
      if (token === undefined) throw new TooMany();
      return { kind: "created" as const, token, secret };
    }).catch((error: unknown) => {
      if (error instanceof TooMany) return { kind: "refused", rule: "too_many_gateway_tokens" };
      throw error;
    });
  }

  /** Those that work, and the newest of those that do not any more. */
  async list(): Promise<GatewayToken[]> {
    const { rows } = await sql<GatewayToken>`
      SELECT ${columns} FROM ddi_gateway_token ORDER BY revoked_at_ms DESC NULLS FIRST, id LIMIT 100`.execute(
      this.#deps.db,
    );
    return rows;
  }

  async revoke(
    by: Principal,
    id: string,
  ): Promise<{ kind: "revoked" } | { kind: "refused"; rule: "gateway_token_not_found" }> {
    const { db, clock, audit } = this.#deps;
    return transaction(db, async (tx) => {
      const { rows } = await sql`
        UPDATE ddi_gateway_token SET revoked_at_ms = ${clock.nowMs()}
        WHERE id = ${id} AND revoked_at_ms IS NULL RETURNING id`.execute(tx);
      if (rows.length === 0) return { kind: "refused", rule: "gateway_token_not_found" };
      await audit.record(tx, {
        principal: by,
        action: "ddi_gateway_token.revoked",
        subject: `ddi_gateway_token:${id}`,
      });
      return { kind: "revoked" };
    });
  }

  async opens(secret: string): Promise<boolean> {
    const { rows } = await sql`
      SELECT 1 FROM ddi_gateway_token WHERE sha256 = ${sha256(secret)} AND revoked_at_ms IS NULL`.execute(
      this.#deps.db,
    );
    return rows.length > 0;
  }
}

/** Rolls the transaction back. */
class TooMany extends Error {}
