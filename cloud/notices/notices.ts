/**
 * Notices: what staff are told by e-mail and webhook.
 *
 *   a fact is added to the outbox --same transaction--> notice, and for each channel that wants it an item
 *   tick: items --bundled where there are many--> deliveries (messages) --attempts, with growing pauses--> delivered | failed
 *
 * A message is sent at least once and always under its own id, which its receiver can know it by. A receiver that says 410 is told
 * nothing any more.
 */
import type { NotableFact, Outbox } from "../events/events.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import { MailSender, type MailSettings } from "../platform/mail-sender.ts";
import { type Refused, refused } from "../platform/refused.ts";
import { SecretBox } from "../platform/secret-box.ts";
import type { SendOutcome } from "../platform/send-outcome.ts";
import type { Reach } from "../platform/webhooks/public-address.ts";
import { attemptMsMax, WebhookSender } from "../platform/webhooks/webhook-sender.ts";
import type { Audit, Principal } from "../staff/staff.ts";
import { type Channel, Channels } from "./channels.ts";
import { letter, webhookBody } from "./core/message.ts";
import { bundle, digestEveryMs, type Notice, noticeOf, noticesPerMessageMax, wants } from "./core/notice.ts";
import { nextAttemptAtMs, tryForMs } from "./core/retry.ts";
import { type DeliveryStatus, type NoticeDelivery, NoticesStore } from "./notices-store.ts";

export { StoreWatch } from "./store-watch.ts";
export { noticeProblems } from "./errors.ts";
export { noticesData } from "./household-data.ts";

export interface NoticeSettings {
  /** Null: no mail is sent. */
  mail: MailSettings | null;
  reach: Reach;
}

export interface NoticesDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  outbox: Outbox;
  /** The installation's own, and not in the database. */
  secret: Uint8Array;
  settings: NoticeSettings;
  publicUrl: () => string;
  onError: (error: unknown) => void;
}

const sentAtOnce = 8;
/** Longer than any attempt takes. */
const leaseMs = 4 * attemptMsMax;
const keptMs = 90 * 86_400_000;
const forgottenAtOnce = 5_000;

/** What staff are told, and what became of it. */
export class Notices {
  readonly channels: Channels;
  readonly #deps: NoticesDeps;
  readonly #store = new NoticesStore();
  readonly #webhooks: WebhookSender;
  readonly #mail: MailSender | null;

