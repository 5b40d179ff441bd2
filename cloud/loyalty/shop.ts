import { changedMeanwhile, type Overtaken } from "../platform/based-on.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { SecretBox } from "../platform/secret-box.ts";
import type { Reach } from "../platform/webhooks/public-address.ts";
import { refusedUrl, WebhookSender } from "../platform/webhooks/webhook-sender.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import type { Money } from "./core/offer.ts";
import { OffersStore, type StoredShop } from "./offers-store.ts";

export interface Order {
  /** Identity of the order: however often it is sent, it is one. */
  key: string;
  article: string;
  householdId: string;
  price: Money;
  listPrice: Money;
  points: number;
  atMs: number;
}

/** `away`: nobody knows whether the shop has it, and it is to be sent again. */
export type ShopOutcome =
  | { kind: "took"; detail: string }
  | { kind: "refused"; detail: string }
  | { kind: "away"; detail: string; retryAfterMs?: number };

export interface ShopDeps {
  db: Db;
  clock: Clock;
  audit: Audit;
  box: SecretBox;
  reach: Reach;
}

type ShopVersion = Omit<StoredShop, "secret">;

const versionOf = ({ secret: _secret, ...version }: StoredShop): ShopVersion => version;

/** What is said of a call where no shop was ever named. */
const noShop = "no_shop";

/** A shop that says one of these has understood, and will not. 409 is none of them: it may be at the same order still. */
const finalStatuses = new Set(["HTTP 400", "HTTP 402", "HTTP 403", "HTTP 404", "HTTP 410", "HTTP 422"]);

/** The maker's shop: it charges, and knows each order by its key. No card data comes here. */
export class Shop {
  readonly #deps: ShopDeps;
  readonly #store = new OffersStore();
  readonly #sender: WebhookSender;

  constructor(deps: ShopDeps) {
    this.#deps = deps;
    this.#sender = new WebhookSender(deps.reach);
  }

  async get(): Promise<ShopVersion | null> {
    const shop = await this.#store.shop(this.#deps.db);
    return shop === null ? null : versionOf(shop);
  }

  /** @param basedOn the version that was changed; another one refuses it */
  async put(
    by: Principal,
    { url, secret }: { url: string; secret: string },
    basedOn?: number,
  ): Promise<
    | ({ kind: "changed" } & ShopVersion)
    | Overtaken
    | { kind: "refused"; rule: "webhook_url_invalid" | "webhook_url_private" }
  > {
    const { db, clock, audit, box, reach } = this.#deps;
    const refusal = refusedUrl(url, reach);
    if (refusal !== null) return { kind: "refused", rule: refusal };
    return transaction(db, async (tx) => {
      const stored = await this.#store.shopForChange(tx);
      const before = stored === null ? null : versionOf(stored);
      const newest =
        before === null ? null : { version: before.version, atMs: before.changedAtMs, by: before.changedBy };
      const other = changedMeanwhile(basedOn, newest);
      if (other !== null) return other;
      const version = (before?.version ?? 0) + 1;
      const next = { url, version, changedAtMs: clock.nowMs(), changedBy: principalText(by) };
      await this.#store.putShop(tx, { ...next, secret: box.seal(secret, "loyalty shop") });
      const subject = "loyalty_shop";
      await audit.record(tx, { principal: by, action: "loyalty_shop.changed", subject, before, after: { url } });
      return { kind: "changed", ...next };
    });
  }

  /** Sends an order once. */
  order({ atMs, key, ...rest }: Order): Promise<ShopOutcome> {
    return this.#send("hearth.offer.order", key, atMs, { idempotencyKey: key, ...rest });
  }

  /**
   * Tells the shop once to forget an order. The message has an id of its own: a shop that knows messages by their ids would otherwise take it
   * for the order.
   */
  async cancel({ atMs, key, ...rest }: Pick<Order, "key" | "article" | "householdId" | "atMs">): Promise<ShopOutcome> {
    const outcome = await this.#send("hearth.offer.cancel", `${key}-cancel`, atMs, { idempotencyKey: key, ...rest });
    // A shop that nobody ever named has charged nobody.
    return outcome.detail === noShop ? { kind: "took", detail: noShop } : outcome;
  }

  async #send(type: string, id: string, atMs: number, data: object): Promise<ShopOutcome> {
    const { db, box, clock } = this.#deps;
    const shop = await this.#store.shop(db);
    if (shop === null) return { kind: "away", detail: noShop };
    const body = JSON.stringify({ type, timestamp: new Date(atMs).toISOString(), data });
    const secret = box.open(shop.secret, "loyalty shop");
    const outcome = await this.#sender.send({ url: shop.url, secrets: [secret] }, { id, atMs: clock.nowMs(), body });
    if (outcome.kind === "delivered") return { kind: "took", detail: outcome.detail };
    if (outcome.kind === "gone" || finalStatuses.has(outcome.detail))
      return { kind: "refused", detail: outcome.detail };
    const { detail } = outcome;
    return outcome.retryAfterMs === undefined
      ? { kind: "away", detail }
      : { kind: "away", detail, retryAfterMs: outcome.retryAfterMs };
  }
}
