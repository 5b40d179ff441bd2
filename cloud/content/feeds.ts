import type { RetainedItem } from "#protocol/link/messages.ts";
import { type Db, transaction } from "../platform/database.ts";
import { changedTopics, retainedTopics, touchedFeeds } from "./core/feed-topics.ts";
import * as store from "./feeds-store.ts";

/** Retained topics at one version of all feeds: all of them, or those that a change brought. */
export interface FeedTopics {
  version: number;
  items: RetainedItem[];
}

/** Most items on one feed: the wire's index holds no more. */
const itemsPerFeedMax = 500;

/** Most items on all feeds together: every gateway holds them all. */
const itemsMax = 20_000;

/** Every retained topic, items before indices, as of one version. */
export async function feedSnapshot(db: Db): Promise<FeedTopics> {
  return transaction(db, async (tx) => {
    const version = await store.lockFeedVersion(tx, false);
    const items = retainedTopics(await store.publications(tx, null), await store.indexVersions(tx, null));
    return { version, items };
  });
}

/**
 * Puts an item on exactly the given feeds, in the caller's transaction, and works out what goes out for it.
 *
 * @returns the topics that change, or null where none does; refused, with nothing written, where a feed would grow over its bound
 */
export async function changeFeeds(
  tx: Db,
  item: store.PublishedItem,
  scope: store.FeedScope,
  keys: readonly store.FeedPlace[],
): Promise<{ kind: "changed"; topics: FeedTopics | null } | { kind: "refused"; rule: "feed_full" }> {
  const version = (await store.lockFeedVersion(tx, true)) + 1;
  const others = await store.feedSizesWithout(tx, item.id, keys);
  if (keys.length > 0 && (others.fullest >= itemsPerFeedMax || others.total + keys.length > itemsMax)) {
    return { kind: "refused", rule: "feed_full" };
  }
  const before = await store.publications(tx, scope);
  const topicsBefore = retainedTopics(before, await store.indexVersions(tx, scope));
  await store.replacePublications(tx, item, keys);
  const after = await store.publications(tx, scope);
  const touched = touchedFeeds(before, after);
  if (touched.length === 0) return { kind: "changed", topics: null };
  await store.setIndexVersions(tx, touched, version);
  await store.setFeedVersion(tx, version);
  const topicsAfter = retainedTopics(after, await store.indexVersions(tx, scope));
  return { kind: "changed", topics: { version, items: changedTopics(topicsBefore, topicsAfter) } };
}
