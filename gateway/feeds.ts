/**
 * The broadcast road: the last snapshot of all retained content topics, on disk before it is published, so that a gateway that
 * starts without the cloud still has everything that devices may read.
 */
import type { Aedes } from "aedes";
import type { Logger } from "pino";
import type { RetainedItem } from "#protocol/link/messages.ts";
import { parseTopic } from "#protocol/topics.ts";
import type { BrokerMemory } from "./broker-memory.ts";
import type { CacheStore } from "./cache-store.ts";
import type { Counters } from "./counters.ts";

export interface FeedsOptions {
  cache: CacheStore;
  memory: BrokerMemory;
  broker: Aedes;
  itemsMax: number;
  payloadBytesMax: number;
  counters: Counters;
  logger: Logger;
}

export class Feeds {
  readonly #options: FeedsOptions;
  #version: number | null;
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
    for (const item of cache.feeds()) await memory.storeRetained(item);
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
      const items = this.#allowed(changes());
      await cache.putFeeds(version, items);
      this.#version = version;
      for (const { topic, payload } of items) {
        counters.feeds_published += 1;
        broker.publish({ cmd: "publish", topic, payload, qos: 1, retain: true, dup: false }, (error) => {
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

  /** Leaves out what is no content topic, too large, or beyond the number that the gateway holds. */
  #allowed(items: readonly RetainedItem[]): RetainedItem[] {
    const { cache, itemsMax, payloadBytesMax, counters, logger } = this.#options;
    let room = itemsMax - cache.feedCount;
    return items.filter(({ topic, payload }) => {
      const kind = parseTopic(topic)?.kind;
      const isContent = kind === "feed" || kind === "item";
      const isNew = payload !== "" && cache.feed(topic) === undefined;
      if (isContent && Buffer.byteLength(payload) <= payloadBytesMax && (!isNew || room > 0)) {
        if (isNew) room -= 1;
        return true;
      }
      counters.feeds_refused += 1;
      logger.error({ event: "feed_item_refused", topic });
      return false;
    });
  }
}
