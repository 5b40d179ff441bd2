import { sql } from "kysely";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { SecretBox } from "../platform/secret-box.ts";
import type { Reach } from "../platform/webhooks/public-address.ts";
import { newWebhookSecret, refusedUrl } from "../platform/webhooks/webhook-sender.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import type { Position } from "./core/position.ts";
import { type DisabledReason, formerSecretMs } from "./core/webhook.ts";
import type { Outbox } from "./outbox.ts";

/** An address of the web that follows the outbox. */
export interface WebhookEndpoint {
  id: string;
  name: string;
  url: string;
  types: string[];
  createdAtMs: number;
  createdBy: string;
  disabledAtMs: number | null;
  disabledReason: DisabledReason | null;
  failingSinceMs: number | null;
  /** When it was found that events had been removed before it was told of them; null: it missed none. */
  missedAtMs: number | null;
  /** While another secret took the place of one that counts still. */
  formerSecretUntilMs: number | null;
}

interface EndpointRow {
  id: string;
  name: string;
  url: string;
  types: string[];
  secret: Buffer;
  former_secret: Buffer | null;
  former_until_ms: number | null;
  created_at_ms: number;
  created_by: string;
  disabled_at_ms: number | null;
  disabled_reason: DisabledReason | null;
  failing_since_ms: number | null;
  missed_at_ms: number | null;
}

export type EndpointRefusal =
  | "webhook_not_found"
  | "too_many_webhooks"
  | "event_webhook_url_invalid"
  | "event_webhook_url_private";
type Refused = { kind: "refused"; rule: EndpointRefusal };
const refused = (rule: EndpointRefusal): Refused => ({ kind: "refused", rule });

export const endpointsMax = 50;

const toEndpoint = (row: EndpointRow): WebhookEndpoint => ({
  id: row.id,
  name: row.name,
  url: row.url,
  types: row.types,
  createdAtMs: row.created_at_ms,
  createdBy: row.created_by,
  disabledAtMs: row.disabled_at_ms,
  disabledReason: row.disabled_reason,
  failingSinceMs: row.failing_since_ms,
  missedAtMs: row.missed_at_ms,
  formerSecretUntilMs: row.former_until_ms,
});

export interface EndpointsDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  outbox: Outbox;
  box: SecretBox;
  reach: Reach;
  /** The end of the outbox. */
  head: () => Promise<Position>;
}

/** Which endpoints there are, and their secrets. */
export class WebhookEndpoints {
  readonly #deps: EndpointsDeps;

  constructor(deps: EndpointsDeps) {
    this.#deps = deps;
  }

  async list(): Promise<WebhookEndpoint[]> {
    const { rows } = await sql<EndpointRow>`SELECT * FROM webhook_endpoint ORDER BY created_at_ms, id`.execute(
      this.#deps.db,
    );
    return rows.map(toEndpoint);
  }

  async get(id: string, db: Db = this.#deps.db): Promise<WebhookEndpoint | null> {
    const { rows } = await sql<EndpointRow>`SELECT * FROM webhook_endpoint WHERE id = ${id}`.execute(db);
    return rows.map(toEndpoint)[0] ?? null;
  }

