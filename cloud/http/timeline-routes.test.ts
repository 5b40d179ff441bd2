import fc from "fast-check";
import { expect, test } from "vitest";
import type { TimelineEntry } from "../platform/timeline.ts";
import { mergePage } from "./timeline-routes.ts";

const entry = (atMs: number, at: number): TimelineEntry => ({
  atMs,
  kind: "event",
  id: `${atMs}-${at}`,
  title: "",
  data: {},
});

test("page after page shows every entry once, also where many bear the same time", () => {
  const times = fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 30 });
  fc.assert(
    fc.property(fc.array(times, { maxLength: 4 }), fc.integer({ min: 1, max: 40 }), (sources, more) => {
      const lists = sources.map((list, n) =>
        list.toSorted((a, b) => b - a).map((atMs, at) => entry(atMs, n * 100 + at)),
      );
      // A limit that the fullest moment does not exceed: beyond that a page is cut within it, and says so.
      const perMoment = new Map<number, number>();
      for (const { atMs } of lists.flat()) perMoment.set(atMs, (perMoment.get(atMs) ?? 0) + 1);
      const limit = Math.max(0, ...perMoment.values()) + more;
      const seen: string[] = [];
      let before: number | null = 1_000;
      while (before !== null) {
        const beforeMs: number = before;
        const parts = lists.map((list) => list.filter(({ atMs }) => atMs < beforeMs).slice(0, limit));
        const page = mergePage(parts, limit);
        expect(page.items.length).toBeLessThanOrEqual(limit);
        seen.push(...page.items.map(({ id }) => id));
        before = page.nextBeforeMs;
      }
      expect(seen.toSorted()).toEqual(
        lists
          .flat()
          .map(({ id }) => id)
          .toSorted(),
      );
    }),
  );
});
