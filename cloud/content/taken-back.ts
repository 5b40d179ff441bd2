import type { TakenBackDelivery } from "../deliveries/deliveries.ts";
import type { DeviceRef } from "../devices/devices.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { ContentDeps } from "./content-deps.ts";
import * as content from "./content-store.ts";
import { lockFeedVersion } from "./feeds-store.ts";
import type { Sending } from "./sending.ts";
import * as store from "./taken-back-store.ts";

/** Who had something sent, and is asked whether it is still to be. */
export interface Sender {
  /** Of deliveries that a limit took back, those that are wanted no more. */
  unwanted(tx: Db, deliveryIds: readonly string[]): Promise<ReadonlySet<string>>;
  /** They went out again, as others. */
  sentAgain(tx: Db, pairs: readonly { before: string; after: string }[]): Promise<void>;
}

/** How many deliveries one transaction looks at. */
const lookedAtOnce = 1_000;

/**
 * Recipes that a lowered limit took back from single appliances. Each goes out again once its model allows what the recipe says by then, as
 * a new delivery until the time at which the first would have ended: where the recipe is still live, or what was sent by hand before it was
 * is still approved, the appliance's household is the one that it was for, nothing followed it, and whoever had it sent still wants it. A delivery that was followed is never the last word on its
 * recipe again, so that nothing goes out twice, wherever the process ends.
 */
export class TakenBack {
  readonly #deps: ContentDeps;
  readonly #sending: Sending;
  readonly #senders: Sender[] = [];

  constructor(deps: ContentDeps, sending: Sending) {
    this.#deps = deps;
    this.#sending = sending;
  }

  /** Has `sender` asked before something goes out again. */
  onSendAgain(sender: Sender): void {
    this.#senders.push(sender);
  }

  /** What was taken back of these may be allowed and wanted by now. In the transaction of the change that makes it so. */
  look(tx: Db, itemIds: readonly string[]): Promise<void> {
    return store.addItems(tx, itemIds);
  }

  /** Sends some of it again. @returns whether there may be more */
  async sendAgain(): Promise<boolean> {
    const { db } = this.#deps;
    const itemId = await store.firstItem(db);
    if (itemId === null) return false;
    const afterCommit = await transaction(db, async (tx) => {
      // In the order of whoever publishes: a withdrawal is before this or takes back what this sends, and so does a model's next version.
      await content.lockItem(tx, itemId);
      await lockFeedVersion(tx, false);
      const place = await store.lockPlace(tx, itemId);
      if (place === undefined) return () => {};
      const versions = await content.versionsIn(tx, itemId, content.approvedStates);
      const taken =
        versions[0]?.kind === "recipe"
          ? await this.#deps.deliveries.takenBackByLimit(tx, {
              kind: "recipe",
              subject: itemId,
              afterId: place.after_id,
              limit: lookedAtOnce,
            })
          : [];
      await store.notePlace(tx, itemId, taken.length < lookedAtOnce ? null : (taken.at(-1)?.id ?? null));
      return this.#send(tx, versions, taken);
    });
    afterCommit();
    return true;
  }

  async #send(
    tx: Db,
    versions: readonly content.ItemVersionRow[],
    taken: readonly TakenBackDelivery[],
  ): Promise<() => void> {
    if (taken.length === 0) return () => {};
    const unwanted = new Set<string>();
    for (const sender of this.#senders)
      for (const id of await sender.unwanted(
        tx,
        taken.map((one) => one.id),
      ))
        unwanted.add(id);
    const devices = await this.#deps.devices.refsByKey(
      taken.map(({ deviceKey }) => deviceKey),
      tx,
    );
    const afterCommit: (() => void)[] = [];
    for (const version of versions) {
      const again = new Map<string, string>();
      const wanted = taken.flatMap((one) => {
        const device = devices.get(one.deviceKey);
        if (device === undefined || unwanted.has(one.id) || isSomebodyElses(device, one)) return [];
        if (asItIsNow(versions, one) !== version) return [];
        again.set(device.id, one.id);
        const { expiresAtMs, priority } = one;
        const why = one.body["why"];
        const said = typeof why === "string" ? { why: () => why } : {};
        return [{ itemId: version.id, device, expiresAtMs, priority, ...said }];
      });
      if (wanted.length === 0) continue;
      // Its time had come for who has it sent, and its end is the delivery's own.
      const made = await this.#sending.make(tx, wanted, () => ({ ...version, from_local: null, until_local: null }));
      const pairs = made.deliveries.flatMap(({ deviceId, deliveryId }) => {
        const before = again.get(deviceId);
        return before === undefined ? [] : [{ before, after: deliveryId }];
      });
      for (const sender of this.#senders) await sender.sentAgain(tx, pairs);
      afterCommit.push(made.afterCommit);
    }
    return () => {
      for (const run of afterCommit) run();
    };
  }
}

/** What was sent, where it may still be sent, or else what is live in its place. */
const asItIsNow = (versions: readonly content.ItemVersionRow[], { body }: TakenBackDelivery) =>
  versions.find(({ version }) => version === body["version"]) ?? versions.find(({ state }) => state === "live");

const isSomebodyElses = ({ householdSinceMs }: DeviceRef, { createdAtMs }: TakenBackDelivery): boolean =>
  (householdSinceMs ?? 0) > createdAtMs;
