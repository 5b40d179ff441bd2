import fc from "fast-check";
import { expect, test } from "vitest";
import { releaseEvents, type ReleaseLife, stepRelease } from "./release-life.ts";

const draft: ReleaseLife = { state: "draft", hasImage: false };

/** Walks through events and tells each change; what is refused changes nothing. */
function walk(events: readonly (typeof releaseEvents)[number][]): { path: string[]; last: ReleaseLife | "gone" } {
  let now: ReleaseLife = draft;
  const path: string[] = [];
  for (const event of events) {
    const outcome = stepRelease(now, event);
    if (outcome.kind === "gone") return { path: [...path, event], last: "gone" };
    if (outcome.kind === "refused") continue;
    now = outcome.to;
    path.push(event);
  }
  return { path, last: now };
}

const anyEvents = fc.array(fc.constantFrom(...releaseEvents), { maxLength: 30 });

test("a release is offered only after its image came, was signed and was published, and never after it was withdrawn", () => {
  fc.assert(
    fc.property(anyEvents, (events) => {
      const { path } = walk(events);
      const offered = path.lastIndexOf("offered");
      if (offered === -1) return;
      const order = ["image_received", "signed", "published"].map((event) => path.indexOf(event as "signed"));
      expect(order.every((at) => at !== -1 && at < offered)).toBe(true);
      expect(order).toEqual(order.toSorted((a, b) => a - b));
      expect(path.slice(0, offered)).not.toContain("withdrawn");
    }),
    { numRuns: 2_000 },
  );
});

test("from its first offer on nothing of a release changes, and it is not removed", () => {
  fc.assert(
    fc.property(anyEvents, (events) => {
      const { path, last } = walk(events);
      const offered = path.indexOf("offered");
      if (offered === -1) return;
      expect(last).not.toBe("gone");
      const after = new Set(path.slice(offered + 1));
      after.delete("offered");
      after.delete("withdrawn");
      expect([...after]).toEqual([]);
    }),
    { numRuns: 2_000 },
  );
});

test("the whole way is possible", () => {
  const way = ["image_received", "signed", "signed", "published", "changed", "offered", "withdrawn"] as const;
  expect(walk(way)).toEqual({ path: [...way], last: { state: "withdrawn" } });
  expect(stepRelease(draft, "signed")).toEqual({ kind: "refused", rule: "release_has_no_image" });
  expect(stepRelease({ state: "published", offered: true }, "changed")).toEqual({
    kind: "refused",
    rule: "release_locked",
  });
});
