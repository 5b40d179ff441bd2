import fc from "fast-check";
import { expect, test } from "vitest";
import { releaseRefusal, type RuledRelease } from "./release-rules.ts";

const releaseOf = (releaseCounter: number, over: Partial<RuledRelease> = {}): RuledRelease => ({
  state: "published",
  path: `fw/oven/${releaseCounter}.img`,
  model: "oven",
  hardwareIds: ["h1"],
  releaseCounter,
  version: `1.${releaseCounter}`,
  minCounter: 0,
  passThrough: false,
  length: 1,
  sha256: "",
  ...over,
});

const hardware = ["h1", "h2"];
const anyRelease = fc.record({
  minBelow: fc.nat(3),
  asksFor: fc.boolean(),
  passThrough: fc.boolean(),
  hardwareIds: fc.subarray(hardware, { minLength: 1 }),
});

/** Publishes one after the other what is not refused, as the cloud does. */
function published(wanted: readonly (typeof anyRelease extends fc.Arbitrary<infer T> ? T : never)[]): RuledRelease[] {
  const all: RuledRelease[] = [];
  for (const [at, { minBelow, asksFor, passThrough, hardwareIds }] of wanted.entries()) {
    const counter = at + 1;
    const minCounter = asksFor ? Math.max(0, counter - 1 - minBelow) : 0;
    const release = releaseOf(counter, { minCounter, passThrough, hardwareIds });
    if (releaseRefusal(release, all, []) === null) all.push(release);
  }
  return all;
}

/** What an appliance that starts with nothing comes to when it takes one allowed step after the other. */
function climb(of: string, releases: readonly RuledRelease[]): Set<number> {
  const seen = new Set([0]);
  for (const from of seen) {
    for (const to of releases) {
      const skipsNone = !releases.some(
        (gate) =>
          gate.passThrough &&
          gate.hardwareIds.includes(of) &&
          from < gate.releaseCounter &&
          gate.releaseCounter < to.releaseCounter,
      );
      const isAllowed = to.hardwareIds.includes(of) && to.releaseCounter > from && from >= to.minCounter && skipsNone;
      if (isAllowed) seen.add(to.releaseCounter);
    }
  }
  return seen;
}

test("whatever is published, an appliance that starts with nothing can come to each release for its hardware", () => {
  fc.assert(
    fc.property(fc.array(anyRelease, { maxLength: 8 }), (wanted) => {
      const releases = published(wanted);
      for (const of of hardware) {
        const reached = climb(of, releases);
        for (const { hardwareIds, releaseCounter } of releases) {
          if (hardwareIds.includes(of))
            expect([of, releaseCounter, reached.has(releaseCounter)]).toEqual([of, releaseCounter, true]);
        }
      }
    }),
    { numRuns: 1_000 },
  );
});

test("what was withdrawn is passed through by nobody, and its counter is never given again", () => {
  const gone = releaseOf(5, { state: "withdrawn", passThrough: true, hardwareIds: ["h2"] });
  expect(releaseRefusal(releaseOf(6), [gone], [])).toBeNull();
  expect(releaseRefusal(releaseOf(5, { path: "fw/oven/other.img", version: "9" }), [gone], [])).toMatchObject({
    rule: "release_counter_not_newer",
  });
});

test("appliances that left the factory with a counter reach what asks for it", () => {
  const wants = releaseOf(9, { minCounter: 7 });
  expect(releaseRefusal(wants, [], [])).toMatchObject({ rule: "min_counter_unreachable" });
  expect(releaseRefusal(wants, [], [{ hardware: "h2", counter: 7 }])).toMatchObject({
    rule: "pass_through_unreachable",
  });
  expect(releaseRefusal(wants, [], [{ hardware: "h1", counter: 7 }])).toBeNull();
  expect(releaseRefusal(wants, [], [{ hardware: null, counter: 8 }])).toBeNull();
});
