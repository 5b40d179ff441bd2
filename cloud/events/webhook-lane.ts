import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { SendOutcome } from "../platform/send-outcome.ts";
import { attemptMsMax, type WebhookSender } from "../platform/webhooks/webhook-sender.ts";
import { isAfter } from "./core/position.ts";
import {
  failingMsMax,
  nextAttemptAtMs,
  pickNext,
  wantsEvent,
  webhookBody,
  type WebhookStatus,
} from "./core/webhook.ts";
import { EventLog } from "./event-log.ts";
import type { WebhookEndpoints } from "./webhook-endpoints.ts";
import type { ClaimedDelivery, WebhookStore } from "./webhook-store.ts";

export interface LaneDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  store: WebhookStore;
  endpoints: WebhookEndpoints;
  sender: WebhookSender;
  publicUrl: () => string;
  onError: (error: unknown) => void;
}

const inFlightMax = 8;
/** So many wait at most for one endpoint; the outbox holds the rest, where they cost nothing. */
const waitingMax = 1_000;
const pageMax = 500;
const lookedAtMax = 64;
/** Longer than any attempt takes. */
const leaseMs = 4 * attemptMsMax;

/**
 * One endpoint on its way through the outbox: turns events into deliveries, and sends those that are due. Each has a lane of its own, so
 * that who answers slowly delays nobody else.
 */
export class WebhookLane {
  readonly #deps: LaneDeps;
  readonly #endpointId: string;
  readonly #underWay = new Map<string, Promise<void>>();
  #running: Promise<void> | null = null;
  #wanted = false;
  #plentyDue = false;
  #stopped = false;

  constructor(deps: LaneDeps, endpointId: string) {
    this.#deps = deps;
    this.#endpointId = endpointId;
  }

  /** Goes on, until nothing is due or as much is under way as may be. A call while it goes leads to one more look after it. */
  kick(): void {
    this.#wanted = true;
    this.#running ??= this.#run()
      .catch(this.#deps.onError)
      .finally(() => {
        this.#running = null;
      });
  }

  /** When everything that is due now has been tried. */
  async settled(): Promise<void> {
    for (;;) {
      const work = [this.#running, ...this.#underWay.values()].filter((one) => one !== null);
      if (work.length === 0) return;
      await Promise.all(work);
    }
  }

  /** Begins nothing more, and waits for what is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.settled();
  }

  async #run(): Promise<void> {
    while (this.#wanted && !this.#stopped) {
      this.#wanted = false;
      // While plenty is due there is no need to look for more.
      const moreInOutbox = this.#plentyDue ? false : await this.#fill();
      const started = await this.#start();
      if (started > 0 || moreInOutbox) this.#wanted = true;
    }
  }

  /** Turns the next events of the outbox into deliveries. @returns whether there may be more, and room for it */
  async #fill(): Promise<boolean> {
    const { db, clock, ids, store } = this.#deps;
    const endpointId = this.#endpointId;
    return transaction(db, async (tx) => {
      const held = await store.hold(tx, endpointId);
      if (held === null || (await store.waiting(tx, endpointId)) >= waitingMax) return false;
      const floor = await store.floor(tx);
      const hasMissed = isAfter(floor, held.after);
      const after = hasMissed ? floor : held.after;
      const events = await new EventLog(tx).after(after, pageMax);
      const last = events.at(-1)?.position ?? after;
      if (!isAfter(last, held.after)) return false;
      const nowMs = clock.nowMs();
      const wanted = events.filter((event) => wantsEvent({ id: endpointId, types: held.types }, event));
      const made = wanted.map((event) => ({ ...event, deliveryId: ids.next() }));
      if (made.length > 0) await store.queue(tx, endpointId, made, nowMs);
      await store.moveOn(tx, endpointId, last, hasMissed ? nowMs : null);
      return events.length === pageMax;
    });
  }

  /** @returns how many were begun */
  async #start(): Promise<number> {
    const { db, clock, store } = this.#deps;
    const free = inFlightMax - this.#underWay.size;
    if (free <= 0) return 0;
    const claimed = await transaction(db, async (tx) => {
      const nowMs = clock.nowMs();
      if ((await this.#deps.endpoints.get(this.#endpointId, tx))?.disabledAtMs !== null) return [];
      const due = await store.due(tx, this.#endpointId, nowMs, lookedAtMax);
      this.#plentyDue = due.length === lookedAtMax;
      const picked = pickNext(due, new Set(this.#underWay.keys()), free);
      if (picked.length === 0) return [];
      return store.claim(
        tx,
        picked.map(({ id }) => id),
        nowMs + leaseMs,
      );
    });
    for (const delivery of claimed) {
      const attempt = this.#attempt(delivery)
        .catch(this.#deps.onError)
        .finally(() => {
          this.#underWay.delete(delivery.subject);
          this.kick();
        });
      this.#underWay.set(delivery.subject, attempt);
    }
    return claimed.length;
  }

  async #attempt(delivery: ClaimedDelivery): Promise<void> {
    const { db, clock, store, endpoints } = this.#deps;
    const atMs = clock.nowMs();
    const outcome = await this.#send(delivery, atMs);
    const nowMs = clock.nowMs();
    const waits = outcome.kind === "failed" && !outcome.final;
    const nextAtMs = waits ? nextAttemptAtMs(delivery.id, delivery.tries, nowMs, outcome.retryAfterMs) : null;
    const status = statusAfter(outcome, nextAtMs);
    const { kind, detail } = outcome;
    const attempt = { attempt: delivery.attempts, atMs, tookMs: nowMs - atMs, outcome: kind, detail };
    await transaction(db, async (tx) => {
      // The endpoint before its deliveries, as everywhere.
      if (kind === "delivered") await store.arrived(tx, this.#endpointId);
      if (kind === "failed" && nowMs - (await store.failed(tx, this.#endpointId, atMs)) >= failingMsMax)
        await endpoints.disable(tx, this.#endpointId, "failing");
      if (kind === "gone" && detail !== eventGone) await endpoints.disable(tx, this.#endpointId, "gone");
      await store.settle(tx, delivery, attempt, { status, nextAtMs: nextAtMs ?? delivery.nextAtMs });
    });
  }

  async #send(delivery: ClaimedDelivery, atMs: number): Promise<SendOutcome> {
    const { db, store, endpoints, sender, publicUrl } = this.#deps;
    const [found, event] = await Promise.all([endpoints.forSending(this.#endpointId), store.event(db, delivery)]);
    if (found === null || event === null) return { kind: "gone", detail: eventGone };
    if (found.secrets.length === 0) return { kind: "failed", detail: "secret_unreadable", final: false };
    const body = webhookBody(event, publicUrl());
    const contentType = "application/cloudevents+json; charset=utf-8";
    const { url } = found.endpoint;
    return sender.send({ url, secrets: found.secrets }, { id: event.eventId, atMs, body, contentType });
  }
}

/** The event is kept no longer: it was erased, or the outbox forgot it. */
const eventGone = "event_gone";

function statusAfter(outcome: SendOutcome, nextAtMs: number | null): WebhookStatus {
  switch (outcome.kind) {
    case "delivered":
      return "delivered";
    case "gone":
      return "dropped";
    case "failed":
      return nextAtMs === null ? "failed" : "queued";
  }
}
