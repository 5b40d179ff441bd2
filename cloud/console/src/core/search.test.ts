import fc from "fast-check";
import { expect, test } from "vitest";
import type { Found } from "../api/support-shapes.ts";
import { askable, groupFound } from "./search.ts";

const kinds = ["device", "household", "member", "case", "release", "model"] as const;
const anyFound = fc
  .record({ kind: fc.constantFrom(...kinds), id: fc.uuid() })
  .map(({ kind, id }): Found => ({ kind, id, title: id, subtitle: "", href: `/x/${id}` }));

test("every find stands in one group, the best one first, and the arrow keys meet them in the order shown", () => {
  fc.assert(
    fc.property(fc.array(anyFound), (found) => {
      const groups = groupFound(found);
      const shown = groups.flatMap(({ items }) => items);
      expect(shown.map(({ at }) => at)).toEqual(found.map((_, at) => at));
      expect(shown.map((one) => one.found.id).toSorted()).toEqual(found.map(({ id }) => id).toSorted());
      expect(shown[0]?.found).toBe(found[0]);
      for (const { kind, items } of groups)
        expect(items.map((one) => one.found)).toEqual(found.filter((one) => one.kind === kind));
    }),
  );
});

test("what the service would refuse as too little is not asked for", () => {
  expect(["", " ", "a", "-%", "ab", "  SN  7 ", "é1"].map(askable)).toEqual([
    null,
    null,
    null,
    null,
    "ab",
    "SN 7",
    "é1",
  ]);
});
