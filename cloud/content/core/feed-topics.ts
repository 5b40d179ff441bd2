/**
 * The retained topics of the feeds, from what is published. Pure, so that a gateway that starts and one that follows every change end up
 * with the same topics.
 *
 * Order on the wire: items that are new or changed, then the indices that list them, then the removal of items that no index lists any
 * more. A device therefore never reads an index whose items are not there yet, and never misses an item that its index still lists.
 */
import { createHash } from "node:crypto";
import type { ContentItem, FeedIndex } from "#protocol/content.ts";
import type { RetainedItem } from "#protocol/link/messages.ts";
import { buildTopic, type Feed } from "#protocol/topics.ts";

/** One feed: what devices of a model that read a locale subscribe to. */
export interface FeedKey {
  model: string;
  locale: string;
  feed: Feed;
}

/** An item on one feed, in the feed's locale. */
export interface Publication extends FeedKey {
  item: ContentItem;
}

/** At which version of all feeds a feed's index last changed. A feed that became empty keeps its entry. */
export interface IndexVersion extends FeedKey {
  version: number;
}

const keyText = ({ model, locale, feed }: FeedKey): string => `${model}/${locale}/${feed}`;

const payloadOf = (item: ContentItem): string => JSON.stringify(item);

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** What a feed's index lists, in the order of the items' ids. */
function entriesByFeed(publications: readonly Publication[]): Map<string, FeedIndex["items"]> {
  const entries = new Map<string, FeedIndex["items"]>();
  const ordered = publications.toSorted((a, b) => (a.item.id < b.item.id ? -1 : 1));
  for (const publication of ordered) {
    const { id, version } = publication.item;
    const entry = { id, version, sha256: sha256(payloadOf(publication.item)) };
    const text = keyText(publication);
    entries.set(text, [...(entries.get(text) ?? []), entry]);
  }
  return entries;
}

/** Every retained topic: items first, then their indices. */
export function retainedTopics(publications: readonly Publication[], indices: readonly IndexVersion[]): RetainedItem[] {
  const entries = entriesByFeed(publications);
  const items = publications.map(({ model, locale, feed, item }) => ({
    topic: buildTopic({ kind: "item", model, locale, feed, itemId: item.id }),
    payload: payloadOf(item),
  }));
  const lists = indices.map(({ version, ...key }) => {
    const index: FeedIndex = { feed: key.feed, version, items: entries.get(keyText(key)) ?? [] };
    return { topic: buildTopic({ kind: "feed", ...key }), payload: JSON.stringify(index) };
  });
  return [...items, ...lists];
}

/** The feeds whose index lists something else after a change than before it. */
export function touchedFeeds(before: readonly Publication[], after: readonly Publication[]): FeedKey[] {
  const [earlier, later] = [entriesByFeed(before), entriesByFeed(after)];
  const keys = new Map(
    [...before, ...after].map(({ model, locale, feed }) => {
      const key = { model, locale, feed };
      return [keyText(key), key];
    }),
  );
  return [...keys]
    .filter(([text]) => JSON.stringify(earlier.get(text)) !== JSON.stringify(later.get(text)))
    .map(([, key]) => key);
}

/** The topics that lead from one state to another, in the order in which they go out. An empty payload removes a topic. */
export function changedTopics(before: readonly RetainedItem[], after: readonly RetainedItem[]): RetainedItem[] {
  const held = new Map(before.map(({ topic, payload }) => [topic, payload]));
  const kept = new Set(after.map(({ topic }) => topic));
  const changed = after.filter(({ topic, payload }) => held.get(topic) !== payload);
  const removed = before.filter(({ topic }) => !kept.has(topic)).map(({ topic }) => ({ topic, payload: "" }));
  return [...changed, ...removed];
}
