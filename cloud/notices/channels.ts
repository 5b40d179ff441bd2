import { sql } from "kysely";
import { z } from "zod";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { SecretBox } from "../platform/secret-box.ts";
import type { Reach } from "../platform/webhooks/public-address.ts";
import { newWebhookSecret, refusedUrl } from "../platform/webhooks/webhook-sender.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import { type Subscription, subscription } from "./core/notice.ts";

export type ChannelKind = "email" | "webhook";

export interface Channel {
  id: string;
  kind: ChannelKind;
  name: string;
  /** The e-mail address, or the address that is posted to. */
  target: string;
  subscriptions: Subscription[];
  createdAtMs: number;
  createdBy: string;
  disabledAtMs: number | null;
  /** `gone` where the receiver said so, else who did it. */
  disabledBy: string | null;
}

interface ChannelRow {
  id: string;
  kind: ChannelKind;
  name: string;
  target: string;
  secret: Buffer | null;
  subscriptions: unknown;
  created_at_ms: number;
  created_by: string;
  disabled_at_ms: number | null;
  disabled_by: string | null;
}

export type ChannelRefusal =
  | "notice_channel_not_found"
  | "too_many_notice_channels"
  | "mail_not_configured"
  | "webhook_url_invalid"
  | "webhook_url_private"
  | "notice_channel_not_webhook";
type Refused = { kind: "refused"; rule: ChannelRefusal };
const refused = (rule: ChannelRefusal): Refused => ({ kind: "refused", rule });

const channelsMax = 200;
const subscriptions = z.array(subscription);

const toChannel = (row: ChannelRow): Channel => ({
  id: row.id,
  kind: row.kind,
  name: row.name,
  target: row.target,
  subscriptions: subscriptions.parse(row.subscriptions),
  createdAtMs: row.created_at_ms,
  createdBy: row.created_by,
  disabledAtMs: row.disabled_at_ms,
  disabledBy: row.disabled_by,
});

export interface ChannelsDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  box: SecretBox;
  reach: Reach;
  canMail: boolean;
}

/** Where staff are told. */
export class Channels {
  readonly #deps: ChannelsDeps;

  constructor(deps: ChannelsDeps) {
    this.#deps = deps;
  }

  async list(db: Db = this.#deps.db): Promise<Channel[]> {
    const { rows } = await sql<ChannelRow>`SELECT * FROM notice_channel ORDER BY created_at_ms, id`.execute(db);
    return rows.map(toChannel);
  }

