import { sql } from "kysely";
import { type Db, transaction } from "../platform/database.ts";
import { SecretBox } from "../platform/secret-box.ts";
import { newWebhookSecret, refusedUrl } from "../platform/webhooks/webhook-sender.ts";
import { type Principal, principalText } from "../staff/staff.ts";
import { type EngagementDeps, type Refused, refused } from "./ports.ts";

const owner = "engagement app";

/** The maker's own app, which is told by webhook what a household is to get. */
export class AppHook {
  readonly #deps: Pick<EngagementDeps, "db" | "clock" | "ids" | "audit" | "reach">;
  readonly #box: SecretBox;

  constructor(deps: Pick<EngagementDeps, "db" | "clock" | "ids" | "audit" | "reach" | "secret">) {
    this.#deps = deps;
    this.#box = new SecretBox(deps.secret, owner);
  }

  /** Null where there is none, or it said that it wants nothing more. */
  async get(db: Db = this.#deps.db): Promise<{ url: string; goneAtMs: number | null } | null> {
    const { rows } = await sql<{ url: string; gone_at_ms: number | null }>`
      SELECT url, gone_at_ms FROM engagement_app`.execute(db);
    return rows.map(({ url, gone_at_ms: goneAtMs }) => ({ url, goneAtMs }))[0] ?? null;
  }

  async isReady(db: Db): Promise<boolean> {
    const app = await this.get(db);
    return app !== null && app.goneAtMs === null;
  }

  async channel(): Promise<{ url: string; secrets: string[] } | null> {
    const { rows } = await sql<{ url: string; secret: Buffer; gone_at_ms: number | null }>`
      SELECT url, secret, gone_at_ms FROM engagement_app`.execute(this.#deps.db);
    const row = rows[0];
    if (row === undefined || row.gone_at_ms !== null) return null;
    return { url: row.url, secrets: [this.#box.open(row.secret, owner)] };
  }

  /** @returns what its messages are signed with: shown this once */
  async put(
    by: Principal,
    url: string,
  ): Promise<{ kind: "set"; url: string; secret: string } | Refused<"app_url_invalid" | "app_url_private">> {
    const { db, clock, ids, audit, reach } = this.#deps;
    const bad = refusedUrl(url, reach);
    if (bad !== null) return refused(bad === "webhook_url_invalid" ? "app_url_invalid" : "app_url_private");
    const secret = newWebhookSecret(ids);
    await transaction(db, async (tx) => {
      await sql`
        INSERT INTO engagement_app (url, secret, changed_at_ms, changed_by)
        VALUES (${url}, ${this.#box.seal(secret, owner)}, ${clock.nowMs()}, ${principalText(by)})
        ON CONFLICT (single) DO UPDATE SET url = excluded.url, secret = excluded.secret, changed_at_ms = excluded.changed_at_ms,
          changed_by = excluded.changed_by, gone_at_ms = NULL`.execute(tx);
      await audit.record(tx, {
        principal: by,
        action: "engagement_app.set",
        subject: "engagement:app",
        after: { url },
      });
    });
    return { kind: "set", url, secret };
  }

  async remove(by: Principal): Promise<void> {
    const { db, audit } = this.#deps;
    await transaction(db, async (tx) => {
      await sql`DELETE FROM engagement_app`.execute(tx);
      await audit.record(tx, { principal: by, action: "engagement_app.removed", subject: "engagement:app" });
    });
  }

  async gone(tx: Db, nowMs: number): Promise<void> {
    await sql`UPDATE engagement_app SET gone_at_ms = ${nowMs}`.execute(tx);
  }
}
