/**
 * The broadcast road: the last snapshot of all retained content topics, on disk before it is published, so that a gateway that
 * starts without the cloud still has everything that devices may read.
 */
import type { Aedes } from "aedes";
import type { Logger } from "pino";
import type { GatewayLimits } from "#protocol/link/limits.ts";
import type { RetainedItem } from "#protocol/link/messages.ts";
import type { BrokerMemory } from "./broker-memory.ts";
import type { CacheStore } from "./cache-store.ts";
import { may, service } from "./core/access.ts";
import type { Counters } from "./counters.ts";
import type { LimitHits } from "./limit-hits.ts";

export interface FeedsOptions {
  cache: CacheStore;
  memory: BrokerMemory;
  broker: Aedes;
  limits: GatewayLimits;
  counters: Counters;
  hits: LimitHits;
  logger: Logger;
}

export class Feeds {
  readonly #options: FeedsOptions;
  #version: number | null;
  /** Of all that is held. */
  #bytes = 0;
  /** Whether the cloud at the other end of this link has made a version of what is held. */
  #isOfThisCloud = false;
  #queue: Promise<void> = Promise.resolve();

  constructor(options: FeedsOptions) {
    this.#options = options;
    this.#version = options.cache.feedsVersion();
  }

  /** Brings what is stored back into the broker. @returns whether anything was ever stored */
  async restore(): Promise<boolean> {
    const { cache, memory } = this.#options;
    for (const item of cache.feeds()) {
      this.#bytes += bytesOf(item);
      await memory.storeRetained(item);
    }
    return this.#version !== null;
  }

  /** There is a new link: the cloud behind it may stand on an older database, whose word counts all the same. */
  linkUp(): void {
    this.#queue = this.#queue.then(() => this.#metCloud(false));
  }

  /**
   * Replaces everything held: what changed goes out in the order given, then what is gone. Only where the version is newer, but for
   * the first of a link: after a database was restored versions begin again below ours, and nothing new would ever go out.
   */
  replace(version: number, items: readonly RetainedItem[]): Promise<void> {
    return this.#inTurn(version, true, () => {
      const { cache } = this.#options;
      const wanted = new Set(items.map(({ topic }) => topic));
      const changed = items.filter(({ topic, payload }) => cache.feed(topic) !== payload);
      const gone = [...cache.feeds()].filter(({ topic }) => !wanted.has(topic));
      return [...changed, ...gone.map(({ topic }) => ({ topic, payload: "" }))];
    });
  }

  /** Publishes changes in the order given: items before the index that lists them. */
  change(version: number, items: readonly RetainedItem[]): Promise<void> {
    return this.#inTurn(version, false, () => items);
  }

  #inTurn(version: number, isWhole: boolean, changes: () => readonly RetainedItem[]): Promise<void> {
    this.#queue = this.#queue.then(() => this.#apply(version, isWhole, changes));
    return this.#queue;
  }

  async #apply(version: number, isWhole: boolean, changes: () => readonly RetainedItem[]): Promise<void> {
    const { cache, broker, counters, logger } = this.#options;
    const isOlder = this.#version !== null && version <= this.#version;
    const beginsAgain = isWhole && !this.#isOfThisCloud && version !== this.#version;
    if (isWhole) this.#metCloud(true);
    if (isOlder && !beginsAgain) return;
    if (isOlder) logger.warn({ event: "feeds_begin_again", version, held: this.#version });
    this.#metCloud(true);
    try {
      const { items, bytes } = this.#allowed(changes());
      await cache.putFeeds(version, items);
      this.#version = version;
      this.#bytes = bytes;
      for (const { topic, payload } of items) {
        counters.feeds_published += 1;
        // As bytes, which all who wait for them share; of a text each would have a copy of its own.
        const content = Buffer.from(payload);
        broker.publish({ cmd: "publish", topic, payload: content, qos: 1, retain: true, dup: false }, (error) => {
          if (error) logger.error({ event: "feed_publish_failed", topic, err: error });
        });
      }
    } catch (error) {
      logger.error({ event: "feeds_not_stored", version, err: error });
    }
  }

  #metCloud(isOfThisCloud: boolean): void {
    this.#isOfThisCloud = isOfThisCloud;
  }

  /** Leaves out what is no content topic, too large, or more than the gateway holds. @returns also the bytes of all that is then held */
  #allowed(items: readonly RetainedItem[]): { items: RetainedItem[]; bytes: number } {
    const { cache, counters, logger } = this.#options;
    let count = cache.feedCount;
    let bytes = this.#bytes;
    const allowed = items.filter((item) => {
      const known = cache.feed(item.topic) ?? "";
      const more = (item.payload === "" ? 0 : 1) - (known === "" ? 0 : 1);
      const moreBytes = bytesOf(item) - bytesOf({ ...item, payload: known });
      if (this.#isSound(item) && this.#hasRoom(more, count + more, moreBytes, bytes + moreBytes)) {
        count += more;
        bytes += moreBytes;
        return true;
      }
      counters.feeds_refused += 1;
      logger.error({ event: "feed_item_refused", topic: item.topic });
      return false;
    });
    return { items: allowed, bytes };
  }

  #isSound({ topic, payload }: RetainedItem): boolean {
    return may(service, "retain", topic) && Buffer.byteLength(payload) <= this.#options.limits.bytesPerPayload;
  }

  /** What takes no more than what it replaces has room, also where a bound was lowered. */
  #hasRoom(more: number, count: number, moreBytes: number, bytes: number): boolean {
    const { limits, hits } = this.#options;
    if (more > 0 && count > limits.retainedItemsMax) hits.hit("retainedItemsMax");
    else if (moreBytes > 0 && bytes > limits.retainedBytesMax) hits.hit("retainedBytesMax");
    else return true;
    return false;
  }
}

/** What a topic and its payload take; one that is withdrawn takes nothing. */
const bytesOf = ({ topic, payload }: RetainedItem): number =>
  payload === "" ? 0 : topic.length + Buffer.byteLength(payload);
