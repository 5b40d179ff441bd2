import { sql } from "kysely";
import { changedMeanwhile, newestOf, type Overtaken } from "../platform/based-on.ts";
import { type Db, transaction } from "../platform/database.ts";
import { type Refused, refused } from "../platform/refused.ts";
import { SecretBox } from "../platform/secret-box.ts";
import { newWebhookSecret, refusedUrl } from "../platform/webhooks/webhook-sender.ts";
import { type Principal, principalText } from "../staff/staff.ts";
import type { EngagementDeps } from "./ports.ts";

const owner = "engagement app";

interface AppRow {
  version: number;
  url: string | null;
  changed_at_ms: number;
  changed_by: string;
  gone_at_ms: number | null;
}

/** Where the maker's app is told, as somebody said it last. */
export interface AppVersion {
  version: number;
  /** Null: nowhere any more. */
  url: string | null;
  /** Since when it wants nothing more. */
  goneAtMs: number | null;
  createdAtMs: number;
  createdBy: string;
}

/** The maker's own app, which is told by webhook what a household is to get. */
export class AppHook {
  readonly #deps: Pick<EngagementDeps, "db" | "clock" | "ids" | "audit" | "reach">;
  readonly #box: SecretBox;

  constructor(deps: Pick<EngagementDeps, "db" | "clock" | "ids" | "audit" | "reach" | "secret">) {
    this.#deps = deps;
    this.#box = new SecretBox(deps.secret, owner);
  }

  /** Where it is told. Null where nobody ever said it. */
  async get(db: Db = this.#deps.db): Promise<AppVersion | null> {
    const { rows } = await sql<AppRow>`
      SELECT version, url, changed_at_ms, changed_by, gone_at_ms FROM engagement_app`.execute(db);
    const [row] = rows;
    if (row === undefined) return null;
    const { version, url, changed_at_ms: createdAtMs, changed_by: createdBy, gone_at_ms: goneAtMs } = row;
    return { version, url, goneAtMs, createdAtMs, createdBy };
  }

  async isReady(db: Db): Promise<boolean> {
    const app = await this.get(db);
    return app !== null && app.url !== null && app.goneAtMs === null;
  }

  async channel(): Promise<{ url: string; secrets: string[] } | null> {
    const { rows } = await sql<{ url: string; secret: Buffer; gone_at_ms: number | null }>`
      SELECT url, secret, gone_at_ms FROM engagement_app WHERE url IS NOT NULL`.execute(this.#deps.db);
    const row = rows[0];
    if (row === undefined || row.gone_at_ms !== null) return null;
    return { url: row.url, secrets: [this.#box.open(row.secret, owner)] };
  }

  /**
   * @param basedOn the version that was changed; another one refuses it
   * @returns what its messages are signed with: shown this once
   */
  async put(
    by: Principal,
    url: string,
    basedOn?: number,
  ): Promise<
    | { kind: "set"; url: string; secret: string; version: number }
    | Overtaken
    | Refused<"app_url_invalid" | "app_url_private">
  > {
    const { ids, reach } = this.#deps;
    const bad = refusedUrl(url, reach);
    if (bad !== null) return refused(bad === "webhook_url_invalid" ? "app_url_invalid" : "app_url_private");
    const secret = newWebhookSecret(ids);
    const outcome = await this.#change(by, { url, secret: this.#box.seal(secret, owner) }, basedOn);
    return outcome.kind === "overtaken" ? outcome : { kind: "set", url, secret, version: outcome.version };
  }

  async remove(by: Principal, basedOn?: number): Promise<{ kind: "changed" } | Overtaken> {
    return this.#change(by, null, basedOn);
  }

  /** The next version, or one in which it is told nothing. */
  async #change(
    by: Principal,
    next: { url: string; secret: Buffer } | null,
    basedOn: number | undefined,
  ): Promise<{ kind: "changed"; version: number } | Overtaken> {
    const { db, clock, audit } = this.#deps;
    return transaction(db, async (tx) => {
      await sql`LOCK TABLE engagement_app IN SHARE ROW EXCLUSIVE MODE`.execute(tx);
      const before = await this.get(tx);
      const other = changedMeanwhile(basedOn, before === null ? null : newestOf(before));
      if (other !== null) return other;
      const version = (before?.version ?? 0) + 1;
      await sql`
        INSERT INTO engagement_app (version, url, secret, changed_at_ms, changed_by)
        VALUES (${version}, ${next?.url ?? null}, ${next?.secret ?? null}, ${clock.nowMs()}, ${principalText(by)})
        ON CONFLICT (single) DO UPDATE SET version = excluded.version, url = excluded.url, secret = excluded.secret,
          changed_at_ms = excluded.changed_at_ms, changed_by = excluded.changed_by, gone_at_ms = NULL`.execute(tx);
      await audit.record(tx, {
        principal: by,
        action: next === null ? "engagement_app.removed" : "engagement_app.set",
        subject: "engagement:app",
        before: before === null ? undefined : { url: before.url },
        after: next === null ? undefined : { url: next.url },
      });
      return { kind: "changed", version };
    });
  }

  async gone(tx: Db, nowMs: number): Promise<void> {
    await sql`UPDATE engagement_app SET gone_at_ms = ${nowMs}`.execute(tx);
  }
}
