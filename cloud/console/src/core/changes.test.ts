import fc from "fast-check";
import { expect, test } from "vitest";
import { changesBetween } from "./changes.ts";

test("what another version changed is named by its place, with what it was and what it is", () => {
  const before = { title: "Hot", limit: 280, models: ["oven-x200"], actions: [{ kind: "case" }], note: "" };
  const now = { title: "Hot", limit: 300, actions: [{ kind: "case" }, { kind: "tag", tag: "hot" }], note: null };
  expect(changesBetween(before, now)).toEqual([
    { place: "limit", before: "280", now: "300" },
    { place: "models", before: '["oven-x200"]', now: null },
    { place: "actions / 2", before: null, now: '{"kind":"tag","tag":"hot"}' },
    { place: "note", before: '""', now: "null" },
  ]);
});

test("nothing is named exactly where two versions are the same", () => {
  const json = fc.jsonValue({ maxDepth: 3 }).map((value): unknown => JSON.parse(JSON.stringify(value)));
  fc.assert(
    fc.property(json, json, (before, now) => {
      const isSame = JSON.stringify(sorted(before)) === JSON.stringify(sorted(now));
      expect(changesBetween(before, now).length === 0).toBe(isSame);
      expect(changesBetween(before, before)).toEqual([]);
    }),
    { examples: [[{}, []]] },
  );
});

/** Without the order of names, which is no difference; what is no list does not look like one. */
const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const parts = Object.entries(value).map(([name, part]): [string, unknown] => [name, sorted(part)]);
  return { parts: parts.toSorted(([a], [b]) => (a < b ? -1 : 1)) };
};
