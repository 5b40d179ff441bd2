import { createHash } from "node:crypto";
import { type ContentItem, contentItem, type FeedIndex, feedIndex } from "#protocol/content.ts";
import type { Feed } from "#protocol/topics.ts";
import { readJson } from "./read-json.ts";

/** Most items per feed that wait for an index that lists them, and the longest payload of one. */
const waitingMax = 500;
const itemBytesMax = 256 * 1_024;

interface Kept {
  sha256: string;
  item: ContentItem;
}
interface FeedState {
  index: FeedIndex | null;
  /** What the index lists and whose bytes have the hash that it names. */
  shown: Map<string, Kept>;
  /** What came and is not listed (yet): items go out before the index that lists them. */
  waiting: Map<string, Kept>;
}

export interface FeedCounters {
  malformed: number;
  /** An index listed an item whose bytes have another hash. */
  hashMismatch: number;
  /** Items that an index no longer listed. */
  dropped: number;
}

/**
 * What an appliance keeps of its feeds: exactly the items that the newest index lists, byte for byte what it names.
 */
export class FeedCache {
  readonly counters: FeedCounters = { malformed: 0, hashMismatch: 0, dropped: 0 };
  readonly #feeds = new Map<Feed, FeedState>();

  /** Takes an index; an empty payload ends the feed. */
  takeIndex(feed: Feed, payload: Uint8Array): void {
    if (payload.length === 0) {
      this.#feeds.delete(feed);
      return;
    }
    const index = feedIndex.safeParse(readJson(payload)).data;
    if (index === undefined || index.feed !== feed) {
      this.counters.malformed += 1;
      return;
    }
    const state = this.#state(feed);
    if (state.index !== null && index.version < state.index.version) return;
    state.index = index;
    const listed = new Set(index.items.map((item) => item.id));
    for (const held of [state.shown, state.waiting])
      for (const id of held.keys())
        if (!listed.has(id)) {
          held.delete(id);
          this.counters.dropped += 1;
        }
    for (const listing of index.items) this.#settle(state, listing);
  }

  /** Takes an item; an empty payload withdraws it. */
  takeItem(feed: Feed, itemId: string, payload: Uint8Array): void {
    const state = this.#state(feed);
    if (payload.length === 0) {
      state.shown.delete(itemId);
      state.waiting.delete(itemId);
      return;
    }
    const item = payload.length > itemBytesMax ? undefined : contentItem.safeParse(readJson(payload)).data;
    if (item === undefined || item.id !== itemId) {
      this.counters.malformed += 1;
      return;
    }
    state.waiting.set(itemId, { sha256: createHash("sha256").update(payload).digest("hex"), item });
    const [oldest] = state.waiting.keys();
    if (state.waiting.size > waitingMax && oldest !== undefined) state.waiting.delete(oldest);
    const listed = state.index?.items.find(({ id }) => id === itemId);
    if (listed !== undefined) this.#settle(state, listed);
  }

  /** What the display may offer, in the order of the index. */
  items(feed: Feed): ContentItem[] {
    const state = this.#feeds.get(feed);
    return (state?.index?.items ?? []).flatMap(({ id }) => state?.shown.get(id)?.item ?? []);
  }

  version(feed: Feed): number | null {
    return this.#feeds.get(feed)?.index?.version ?? null;
  }

  /** Another locale: everything comes again. */
  clear(): void {
    this.#feeds.clear();
  }

  #state(feed: Feed): FeedState {
    const state = this.#feeds.get(feed) ?? { index: null, shown: new Map(), waiting: new Map() };
    this.#feeds.set(feed, state);
    return state;
  }

  /** Shows the bytes that the index names; bytes of another hash are never shown. */
  #settle(state: FeedState, listed: FeedIndex["items"][number]): void {
    const candidate = state.waiting.get(listed.id);
    if (candidate?.sha256 === listed.sha256.toLowerCase()) {
      state.shown.set(listed.id, candidate);
      state.waiting.delete(listed.id);
      return;
    }
    if (candidate?.item.version === listed.version) this.counters.hashMismatch += 1;
    if (state.shown.get(listed.id)?.sha256 !== listed.sha256.toLowerCase()) state.shown.delete(listed.id);
  }
}
