import fc from "fast-check";
import { expect, test } from "vitest";
import type { StageFlow } from "../api/lifecycle-shapes.ts";
import { stages } from "./lifecycle.ts";
import { sankey } from "./sankey.ts";

const anyFlows: fc.Arbitrary<StageFlow[]> = fc.uniqueArray(
  fc.record({
    from: fc.constantFrom(...stages, null),
    to: fc.constantFrom(...stages),
    households: fc.integer({ min: 0, max: 100_000 }),
  }),
  { maxLength: 40, selector: ({ from, to }) => `${from} ${to}` },
);

test("no two bars of a column overlap, each can be pointed at, and every household is in one band", () => {
  fc.assert(
    fc.property(anyFlows, (flows) => {
      const { bars, bands, height } = sankey(flows, 300, 26);
      for (const side of ["left", "right"] as const) {
        const column = bars.filter((bar) => bar.side === side).toSorted((a, b) => a.y - b.y);
        for (const [index, bar] of column.entries()) {
          expect(bar.height).toBeGreaterThanOrEqual(26);
          expect(bar.y + bar.height).toBeLessThanOrEqual(height + 1e-6);
          const next = column[index + 1];
          if (next !== undefined) expect(bar.y + bar.height).toBeLessThan(next.y);
        }
      }
      const all = flows.reduce((sum, { households }) => sum + households, 0);
      expect(bands.reduce((sum, { households }) => sum + households, 0)).toBe(all);
    }),
  );
});

test("the bands of a bar fill it from top to bottom without a gap", () => {
  fc.assert(
    fc.property(anyFlows, (flows) => {
      const { bars, bands } = sankey(flows, 300, 26);
      for (const bar of bars) {
        const own = bands
          .filter((band) => (bar.side === "left" ? band.from : band.to) === bar.end)
          .map((band) => band[bar.side])
          .toSorted((a, b) => a[0] - b[0]);
        expect(own[0]?.[0]).toBeCloseTo(bar.y, 6);
        expect(own.at(-1)?.[1]).toBeCloseTo(bar.y + bar.height, 6);
        for (const [index, part] of own.entries()) {
          const next = own[index + 1];
          if (next !== undefined) expect(next[0]).toBeCloseTo(part[1], 6);
        }
      }
    }),
  );
});
