import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import { attemptMsMax } from "../platform/webhooks/webhook-sender.ts";
import type { Service } from "../service/service.ts";
import { type Cancellation, CancellationsStore } from "./cancellations-store.ts";
import { callPauseMs } from "./core/call-pause.ts";
import { OffersStore } from "./offers-store.ts";
import type { Shop } from "./shop.ts";

export interface CancellationsDeps {
  db: Db;
  clock: Clock;
  shop: Shop;
  service: Pick<Service, "openFor">;
}

const atOnce = 50;
/** Longer than a call takes: whoever died in the middle of one is given up for dead then. */
const leaseMs = 2 * attemptMsMax;
/** A shop that cannot be told for so long is a person's matter. */
const tryForMs = 24 * 3_600_000;

/**
 * Orders that were given up because the shop never answered. It may have charged all the same, so it is told to cancel them, again and again
 * for a day; where it will not, or cannot be told, a person gets a case, once.
 */
export class Cancellations {
  readonly #deps: CancellationsDeps;
  readonly #store = new CancellationsStore();
  readonly #offers = new OffersStore();

  constructor(deps: CancellationsDeps) {
    this.#deps = deps;
  }

  /** In the transaction that gives an order up. */
  owe(tx: Db, grantId: string): Promise<void> {
    return this.#store.owe(tx, grantId, this.#deps.clock.nowMs());
  }

  /** Tells the shop what is due. About every second. */
  async tick(): Promise<void> {
    const { db, clock } = this.#deps;
    for (;;) {
      const due = await this.#store.claim(db, clock.nowMs(), leaseMs, atOnce);
      await Promise.all(due.map((one) => this.#tell(one)));
      if (due.length < atOnce) return;
    }
  }

  async #tell(one: Cancellation): Promise<void> {
    const { db, clock, shop } = this.#deps;
    const definition = (await this.#offers.definitions(db, [one])).get(`${one.offer} ${one.offerVersion}`);
    const article = definition?.article ?? one.offer;
    const outcome = await shop.cancel({ key: one.id, article, householdId: one.householdId, atMs: one.sinceMs });
    const nowMs = clock.nowMs();
    const { detail } = outcome;
    if (outcome.kind === "took") await this.#store.settle(db, one.id, "cancelled", detail);
    else if (outcome.kind === "away" && nowMs < one.sinceMs + tryForMs)
      await this.#store.again(db, one, nowMs + callPauseMs(one.attempts, outcome.retryAfterMs), detail);
    else await this.#toPerson(one, definition?.title ?? one.offer, detail);
  }

  /** What settles it and what opens the case are one transaction, so that there is one case however often it is tried. */
  #toPerson({ id }: Cancellation, title: string, detail: string): Promise<void> {
    const { db, service } = this.#deps;
    return transaction(db, async (tx) => {
      const householdId = await this.#store.settle(tx, id, "for_a_person", detail);
      if (householdId === null) return;
      await service.openFor(
        tx,
        {
          householdId,
          device: null,
          severity: "service",
          title: `Was it charged? ${title}`,
          note:
            `The shop never answered this order, so it was given up: the household was told, and its points are back where it had put any aside. ` +
            `The shop was asked to cancel it and did not (${detail}). Look in the shop for the order ${id}, and give back what was charged.`,
          dedupeKey: `order_to_cancel:${id}`,
        },
        { kind: "service", name: "loyalty" },
      );
    });
  }
}
