import { windowState } from "#protocol/maintenance-window.ts";
import type { Deliveries, StandingDelivery } from "../deliveries/deliveries.ts";
import type { DeviceRef } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import { type DeliveryView, type Offer, offerNow } from "./core/offer.ts";
import { type StoredOffer, storedOffer } from "../firmware/firmware.ts";
import * as store from "./ddi-store.ts";

/** What was asked of others before a decision: within a transaction it could not be. */
export interface Around {
  /** The appliance's time zone; null where nobody has asked for it. */
  zone: string | null;
  /** Releases that are published, of those that are on offer. */
  published: ReadonlySet<string>;
}

const nothingKnown: Around = { zone: null, published: new Set() };

/** Where an appliance stands with its updates. */
export interface Standing {
  device: DeviceRef;
  target: store.Target;
  /** Whether it has asked before. */
  isKnown: boolean;
  live: store.Action[];
  deliveries: StandingDelivery[];
  terms: ReadonlyMap<string, StoredOffer>;
  around: Around;
  offer: Offer;
}

interface StandingDeps {
  db: Db;
  clock: Clock;
  deliveries: Pick<Deliveries, "standing">;
  /** Where the clock on the wall goes by which windows open. */
  timeZoneOf: (device: DeviceRef) => Promise<string>;
  isPublished: (releaseId: string) => Promise<boolean>;
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
    const first = await this.#gather(db, device, target ?? store.newTarget, nothingKnown);
    const isKnown = target !== null;
    if (first.terms.size === 0) return { ...first, isKnown };
    return { ...this.#decide({ ...first, around: await this.#ask(first) }), isKnown };
  }

  async #ask({ device, terms }: Pick<Standing, "device" | "terms">): Promise<Around> {
    const all = [...terms.values()];
    const releaseIds = [...new Set(all.map(({ releaseId }) => releaseId))];
    const asked = releaseIds.map(async (id) => ((await this.#deps.isPublished(id)) ? [id] : []));
    const published = new Set((await Promise.all(asked)).flat());
    const needsZone = all.some(({ windows }) => windows.length > 0);
    return { zone: needsZone ? await this.#deps.timeZoneOf(device) : null, published };
  }

  /**
   * The same within a transaction, with the appliance's row locked.
   *
   * @param around as it was read before: asking for it here could wait for a connection that others hold who wait for this one. What came
   *   since then is not offered yet.
   */
  async lock(tx: Db, device: DeviceRef, around: Around): Promise<Standing> {
    const target = await store.lockTarget(tx, device.key);
    return { ...(await this.#gather(tx, device, target, around)), isKnown: true };
  }

  async #gather(db: Db, device: DeviceRef, target: store.Target, around: Around) {
    const live = await store.liveActions(db, device.key);
    const ids = live.map(({ deliveryId }) => deliveryId);
    const deliveries = await this.#deps.deliveries.standing(device, "firmware", ids, db);
    const terms = new Map(deliveries.map(({ id, body }) => [id, storedOffer.parse(body)]));
    return this.#decide({ device, target, live, deliveries, terms, around });
  }

  #decide(known: Omit<Standing, "offer" | "isKnown">): Omit<Standing, "isKnown"> {
    const nowMs = this.#deps.clock.nowMs();
    const views = known.deliveries.map((one): DeliveryView => {
      const terms = known.terms.get(one.id);
      const windows = terms?.windows ?? [];
      const { zone, published } = known.around;
      const isPublished = terms !== undefined && published.has(terms.releaseId);
      const isOpen = windows.length === 0 || (zone !== null && windowState(windows, zone, nowMs).open);
      const { id, phase, step, generation, notBeforeMs } = one;
      const own = {
        consent: terms?.consent ?? "ask",
        notBeforeMs: terms?.notBeforeMs ?? null,
        mayBegin: isPublished && isOpen,
      };
      return { id, phase, step, generation, notBeforeMs, terms: own };
    });
    const autoConfirm = known.target.autoConfirmSinceMs !== null;
    return { ...known, offer: offerNow(known.live, views, { autoConfirm, nowMs }) };
  }
}
