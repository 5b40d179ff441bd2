import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type ContentItem, feedIndex } from "#protocol/content.ts";
import { parseTopic } from "#protocol/topics.ts";
import {
  changedTopics,
  type FeedKey,
  type IndexVersion,
  type Publication,
  retainedTopics,
  touchedFeeds,
} from "./feed-topics.ts";

const tip = (id: string, version: number, locale: string): ContentItem => ({
  kind: "tip",
  id,
  version,
  locale,
  title: `Tip ${id}`,
  text: "Wipe the door.",
});

/** What is published: items in some version on some feeds. */
const state: fc.Arbitrary<Publication[]> = fc
  .uniqueArray(
    fc.record({
      id: fc.constantFrom("a", "b", "c"),
      version: fc.integer({ min: 1, max: 3 }),
      model: fc.constantFrom("oven-x200", "oven-x100"),
      locale: fc.constantFrom("en", "de"),
    }),
    { selector: ({ id, model, locale }) => `${id} ${model} ${locale}`, maxLength: 12 },
  )
  .map((places) =>
    places.map(({ id, version, model, locale }) => ({ model, locale, feed: "tips", item: tip(id, version, locale) })),
  );

const keyOf = ({ model, locale, feed }: FeedKey) => ({ model, locale, feed });

const keyText = (key: FeedKey) => JSON.stringify(keyOf(key));

/** The indices after a change, as the store keeps them: touched ones get the new version, none is ever dropped. */
function nextIndices(indices: IndexVersion[], touched: FeedKey[], version: number): IndexVersion[] {
  const fresh = new Set(touched.map(keyText));
  return [
    ...indices.filter((index) => !fresh.has(keyText(index))),
    ...touched.map((key) => ({ ...keyOf(key), version })),
  ];
}

/** Whether every item that an index lists is there. */
function listsOnlyWhatIsThere(topics: Map<string, string>): boolean {
  return [...topics].every(([topic, payload]) => {
    if (parseTopic(topic)?.kind !== "feed") return true;
    return feedIndex.parse(JSON.parse(payload)).items.every(({ id }) => topics.has(`${topic}/${id}`));
  });
}

test("whoever follows the changes holds what a fresh snapshot holds, and no index ever lists what is not there", () => {
  fc.assert(
    fc.property(fc.array(state, { minLength: 1, maxLength: 6 }), (states) => {
      const held = new Map<string, string>();
      let before: Publication[] = [];
      let indices: IndexVersion[] = [];
      for (const [at, after] of states.entries()) {
        const indicesBefore = indices;
        indices = nextIndices(indices, touchedFeeds(before, after), at + 1);
        const changes = changedTopics(retainedTopics(before, indicesBefore), retainedTopics(after, indices));
        for (const { topic, payload } of changes) {
          if (payload === "") held.delete(topic);
          else held.set(topic, payload);
          expect(listsOnlyWhatIsThere(held)).toBe(true);
        }
        before = after;
      }
      const snapshot = retainedTopics(before, indices);
      expect(held).toEqual(new Map(snapshot.map(({ topic, payload }) => [topic, payload])));
      for (const { topic, payload } of snapshot) {
        const parsed = parseTopic(topic);
        const entries = parsed?.kind === "feed" ? feedIndex.parse(JSON.parse(payload)).items : [];
        for (const { id, sha256 } of entries) {
          const text = held.get(`${topic}/${id}`) ?? "";
          expect(createHash("sha256").update(text).digest("hex")).toBe(sha256);
        }
      }
    }),
  );
});

test("a change that changes nothing sends nothing", () => {
  fc.assert(
    fc.property(state, (same) => {
      expect(touchedFeeds(same, same.toReversed())).toEqual([]);
    }),
  );
});
