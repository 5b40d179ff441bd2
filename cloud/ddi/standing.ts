import { windowState } from "#protocol/maintenance-window.ts";
import type { Deliveries, StandingDelivery } from "../deliveries/deliveries.ts";
import type { DeviceRef } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import { type DeliveryView, type Offer, offerNow } from "./core/offer.ts";
import { type StoredOffer, storedOffer } from "../firmware/firmware.ts";
import * as store from "./ddi-store.ts";

/** Where an appliance stands with its updates. */
export interface Standing {
  device: DeviceRef;
  target: store.Target;
  /** Whether it has asked before. */
  isKnown: boolean;
  live: store.Action[];
  deliveries: StandingDelivery[];
  terms: ReadonlyMap<string, StoredOffer>;
  /** Its time zone; null where nobody has asked for it. */
  zone: string | null;
  offer: Offer;
}

interface StandingDeps {
  db: Db;
  clock: Clock;
  deliveries: Pick<Deliveries, "standing">;
  /** Where the clock on the wall goes by which windows open. */
  timeZoneOf: (device: DeviceRef) => Promise<string>;
}

/** Reads where an appliance stands, and decides what its client is told. */
export class Standings {
  readonly #deps: StandingDeps;

  constructor(deps: StandingDeps) {
    this.#deps = deps;
  }

  async read(device: DeviceRef): Promise<Standing> {
    const { db } = this.#deps;
    const target = await store.findTarget(db, device.key);
    const first = await this.#gather(db, device, target ?? store.newTarget, null);
    const isKnown = target !== null;
    if ([...first.terms.values()].every(({ windows }) => windows.length === 0)) return { ...first, isKnown };
    return { ...this.#decide({ ...first, zone: await this.#deps.timeZoneOf(device) }), isKnown };
  }

  /**
   * The same within a transaction, with the appliance's row locked.
   *
   * @param zone as it was read before: asking for it here could wait for a connection that others hold who wait for this one. What has
   *   windows stays shut where it is null.
   */
  async lock(tx: Db, device: DeviceRef, zone: string | null): Promise<Standing> {
    const target = await store.lockTarget(tx, device.key);
    return { ...(await this.#gather(tx, device, target, zone)), isKnown: true };
  }

  async #gather(db: Db, device: DeviceRef, target: store.Target, zone: string | null) {
    const live = await store.liveActions(db, device.key);
    const ids = live.map(({ deliveryId }) => deliveryId);
    const deliveries = await this.#deps.deliveries.standing(device, "firmware", ids, db);
    const terms = new Map(deliveries.map(({ id, body }) => [id, storedOffer.parse(body)]));
    return this.#decide({ device, target, live, deliveries, terms, zone });
  }

  #decide(known: Omit<Standing, "offer" | "isKnown">): Omit<Standing, "isKnown"> {
    const nowMs = this.#deps.clock.nowMs();
    const views = known.deliveries.map((one): DeliveryView => {
      const terms = known.terms.get(one.id);
      const windows = terms?.windows ?? [];
      const { zone } = known;
      const isOpen = windows.length === 0 || (zone !== null && windowState(windows, zone, nowMs).open);
      const { id, phase, step, generation, notBeforeMs } = one;
      const own = {
        consent: terms?.consent ?? "ask",
        notBeforeMs: terms?.notBeforeMs ?? null,
        windowOpen: isOpen,
      };
      return { id, phase, step, generation, notBeforeMs, terms: own };
    });
    const autoConfirm = known.target.autoConfirmSinceMs !== null;
    return { ...known, offer: offerNow(known.live, views, { autoConfirm, nowMs }) };
  }
}
