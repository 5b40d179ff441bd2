import type { DeviceRef } from "../devices/devices.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { ContentDeps } from "./content-deps.ts";
import * as store from "./newcomers-store.ts";
import { type Sending, usualExpiryMs } from "./sending.ts";

/** How many appliances one transaction tells. */
const toldAtOnce = 1_000;

/** Appliances that came when a safety notice was out already: each shows it as those did that were there, and says that it was acknowledged. */
export class Newcomers {
  readonly #deps: ContentDeps;
  readonly #sending: Sending;

  constructor(deps: ContentDeps, sending: Sending) {
    this.#deps = deps;
    this.#sending = sending;
  }

  /** Notes that these are new, somebody else's or let in again, in the transaction that makes them so. */
  came(tx: Db, deviceKeys: readonly number[]): Promise<void> {
    return store.addNewcomers(tx, deviceKeys);
  }

  /** Tells some of those that came. @returns whether there may be more */
  async tell(): Promise<boolean> {
    const { db, devices } = this.#deps;
    const { more, after } = await transaction(db, async (tx) => {
      const keys = await store.takeNewcomers(tx, toldAtOnce);
      if (keys.length === 0) return { more: false, after: [] };
      const refs = [...(await devices.refsByKey(keys)).values()];
      const made: (() => void)[] = [];
      for (const notice of await store.lockSafetyNotices(tx, [...new Set(refs.map(({ model }) => model))]))
        made.push(await this.#tellOf(tx, notice, refs));
      return { more: true, after: made };
    });
    for (const run of after) run();
    return more;
  }

  async #tellOf(tx: Db, notice: store.SafetyNotice, refs: readonly DeviceRef[]): Promise<() => void> {
    const meant = refs.filter((device) => notice.feed_models.includes(device.model) && !isStillToCome(notice, device));
    const told = await this.#deps.deliveries.madeFor(tx, meant, { kind: "message", subject: notice.id });
    const expiresAtMs = usualExpiryMs(notice, this.#deps.clock.nowMs());
    const wanted = meant
      .filter(({ key }) => !told.has(key))
      .map((device) => ({ itemId: notice.id, device, expiresAtMs }));
    // Danger does not wait for anybody's own time.
    const made = await this.#sending.make(tx, wanted, () => ({ ...notice, from_local: null, until_local: null }));
    return made.afterCommit;
  }
}

/** Whether the notice is still on its way through all appliances, and this one's turn comes by itself. */
const isStillToCome = (
  { notify_after_key: afterKey, notify_models: models, feed_models }: store.SafetyNotice,
  { key, model }: DeviceRef,
): boolean => afterKey !== null && key > afterKey && (models ?? feed_models).includes(model);
