import fc from "fast-check";
import { expect, test } from "vitest";
import { isAlike, mergedOf } from "./three-way.ts";

test("what one of the two changed is as they left it, and what both changed is as mine, by its place", () => {
  const base = { title: "Hot", limit: 280, models: ["x200"], article: { en: { title: "A", text: "B" } } };
  const theirs = { ...base, title: "Too hot", limit: 300, article: { ...base.article, de: { title: "C", text: "D" } } };
  const mine = { ...base, title: "Very hot", models: ["s80"], article: { en: { title: "A", text: "E" } } };
  expect(mergedOf(base, theirs, mine)).toEqual({
    merged: {
      title: "Very hot",
      limit: 300,
      models: ["s80"],
      article: { en: { title: "A", text: "E" }, de: { title: "C", text: "D" } },
    },
    both: ["title"],
  });
});

test("what one took away is gone, unless the other changed it: then mine counts", () => {
  const base: Record<string, { title: string }> = { de: { title: "A" }, sv: { title: "B" }, fr: { title: "C" } };
  expect(
    mergedOf(base, { de: { title: "A" }, fr: { title: "D" } }, { de: { title: "A" }, sv: { title: "B" } }),
  ).toEqual({
    merged: { de: { title: "A" } },
    both: ["fr"],
  });
});

test("a list that both changed is mine, whole", () => {
  expect(mergedOf({ steps: [1, 2] }, { steps: [1, 2, 3] }, { steps: [2] })).toEqual({
    merged: { steps: [2] },
    both: ["steps"],
  });
  expect(mergedOf({ steps: [1] }, { steps: [2] }, { steps: [2] })).toEqual({ merged: { steps: [2] }, both: [] });
});

test("who changed nothing gets theirs, who alone changed something keeps it, and of fields of one level none is lost", () => {
  const fields = fc.dictionary(fc.constantFrom("a", "b", "c", "d"), fc.integer({ min: 0, max: 2 }));
  fc.assert(
    fc.property(fields, fields, fields, (base, theirs, mine) => {
      expect(mergedOf(base, theirs, base)).toEqual({ merged: theirs, both: [] });
      expect(mergedOf(base, base, mine)).toEqual({ merged: mine, both: [] });
      const { merged, both } = mergedOf(base, theirs, mine);
      for (const name of ["a", "b", "c", "d"]) {
        const found = merged[name];
        if (mine[name] !== base[name]) expect(found).toBe(mine[name]);
        else expect(found).toBe(theirs[name]);
        const isBoth = mine[name] !== base[name] && theirs[name] !== base[name] && mine[name] !== theirs[name];
        if (!isAlike(theirs, mine)) expect(both.includes(name)).toBe(isBoth);
      }
    }),
  );
});

test("drafts say the same whatever the order of their names, and what is not there is no difference", () => {
  expect(isAlike({ a: 1, b: undefined }, { a: 1 })).toBe(true);
  expect(isAlike({ a: 1, b: [{ c: 1, d: 2 }] }, { b: [{ d: 2, c: 1 }], a: 1 })).toBe(true);
  expect(isAlike({}, [])).toBe(false);
  expect(isAlike([["a", 1]], { a: 1 })).toBe(false);
});
