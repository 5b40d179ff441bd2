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
  const change = () => store.replacePublications(tx, item, keys);
  return { kind: "changed", topics: await changedBy(tx, scope, version, change) };
}

/**
 * Takes items off one model's feed and puts others on it, in the caller's transaction; where the feeds have no room for all of these, the
 * first get it.
 *
 * @returns the topics that change, or null where none does, and which of `on` are out
 */
export async function changeFeedOfModel(
  tx: Db,
  scope: store.FeedScope,
  off: readonly string[],
  on: readonly (store.PublishedItem & { places: readonly store.FeedPlace[] })[],
): Promise<{ topics: FeedTopics | null; onFeed: string[] }> {
  const version = (await store.lockFeedVersion(tx, true)) + 1;
  const onFeed: string[] = [];
  const topics = await changedBy(tx, scope, version, async () => {
    await store.removePublications(tx, scope, off);
    for (const item of on) {
      const others = await store.feedSizesWithout(tx, item.id, item.places);
      if (others.fullest >= itemsPerFeedMax || others.total + item.places.length > itemsMax) continue;
      await store.addPublications(tx, item);
      onFeed.push(item.id);
    }
  });
  return { topics, onFeed };
}

async function changedBy(
  tx: Db,
  scope: store.FeedScope,
  version: number,
  change: () => Promise<void>,
): Promise<FeedTopics | null> {
  const before = await store.publications(tx, scope);
  const topicsBefore = retainedTopics(before, await store.indexVersions(tx, scope));
  await change();
  const after = await store.publications(tx, scope);
  const touched = touchedFeeds(before, after);
  if (touched.length === 0) return null;
  await store.setIndexVersions(tx, touched, version);
  await store.setFeedVersion(tx, version);
  const topicsAfter = retainedTopics(after, await store.indexVersions(tx, scope));
  return { version, items: changedTopics(topicsBefore, topicsAfter) };
}
