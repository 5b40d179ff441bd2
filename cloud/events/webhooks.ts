/**
 * Events out: addresses of the web that hear of notable facts.
 *
 *   outbox --each endpoint's own position, moved in the transaction that queues--> deliveries --attempts over days--> delivered | failed
 *
 * A message is sent at least once and always under its event's id. Events of one subject go out one after the other; one that fails
 * waits for its next attempt and holds up none of the rest.
 */
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import { type Refused, refused } from "../platform/refused.ts";
import { SecretBox } from "../platform/secret-box.ts";
import type { Reach } from "../platform/webhooks/public-address.ts";
import { WebhookSender } from "../platform/webhooks/webhook-sender.ts";
import type { Audit, Principal } from "../staff/staff.ts";
import { testType, webhookBody, type WebhookStatus } from "./core/webhook.ts";
import { EventLog } from "./event-log.ts";
import type { Outbox } from "./outbox.ts";
import { WebhookEndpoints } from "./webhook-endpoints.ts";
import { WebhookLane } from "./webhook-lane.ts";
import { type WebhookDelivery, WebhookStore } from "./webhook-store.ts";

export interface WebhooksDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  outbox: Outbox;
  /** The installation's own, and not in the database. */
  secret: Uint8Array;
  reach: Reach;
  /** Finds the addresses of a name; the system's way where it is left out. */
  resolve?: ConstructorParameters<typeof WebhookSender>[1];
  publicUrl: () => string;
  onError: (error: unknown) => void;
}

const keptMs = 30 * 86_400_000;
const forgottenAtOnce = 5_000;
export const resentMax = 10_000;

/** Endpoints, and what they were sent. */
export class Webhooks {
  readonly endpoints: WebhookEndpoints;
  readonly #deps: WebhooksDeps;
  readonly #store = new WebhookStore();
  readonly #sender: WebhookSender;
  readonly #lanes = new Map<string, WebhookLane>();
  #stopped = false;

  constructor(deps: WebhooksDeps) {
    this.#deps = deps;
    this.#sender = new WebhookSender(deps.reach, deps.resolve);
    const box = new SecretBox(deps.secret, "event webhooks");
    this.endpoints = new WebhookEndpoints({ ...deps, box, head: () => new EventLog(deps.db).head() });
  }

  /** Lets every endpoint go on; it does not wait for their answers. About every second. */
  async tick(): Promise<void> {
    const endpoints = await this.endpoints.list();
    if (this.#stopped) return;
    const known = new Set(endpoints.map(({ id }) => id));
    for (const id of this.#lanes.keys()) if (!known.has(id)) this.#lanes.delete(id);
    for (const { id, disabledAtMs } of endpoints) {
      if (disabledAtMs !== null) continue;
      const lane = this.#lanes.get(id) ?? this.#newLane(id);
      this.#lanes.set(id, lane);
      lane.kick();
    }
  }

  /** When all that is due now has been tried. */
  async settled(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.settled()));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#lanes.values()].map((lane) => lane.stop()));
  }

  /** Deletes what ended and is older than deliveries are kept. */
  async trim(): Promise<void> {
    const beforeMs = this.#deps.clock.nowMs() - keptMs;
    while ((await this.#store.forget(this.#deps.db, beforeMs, forgottenAtOnce)) === forgottenAtOnce);
  }

  async list() {
    const [endpoints, counts] = await Promise.all([this.endpoints.list(), this.#store.counts(this.#deps.db)]);
    return endpoints.map((endpoint) => ({ ...endpoint, ...(counts.get(endpoint.id) ?? { waiting: 0, failed: 0 }) }));
  }

  /** Sends an endpoint an event that says nothing, on the road of all others. */
  async test(
    by: Principal,
    id: string,
  ): Promise<{ kind: "queued" } | Refused<"webhook_not_found" | "webhook_disabled">> {
    const { db, clock, audit, outbox } = this.#deps;
    return transaction(db, async (tx) => {
      const endpoint = await this.endpoints.get(id, tx);
      if (endpoint === null) return refused("webhook_not_found");
      if (endpoint.disabledAtMs !== null) return refused("webhook_disabled");
      const subject = `webhook:${id}`;
      await outbox.add(tx, [{ type: testType, subject, atMs: clock.nowMs(), data: { webhookId: id } }]);
      await audit.record(tx, { principal: by, action: "webhook.tested", subject });
      return { kind: "queued" };
    });
  }

  deliveries(filter: Parameters<WebhookStore["list"]>[1]): Promise<WebhookDelivery[]> {
    return this.#store.list(this.#deps.db, filter);
  }

  /** One delivery with its attempts, and its message as it would be sent now; null where the event is kept no longer. */
  async delivery(endpointId: string, id: string) {
    const { db, publicUrl } = this.#deps;
    const found = await this.#store.get(db, endpointId, id);
    if (found === null) return null;
    const event = await this.#store.event(db, found.delivery);
    return { ...found, body: event === null ? null : webhookBody(event, publicUrl()) };
  }

  /** Sends one again, under the id that it had. */
  async resend(
    by: Principal,
    endpointId: string,
    id: string,
  ): Promise<
    | { kind: "queued" }
    | Refused<"webhook_not_found" | "webhook_disabled" | "webhook_delivery_not_found" | "webhook_delivery_queued">
  > {
    const found = await this.#store.get(this.#deps.db, endpointId, id);
    if (found === null) return refused("webhook_delivery_not_found");
    const outcome = await this.#queueAgain(by, endpointId, { id });
    if (outcome.kind === "refused") return outcome;
    return outcome.count === 0 ? refused("webhook_delivery_queued") : { kind: "queued" };
  }

  /** Sends again what was made in a range of time and ended so; the oldest `resentMax` of it. */
  async resendRange(
    by: Principal,
    endpointId: string,
    range: { fromMs: number; toMs: number; statuses: readonly WebhookStatus[] },
  ): Promise<{ kind: "queued"; count: number } | Refused<"webhook_not_found" | "webhook_disabled">> {
    return this.#queueAgain(by, endpointId, { ...range, limit: resentMax });
  }

  async #queueAgain(by: Principal, endpointId: string, which: Parameters<WebhookStore["queueAgain"]>[2]) {
    const { db, clock, audit } = this.#deps;
    return transaction(db, async (tx) => {
      const endpoint = await this.endpoints.get(endpointId, tx);
      if (endpoint === null) return refused("webhook_not_found");
      if (endpoint.disabledAtMs !== null) return refused("webhook_disabled");
      const count = await this.#store.queueAgain(tx, endpointId, which, clock.nowMs());
      const after = { ...which, count };
      if (count > 0)
        await audit.record(tx, { principal: by, action: "webhook.resent", subject: `webhook:${endpointId}`, after });
      return { kind: "queued" as const, count };
    });
  }

  #newLane(id: string): WebhookLane {
    const { db, clock, ids, publicUrl, onError } = this.#deps;
    const [store, endpoints, sender] = [this.#store, this.endpoints, this.#sender];
    return new WebhookLane({ db, clock, ids, publicUrl, onError, store, endpoints, sender }, id);
  }
}
