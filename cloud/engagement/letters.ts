import { type Branding, brandingOf } from "#protocol/model.ts";
import { transaction } from "../platform/database.ts";
import { MailSender } from "../platform/mail-sender.ts";
import type { SendOutcome } from "../platform/send-outcome.ts";
import { attemptMsMax, WebhookSender } from "../platform/webhooks/webhook-sender.ts";
import type { AppHook } from "./app-hook.ts";
import { Calendar } from "./core/calendar.ts";
import { letterOf } from "./core/letter.ts";
import type { LetterReason } from "./core/letter-words.ts";
import { isUsable } from "./core/channels.ts";
import { isCapped, type ItemClass } from "./core/policy.ts";
import type { DecisionsStore } from "./decisions-store.ts";
import type { DueMessage, MessagesStore } from "./messages-store.ts";
import type { HouseholdReach } from "../households/households.ts";
import type { EngagementDeps } from "./ports.ts";
import type { StoppedAddresses } from "./stopped-addresses.ts";
import type { TierNotices } from "./tier-notices.ts";
import type { UnsubscribeLinks } from "./unsubscribe-links.ts";

const sentAtOnce = 8;
/** Longer than any attempt takes. */
const leaseMs = 4 * attemptMsMax;
const firstWaitMs = 10_000;
const waitMsMax = 3_600_000;
/** The longest that a receiver, or a household's night, can have it wait. */
const askedMsMax = 24 * 3_600_000;

type LettersDeps = EngagementDeps & {
  messages: MessagesStore;
  decisions: DecisionsStore;
  stopped: StoppedAddresses;
  links: UnsubscribeLinks;
  app: AppHook;
  tierNotices: TierNotices;
};

type Outcome = SendOutcome | { kind: "dropped"; detail: string };

const reasonOf = (itemClass: ItemClass): LetterReason =>
  itemClass === "promotional" ? "agreed" : itemClass === "loyalty_status" ? "points" : "appliance";

/**
 * Sends letters to people and messages to the maker's app, and asks again just before whether it may. At least once, and always under the
 * same Message-ID or `webhook-id`: whoever is killed between sending and noting it cannot know that it was taken, and no letter at all
 * would be worse than one that a mail program shows once.
 */
export class Letters {
  readonly #deps: LettersDeps;
  readonly #mail: MailSender | null;
  readonly #webhooks: WebhookSender;

  constructor(deps: LettersDeps) {
    this.#deps = deps;
    this.#mail = deps.mail === null ? null : new MailSender(deps.mail);
    this.#webhooks = new WebhookSender(deps.reach);
  }

