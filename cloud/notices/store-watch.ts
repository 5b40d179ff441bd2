import type { Outbox } from "../events/events.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import { lookAtStore, type StoreState } from "./core/store-watch.ts";

/** Tells the world, and with it staff, that a store is away, and that it is back. After a restart it is found out anew. */
export class StoreWatch {
  readonly #deps: { db: Db; clock: Clock; outbox: Outbox; store: string; isUp: () => Promise<boolean> };
  #state: StoreState = { kind: "here" };

  constructor(deps: { db: Db; clock: Clock; outbox: Outbox; store: string; isUp: () => Promise<boolean> }) {
    this.#deps = deps;
  }

  /** About every ten seconds. */
  async tick(): Promise<void> {
    const { db, clock, outbox, store, isUp } = this.#deps;
    const up = await isUp().catch(() => false);
    const atMs = clock.nowMs();
    const { state, tell } = lookAtStore(this.#state, up, atMs);
    if (tell !== null) {
      const title = tell === "away" ? `${store} does not answer; no reading is lost` : `${store} answers again`;
      const fact = { type: `hearth.store.${tell}`, subject: `store:${store}`, atMs, data: { store, title } };
      await transaction(db, (tx) => outbox.add(tx, [fact]));
    }
    // Last: what could not be told is found out again at the next look.
    this.#state = state;
  }
}