  constructor(deps: NoticesDeps) {
    const { settings } = deps;
    this.#deps = deps;
    this.#webhooks = new WebhookSender(settings.reach);
    this.#mail = settings.mail === null ? null : new MailSender(settings.mail);
    const box = new SecretBox(deps.secret, "notice channels");
    this.channels = new Channels({ ...deps, box, reach: settings.reach, canMail: this.#mail !== null });
    deps.outbox.onAdded((tx, facts) => this.hear(tx, facts));
  }

  /** Notes what facts make worth telling, in the transaction that makes them true. */
  async hear(tx: Db, facts: readonly NotableFact[]): Promise<void> {
    const notices = facts
      .flatMap((fact) => noticeOf(fact) ?? [])
      .map((notice): Notice => ({ id: this.#deps.ids.next(), ...notice }));
    if (notices.length === 0) return;
    const channels = (await this.channels.list(tx)).filter(({ disabledAtMs }) => disabledAtMs === null);
    const items = notices.flatMap((notice) =>
      channels
        .filter(({ subscriptions }) => subscriptions.some((asked) => wants(asked, notice)))
        .map(({ id }) => ({ channelId: id, noticeId: notice.id })),
    );
    const wanted = new Set(items.map(({ noticeId }) => noticeId));
    if (wanted.size === 0) return;
    await this.#store.add(
      tx,
      notices.filter(({ id }) => wanted.has(id)),
      items,
      this.#deps.clock.nowMs(),
    );
  }

  /** Makes messages of what is pending, and sends those that are due. About every second. */
  async tick(): Promise<void> {
    await transaction(this.#deps.db, (tx) => this.#bundle(tx));
    for (;;) {
      const nowMs = this.#deps.clock.nowMs();
      const due = await this.#store.claim(this.#deps.db, nowMs, nowMs + leaseMs, sentAtOnce);
      await Promise.all(due.map((delivery) => this.#attempt(delivery).catch(this.#deps.onError)));
      if (due.length < sentAtOnce) return;
    }
  }

  /** Deletes what is older than notices are kept. */
  async trim(): Promise<void> {
    const beforeMs = this.#deps.clock.nowMs() - keptMs;
    while ((await this.#store.forget(this.#deps.db, beforeMs, forgottenAtOnce)) === forgottenAtOnce);
  }

  /** Sends a channel a test, whatever it is subscribed to. */
  async test(
    by: Principal,
    channelId: string,
  ): Promise<{ kind: "queued" } | Refused<"notice_channel_not_found" | "notice_channel_disabled">> {
    const { db, clock, ids, audit } = this.#deps;
    const channel = await this.channels.get(channelId);
    if (channel === null) return refused("notice_channel_not_found");
    if (channel.disabledAtMs !== null) return refused("notice_channel_disabled");
    const nowMs = clock.nowMs();
    const about = { severity: null, level: 0, reaches: null, data: {}, subject: `notice_channel:${channelId}` };
    const title = `This is how Hearth tells ${channel.name}`;
    const notice: Notice = { id: ids.next(), kind: "test", title, atMs: nowMs, ...about };
    await transaction(db, async (tx) => {
      await this.#store.add(tx, [notice], [{ channelId, noticeId: notice.id }], nowMs);
      await audit.record(tx, {
        principal: by,
        action: "notice_channel.tested",
        subject: `notice_channel:${channelId}`,
      });
    });
    return { kind: "queued" };
  }

  deliveries(filter: Parameters<NoticesStore["list"]>[1]): Promise<NoticeDelivery[]> {
    return this.#store.list(this.#deps.db, filter);
  }

  async delivery(id: string) {
    const found = await this.#store.get(this.#deps.db, id);
    return found === null ? null : { ...found, notices: await this.#store.noticesOf(this.#deps.db, id) };
  }

  /** Sends a message again, under the id that it had. */
  async resend(
    by: Principal,
    id: string,
  ): Promise<
    { kind: "queued" } | Refused<"notice_delivery_not_found" | "notice_delivery_queued" | "notice_channel_disabled">
  > {
    const { db, clock, audit } = this.#deps;
    const found = await this.#store.get(db, id);
    if (found === null) return refused("notice_delivery_not_found");
    const channel = await this.channels.get(found.delivery.channelId);
    if (channel === null || channel.disabledAtMs !== null) return refused("notice_channel_disabled");
    return transaction(db, async (tx) => {
      const nowMs = clock.nowMs();
      if (!(await this.#store.queueAgain(tx, id, nowMs, nowMs + tryForMs))) return refused("notice_delivery_queued");
      await audit.record(tx, { principal: by, action: "notice_delivery.resent", subject: `notice_delivery:${id}` });
      return { kind: "queued" };
    });
  }

  async #bundle(tx: Db): Promise<void> {
    const nowMs = this.#deps.clock.nowMs();
    for (const channelId of await this.#store.lockPending(tx)) {
      const pending = await this.#store.pending(tx, channelId, noticesPerMessageMax);
      const made = await this.#store.madeSince(tx, channelId, nowMs - digestEveryMs);
      for (const noticeIds of bundle(pending, made, nowMs)) {
        const id = this.#deps.ids.next();
        await this.#store.makeDelivery(tx, { id, channelId, noticeIds, nowMs, untilMs: nowMs + tryForMs });
      }
    }
  }

  async #attempt(delivery: NoticeDelivery): Promise<void> {
    const { db, clock } = this.#deps;
    const atMs = clock.nowMs();
    const found = (await this.channels.withSecrets([delivery.channelId])).get(delivery.channelId);
    const outcome: SendOutcome =
      found === undefined || found.channel.disabledAtMs !== null
        ? { kind: "gone", detail: "channel_disabled" }
        : await this.#send(found.channel, found.secret, delivery, atMs);
    const nowMs = clock.nowMs();
    const { id, untilMs, attempts } = delivery;
    const waits = outcome.kind === "failed" && !outcome.final;
    const nextAtMs = waits ? nextAttemptAtMs({ id, untilMs }, attempts, nowMs, outcome.retryAfterMs) : null;
    const status = statusAfter(outcome, nextAtMs);
    const attempt = { attempt: attempts, atMs, tookMs: nowMs - atMs, outcome: outcome.kind, detail: outcome.detail };
    await transaction(db, async (tx) => {
      await this.#store.settle(tx, delivery, attempt, { status, nextAtMs: nextAtMs ?? delivery.nextAtMs });
      if (outcome.kind !== "gone") return;
      await this.#store.dropQueued(tx, delivery.channelId, nowMs);
      await this.channels.gone(tx, delivery.channelId);
    });
  }

  async #send(channel: Channel, secret: string | null, delivery: NoticeDelivery, atMs: number): Promise<SendOutcome> {
    const { id } = delivery;
    const notices = await this.#store.noticesOf(this.#deps.db, id);
    const publicUrl = this.#deps.publicUrl();
    if (channel.kind === "webhook") {
      if (secret === null) return { kind: "failed", detail: "secret_unreadable", final: false };
      const message = { id, atMs, body: webhookBody(notices, delivery.createdAtMs, publicUrl) };
      return this.#webhooks.send({ url: channel.target, secrets: [secret] }, message);
    }
    if (this.#mail === null) return { kind: "failed", detail: "mail_not_configured", final: false };
    return this.#mail.send(channel.target, { id, ...letter(notices, publicUrl) });
  }
}

function statusAfter(outcome: SendOutcome, nextAtMs: number | null): DeliveryStatus {
  switch (outcome.kind) {
    case "delivered":
      return "delivered";
    case "gone":
      return "dropped";
    case "failed":
      return nextAtMs === null ? "failed" : "queued";
  }
}