  /** Sends what is due. About every second. */
  async tick(): Promise<void> {
    const { db, clock, messages, households, onError } = this.#deps;
    await households.hoursChanges.take(db, "letters", (tx, changed) => messages.quietOver(tx, changed, clock.nowMs()));
    for (;;) {
      const nowMs = clock.nowMs();
      const due = await messages.claim(db, nowMs, nowMs + leaseMs, sentAtOnce);
      await Promise.all(due.map((message) => this.#attempt(message).catch(onError)));
      if (due.length < sentAtOnce) return;
    }
  }

  async #attempt(message: DueMessage): Promise<void> {
    const { db, clock, messages, decisions, app } = this.#deps;
    const outcome = await this.#send(message);
    const nowMs = clock.nowMs();
    const pauseMs = Math.min(waitMsMax, firstWaitMs * 2 ** Math.min(message.attempts - 1, 20));
    const askedMs = outcome.kind === "failed" ? (outcome.retryAfterMs ?? 0) : 0;
    const nextAtMs = nowMs + Math.max(pauseMs, Math.min(askedMs, askedMsMax));
    const again = outcome.kind === "failed" && !outcome.final && nextAtMs < message.until_ms;
    const status = again
      ? "queued"
      : ({ delivered: "delivered", failed: "failed", gone: "dropped", dropped: "dropped" } as const)[outcome.kind];
    await transaction(db, async (tx) => {
      const isSettled = await messages.settle(tx, message.id, { status, nextAtMs, nowMs, detail: outcome.detail });
      if (status === "delivered") await decisions.letterSent(tx, message.decision_id, nowMs);
      else if (isSettled && status !== "queued") await decisions.waysFailed(tx, [message.decision_id], nowMs);
      if (outcome.kind === "gone" && message.channel === "webhook") await app.gone(tx, nowMs);
    });
  }

  async #send(message: DueMessage): Promise<Outcome> {
    const { db, clock, content, households, consent, tierNotices } = this.#deps;
    const reach = (await households.reachOf(db, [message.household_id])).get(message.household_id);
    if (reach === undefined || clock.nowMs() >= message.until_ms) return { kind: "dropped", detail: "too_late" };
    if (message.class === "promotional") {
      const agreed = (await consent.agreed(db, [message.household_id])).get(message.household_id);
      if (agreed?.has("market") !== true) return { kind: "dropped", detail: "no_consent" };
    }
    const quietUntilMs = this.#quietUntilMs(message, reach);
    if (quietUntilMs !== null)
      return { kind: "failed", detail: "quiet_hours", final: false, retryAfterMs: quietUntilMs - clock.nowMs() };
    const own = await tierNotices.wordsOf(db, message.source, message.household_id, reach.locale);
    const item = own ?? (await content.render(message.item_id, reach));
    if (item === null || item === "none") return { kind: "dropped", detail: "withdrawn" };
    if (message.channel === "webhook") return this.#tellApp(message, item);
    const member = reach.members.find(({ id }) => id === message.member_id);
    if (member === undefined || member.email === null) return { kind: "dropped", detail: "no_address" };
    return this.#write(message, item, member.email, reach.devices[0]?.model ?? null);
  }

  /** A letter that was put off must not come in the night instead: null where it may come now. */
  #quietUntilMs(message: DueMessage, { timeZone, channels: { quiet } }: HouseholdReach): number | null {
    const itemClass = message.class as ItemClass; // oxlint-disable-line typescript/no-unsafe-type-assertion -- our own column
    if (!isCapped(itemClass) || quiet === null) return null;
    return new Calendar(this.#deps.clock.nowMs()).quietUntilMs(timeZone, quiet);
  }

  async #write(
    message: DueMessage,
    item: Parameters<typeof letterOf>[0],
    address: string,
    model: string | null,
  ): Promise<Outcome> {
    const { db, messages, stopped, links, publicUrl } = this.#deps;
    const itemClass = message.class as ItemClass; // oxlint-disable-line typescript/no-unsafe-type-assertion -- our own column
    const reason = (await stopped.of(db, [address])).get(address) ?? null;
    if (!isUsable(itemClass, reason)) return { kind: "dropped", detail: "address_stopped" };
    if (this.#mail === null) return { kind: "failed", detail: "mail_not_configured", final: false };
    const brand = await this.#brandOf(model);
    const addressHash = stopped.hash(address);
    await messages.addressed(db, message.id, addressHash);
    const token = links.token({ addressHash, householdId: message.household_id });
    const url = isCapped(itemClass) ? `${publicUrl()}/api/v1/unsubscribe/${token}` : null;
    const letter = letterOf(item, brand, reasonOf(itemClass), url);
    const { sender } = brand;
    return this.#mail.send(address, {
      id: message.id,
      ...letter,
      from: { name: sender.name, ...(sender.email === null ? {} : { address: sender.email }) },
      headers:
        url === null ? {} : { "List-Unsubscribe": `<${url}>`, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" },
    });
  }

  async #brandOf(model: string | null): Promise<Branding> {
    const found = model === null ? null : await this.#deps.models.model(model);
    return brandingOf(found ?? { brand: "Hearth" });
  }

  async #tellApp(message: DueMessage, item: object): Promise<Outcome> {
    const channel = await this.#deps.app.channel();
    if (channel === null) return { kind: "dropped", detail: "not_set_up" };
    const { household_id: householdId, decision_id: decisionId } = message;
    const body = JSON.stringify({ type: "hearth.message.send", data: { decisionId, householdId, item } });
    return this.#webhooks.send(channel, { id: message.id, atMs: this.#deps.clock.nowMs(), body });
  }
}