  /** What its messages are signed with now, the newest first; for the sender alone. None where another installation sealed them. */
  async forSending(id: string): Promise<{ endpoint: WebhookEndpoint; secrets: string[] } | null> {
    const { rows } = await sql<EndpointRow>`SELECT * FROM webhook_endpoint WHERE id = ${id}`.execute(this.#deps.db);
    const [row] = rows;
    if (row === undefined) return null;
    const former = (row.former_until_ms ?? 0) > this.#deps.clock.nowMs() ? row.former_secret : null;
    const secrets = [row.secret, former].flatMap((sealed) => (sealed === null ? [] : this.#open(sealed, id)));
    return { endpoint: toEndpoint(row), secrets };
  }

  /** It hears of what happens from now on. Its secret is in this answer and nowhere else. */
  async create(
    by: Principal,
    asked: { name: string; url: string; types: readonly string[] },
  ): Promise<{ kind: "created"; endpoint: WebhookEndpoint; secret: string } | Refused> {
    const { db, clock, ids, box } = this.#deps;
    const refusal = this.#refusal(asked.url);
    if (refusal !== null) return refused(refusal);
    const { xid, id: afterId } = await this.#deps.head();
    const secret = newWebhookSecret(ids);
    const id = ids.next();
    return transaction(db, async (tx) => {
      // Two at once would count the same: the table is held for as long as it takes.
      await sql`LOCK TABLE webhook_endpoint IN SHARE ROW EXCLUSIVE MODE`.execute(tx);
      const { rows } = await sql<{ count: number }>`SELECT count(*) AS count FROM webhook_endpoint`.execute(tx);
      if ((rows[0]?.count ?? 0) >= endpointsMax) return refused("too_many_webhooks");
      await sql`
        INSERT INTO webhook_endpoint (id, name, url, types, secret, created_at_ms, created_by, after_xid, after_id)
        VALUES (${id}, ${asked.name}, ${asked.url}, ${[...asked.types]}, ${box.seal(secret, id)}, ${clock.nowMs()},
          ${principalText(by)}, ${xid}::xid8, ${afterId})`.execute(tx);
      const endpoint = await this.get(id, tx);
      if (endpoint === null) throw new Error("the inserted endpoint is not there");
      await this.#record(tx, by, "webhook.created", id, undefined, asked);
      return { kind: "created", endpoint, secret };
    });
  }

  /** What is left out stays. One that is enabled again goes on where it stopped, and what waits for it is due. */
  async change(
    by: Principal,
    id: string,
    asked: {
      name?: string | undefined;
      url?: string | undefined;
      types?: readonly string[] | undefined;
      enabled?: boolean | undefined;
    },
  ): Promise<{ kind: "changed" } | Refused> {
    const nowMs = this.#deps.clock.nowMs();
    return transaction(this.#deps.db, async (tx) => {
      const before = await this.#lock(tx, id);
      if (before === null) return refused("webhook_not_found");
      const after = {
        name: asked.name ?? before.name,
        url: asked.url ?? before.url,
        types: asked.types ?? before.types,
        enabled: asked.enabled ?? before.disabledAtMs === null,
      };
      const refusal = this.#refusal(after.url);
      if (refusal !== null) return refused(refusal);
      const disabledAtMs = after.enabled ? null : (before.disabledAtMs ?? nowMs);
      const reason = after.enabled ? null : (before.disabledReason ?? "staff");
      await sql`UPDATE webhook_endpoint SET name = ${after.name}, url = ${after.url}, types = ${[...after.types]},
        disabled_at_ms = ${disabledAtMs}, disabled_reason = ${reason} WHERE id = ${id}`.execute(tx);
      if (after.enabled && before.disabledAtMs !== null) await startAnew(tx, id, nowMs);
      await this.#record(tx, by, "webhook.changed", id, shown(before), after);
      return { kind: "changed" };
    });
  }

  /**
   * Gives it another secret.
   *
   * @param keepFormer messages are signed with both for a day, so that its receiver changes over when it suits; false where somebody
   *   else knows the former one
   */
  async renewSecret(
    by: Principal,
    id: string,
    keepFormer: boolean,
  ): Promise<{ kind: "renewed"; secret: string; formerUntilMs: number | null } | Refused> {
    const { clock, ids, box } = this.#deps;
    return transaction(this.#deps.db, async (tx) => {
      if ((await this.#lock(tx, id)) === null) return refused("webhook_not_found");
      const secret = newWebhookSecret(ids);
      const formerUntilMs = keepFormer ? clock.nowMs() + formerSecretMs : null;
      await sql`UPDATE webhook_endpoint SET former_secret = CASE WHEN ${keepFormer} THEN secret END,
        former_until_ms = ${formerUntilMs}, secret = ${box.seal(secret, id)} WHERE id = ${id}`.execute(tx);
      await this.#record(tx, by, "webhook.secret_renewed", id, undefined, { keepFormer });
      return { kind: "renewed", secret, formerUntilMs };
    });
  }

  /** With it goes what it was told and was still to be told. */
  async remove(by: Principal, id: string): Promise<{ kind: "removed" } | Refused> {
    return transaction(this.#deps.db, async (tx) => {
      const before = await this.#lock(tx, id);
      if (before === null) return refused("webhook_not_found");
      await sql`DELETE FROM webhook_endpoint WHERE id = ${id}`.execute(tx);
      await this.#record(tx, by, "webhook.removed", id, shown(before));
      return { kind: "removed" };
    });
  }

  /** Its receiver wants nothing any more, or has not been there for days: it is told nothing until somebody enables it. */
  async disable(tx: Db, id: string, reason: "gone" | "failing"): Promise<void> {
    const atMs = this.#deps.clock.nowMs();
    const { rows } = await sql<{ name: string }>`
      UPDATE webhook_endpoint SET disabled_at_ms = ${atMs}, disabled_reason = ${reason}
      WHERE id = ${id} AND disabled_at_ms IS NULL RETURNING name`.execute(tx);
    const [row] = rows;
    if (row === undefined) return;
    const subject = `webhook:${id}`;
    const title = `Webhook ${row.name} is disabled: ${reason === "gone" ? "its receiver wants nothing any more" : "nothing has arrived there for days"}`;
    await this.#deps.outbox.add(tx, [
      { type: "hearth.webhook.disabled", subject, atMs, data: { webhookId: id, reason, title } },
    ]);
    await this.#record(tx, { kind: "system" }, "webhook.disabled", id, undefined, { reason });
  }

  #refusal(url: string): EndpointRefusal | null {
    const refusal = refusedUrl(url, this.#deps.reach);
    return refusal === null ? null : `event_${refusal}`;
  }

  #open(sealed: Buffer, id: string): string[] {
    try {
      return [this.#deps.box.open(sealed, id)];
    } catch {
      return [];
    }
  }

  async #lock(tx: Db, id: string): Promise<WebhookEndpoint | null> {
    const { rows } = await sql<EndpointRow>`SELECT * FROM webhook_endpoint WHERE id = ${id} FOR UPDATE`.execute(tx);
    return rows.map(toEndpoint)[0] ?? null;
  }

  #record(tx: Db, by: Principal, action: string, id: string, before?: object, after?: object): Promise<void> {
    return this.#deps.audit.record(tx, { principal: by, action, subject: `webhook:${id}`, before, after });
  }
}

/** What was tried in vain has all its attempts again. */
async function startAnew(tx: Db, id: string, nowMs: number): Promise<void> {
  await sql`UPDATE webhook_endpoint SET failing_since_ms = NULL WHERE id = ${id}`.execute(tx);
  await sql`UPDATE webhook_delivery SET next_at_ms = ${nowMs}, attempts_before = attempts
    WHERE endpoint_id = ${id} AND status = 'queued'`.execute(tx);
}

const shown = ({ name, url, types, disabledAtMs }: WebhookEndpoint) => ({
  name,
  url,
  types,
  enabled: disabledAtMs === null,
});
