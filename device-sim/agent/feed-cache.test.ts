import fc from "fast-check";
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { bytesOf } from "../testing/parts.ts";
import { FeedCache } from "./feed-cache.ts";

const tip = (id: string, version = 1) => ({
  kind: "tip",
  id,
  version,
  locale: "de",
  title: `Tip ${id}`,
  text: `v${version}`,
});
const sha256 = (payload: Uint8Array) => createHash("sha256").update(payload).digest("hex");
const listed = (item: ReturnType<typeof tip>) => ({
  id: item.id,
  version: item.version,
  sha256: sha256(bytesOf(item)),
});
const index = (version: number, items: ReturnType<typeof tip>[]) =>
  bytesOf({ feed: "tips", version, items: items.map((one) => listed(one)) });
const shown = (cache: FeedCache) => cache.items("tips").map(({ id, version }) => `${id}@${version}`);

test("an item is shown once an index lists its bytes, in whichever order the two arrive", () => {
  const before = new FeedCache();
  before.takeItem("tips", "a", bytesOf(tip("a")));
  expect(shown(before)).toEqual([]);
  before.takeIndex("tips", index(1, [tip("a")]));
  expect(shown(before)).toEqual(["a@1"]);
  const after = new FeedCache();
  after.takeIndex("tips", index(1, [tip("a")]));
  after.takeItem("tips", "a", bytesOf(tip("a")));
  expect(shown(after)).toEqual(["a@1"]);
});

test("what the index no longer lists is dropped, and a withdrawn item too", () => {
  const cache = new FeedCache();
  for (const id of ["a", "b", "c"]) cache.takeItem("tips", id, bytesOf(tip(id)));
  cache.takeIndex("tips", index(1, [tip("a"), tip("b"), tip("c")]));
  cache.takeIndex("tips", index(2, [tip("c"), tip("a")]));
  expect(shown(cache)).toEqual(["c@1", "a@1"]);
  cache.takeItem("tips", "a", new Uint8Array());
  expect(shown(cache)).toEqual(["c@1"]);
  expect(cache.counters.dropped).toBe(1);
});

test("a new version waits for its index, the old one stays until then; an older index changes nothing", () => {
  const cache = new FeedCache();
  cache.takeItem("tips", "a", bytesOf(tip("a")));
  cache.takeIndex("tips", index(5, [tip("a")]));
  cache.takeItem("tips", "a", bytesOf(tip("a", 2)));
  expect(shown(cache)).toEqual(["a@1"]);
  cache.takeIndex("tips", index(6, [tip("a", 2)]));
  expect(shown(cache)).toEqual(["a@2"]);
  cache.takeIndex("tips", index(5, []));
  expect(shown(cache)).toEqual(["a@2"]);
});

test("bytes with another hash than the index names are never shown", () => {
  fc.assert(
    fc.property(fc.string(), fc.boolean(), (text, itemFirst) => {
      const forged = { ...tip("a"), text };
      fc.pre(text !== tip("a").text);
      const cache = new FeedCache();
      if (itemFirst) cache.takeItem("tips", "a", bytesOf(forged));
      cache.takeIndex("tips", index(1, [tip("a")]));
      if (!itemFirst) cache.takeItem("tips", "a", bytesOf(forged));
      expect(shown(cache)).toEqual([]);
    }),
  );
});

test("whatever arrives in whatever order, only what the newest index lists is shown", () => {
  const item = fc.record({ id: fc.constantFrom("a", "b", "c"), version: fc.integer({ min: 1, max: 3 }) });
  const step = fc.oneof(
    item.map(({ id, version }) => ({ kind: "item" as const, item: tip(id, version) })),
    fc
      .record({ version: fc.integer({ min: 1, max: 9 }), items: fc.uniqueArray(item, { selector: ({ id }) => id }) })
      .map(({ version, items }) => ({
        kind: "index" as const,
        version,
        items: items.map((one) => tip(one.id, one.version)),
      })),
    fc.jsonValue().map((junk) => ({ kind: "junk" as const, junk })),
  );
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const cache = new FeedCache();
      let newest = { version: 0, items: [] as string[] };
      for (const one of steps) {
        if (one.kind === "item") cache.takeItem("tips", one.item.id, bytesOf(one.item));
        else if (one.kind === "junk") cache.takeIndex("tips", bytesOf(JSON.stringify(one.junk)));
        else {
          cache.takeIndex("tips", index(one.version, one.items));
          if (one.version >= newest.version)
            newest = { version: one.version, items: one.items.map((tipOf) => `${tipOf.id}@${tipOf.version}`) };
        }
        for (const name of shown(cache)) expect(newest.items).toContain(name);
      }
    }),
  );
});