  async get(id: string): Promise<Channel | null> {
    return (await this.#rows([id])).map(toChannel)[0] ?? null;
  }

  /** With what each webhook's messages are signed; for the sender alone. */
  async withSecrets(ids: readonly string[]): Promise<Map<string, { channel: Channel; secret: string | null }>> {
    const rows = await this.#rows(ids);
    return new Map(
      rows.map((row) => {
        return [row.id, { channel: toChannel(row), secret: this.#secretOf(row) }];
      }),
    );
  }

  /** @returns the channel, and for a webhook the secret, which is in this answer and nowhere else */
  async create(
    by: Principal,
    asked: { kind: ChannelKind; name: string; target: string; subscriptions: readonly Subscription[] },
  ): Promise<{ kind: "created"; channel: Channel; secret: string | null } | Refused> {
    const { db, clock, ids, box } = this.#deps;
    const refusal = this.#refusal(asked);
    if (refusal !== null) return refused(refusal);
    const secret = asked.kind === "webhook" ? newWebhookSecret(ids) : null;
    const id = ids.next();
    return transaction(db, async (tx) => {
      const { rows } = await sql<{ count: number }>`SELECT count(*) AS count FROM notice_channel`.execute(tx);
      if ((rows[0]?.count ?? 0) >= channelsMax) return refused("too_many_notice_channels");
      const { rows: made } = await sql<ChannelRow>`
        INSERT INTO notice_channel (id, kind, name, target, secret, subscriptions, created_at_ms, created_by)
        VALUES (${id}, ${asked.kind}, ${asked.name}, ${asked.target}, ${secret === null ? null : box.seal(secret, id)},
          ${JSON.stringify(asked.subscriptions)}::jsonb, ${clock.nowMs()}, ${principalText(by)})
        RETURNING *`.execute(tx);
      const channel = made.map(toChannel)[0];
      if (channel === undefined) throw new Error("the inserted channel came back empty");
      await this.#record(tx, by, "notice_channel.created", id, undefined, asked);
      return { kind: "created", channel, secret };
    });
  }

  /** What is left out stays. */
  async change(
    by: Principal,
    id: string,
    asked: {
      name?: string | undefined;
      /** Of an e-mail channel. */
      address?: string | undefined;
      /** Of a webhook. */
      url?: string | undefined;
      subscriptions?: readonly Subscription[] | undefined;
      enabled?: boolean | undefined;
    },
  ): Promise<{ kind: "changed" } | Refused> {
    const { db, clock } = this.#deps;
    return transaction(db, async (tx) => {
      const before = await this.#lock(tx, id);
      if (before === null) return refused("notice_channel_not_found");
      const after = {
        kind: before.kind,
        name: asked.name ?? before.name,
        target: (before.kind === "email" ? asked.address : asked.url) ?? before.target,
        subscriptions: asked.subscriptions ?? before.subscriptions,
      };
      const refusal = this.#refusal(after);
      if (refusal !== null) return refused(refusal);
      const enabled = asked.enabled ?? before.disabledAtMs === null;
      const since = enabled ? null : (before.disabledAtMs ?? clock.nowMs());
      const disabledBy = enabled ? null : (before.disabledBy ?? principalText(by));
      await sql`UPDATE notice_channel SET name = ${after.name}, target = ${after.target},
        subscriptions = ${JSON.stringify(after.subscriptions)}::jsonb, disabled_at_ms = ${since}, disabled_by = ${disabledBy}
        WHERE id = ${id}`.execute(tx);
      await this.#record(tx, by, "notice_channel.changed", id, shown(before), { ...after, enabled });
      return { kind: "changed" };
    });
  }

  /** Gives a webhook another secret; messages are signed with it from the next attempt on. */
  async renewSecret(by: Principal, id: string): Promise<{ kind: "renewed"; secret: string } | Refused> {
    return transaction(this.#deps.db, async (tx) => {
      const channel = await this.#lock(tx, id);
      if (channel === null) return refused("notice_channel_not_found");
      if (channel.kind !== "webhook") return refused("notice_channel_not_webhook");
      const secret = newWebhookSecret(this.#deps.ids);
      await sql`UPDATE notice_channel SET secret = ${this.#deps.box.seal(secret, id)} WHERE id = ${id}`.execute(tx);
      await this.#record(tx, by, "notice_channel.secret_renewed", id);
      return { kind: "renewed", secret };
    });
  }

  /** With it goes what it was told and was still to be told. */
  async remove(by: Principal, id: string): Promise<{ kind: "removed" } | Refused> {
    return transaction(this.#deps.db, async (tx) => {
      const before = await this.#lock(tx, id);
      if (before === null) return refused("notice_channel_not_found");
      await sql`DELETE FROM notice_channel WHERE id = ${id}`.execute(tx);
      await this.#record(tx, by, "notice_channel.removed", id, shown(before));
      return { kind: "removed" };
    });
  }

  /** The receiver wants nothing any more. */
  async gone(tx: Db, id: string): Promise<void> {
    const { rows } = await sql`
      UPDATE notice_channel SET disabled_at_ms = ${this.#deps.clock.nowMs()}, disabled_by = 'gone'
      WHERE id = ${id} AND disabled_at_ms IS NULL RETURNING id`.execute(tx);
    if (rows.length > 0) await this.#record(tx, { kind: "system" }, "notice_channel.gone", id);
  }

  #refusal({ kind, target }: { kind: ChannelKind; target: string }): ChannelRefusal | null {
    if (kind === "email") return this.#deps.canMail ? null : "mail_not_configured";
    return refusedUrl(target, this.#deps.reach);
  }

  /** Null where there is none, or where it was sealed by another installation, whose database this was. */
  #secretOf(row: ChannelRow): string | null {
    try {
      return row.secret === null ? null : this.#deps.box.open(row.secret, row.id);
    } catch {
      return null;
    }
  }

  async #rows(ids: readonly string[]): Promise<ChannelRow[]> {
    const { rows } = await sql<ChannelRow>`
      SELECT * FROM notice_channel WHERE id = ANY(${[...ids]}::uuid[])`.execute(this.#deps.db);
    return rows;
  }

  async #lock(tx: Db, id: string): Promise<Channel | null> {
    const { rows } = await sql<ChannelRow>`SELECT * FROM notice_channel WHERE id = ${id} FOR UPDATE`.execute(tx);
    return rows.map(toChannel)[0] ?? null;
  }

  #record(tx: Db, by: Principal, action: string, id: string, before?: object, after?: object): Promise<void> {
    const subject = `notice_channel:${id}`;
    return this.#deps.audit.record(tx, { principal: by, action, subject, before, after });
  }
}

const shown = ({ kind, name, target, subscriptions: asked, disabledAtMs }: Channel) => ({
  kind,
  name,
  target,
  subscriptions: asked,
  enabled: disabledAtMs === null,
});
