import fc from "fast-check";
import { expect, test } from "vitest";
import type { EngagementPolicy } from "../api/campaign-shapes.ts";
import { holdoutWords, newCap, policyChanges, policyDraftOf, policyOf, policyWrongs } from "./policy-draft.ts";

const policy: EngagementPolicy = {
  caps: [
    { days: 7, max: 3, classes: ["promotional"] },
    { days: 1, max: 2, classes: ["loyalty_status", "promotional"] },
  ],
  roomMax: 2,
  holdoutShare: 0.07,
};

const policies = fc.record({
  caps: fc.array(
    fc.record({
      days: fc.integer({ min: 1, max: 30 }),
      max: fc.integer({ min: 0, max: 100 }),
      classes: fc.constantFrom<EngagementPolicy["caps"][number]["classes"]>(
        ["promotional"],
        ["loyalty_status"],
        ["loyalty_status", "promotional"],
      ),
    }),
    { maxLength: 10 },
  ),
  roomMax: fc.integer({ min: 1, max: 20 }),
  // To a hundredth of a per cent, as the form has it.
  holdoutShare: fc.integer({ min: 0, max: 1_500 }).map((parts) => parts / 10_000),
});

test("whatever is in force is in the form as it is, says nothing wrong, and is sent back unchanged", () => {
  fc.assert(
    fc.property(policies, (inForce) => {
      const draft = policyDraftOf(inForce);
      expect([...policyWrongs(draft)]).toEqual([]);
      expect(policyOf(draft)).toEqual(inForce);
      expect(policyChanges(inForce, policyOf(draft))).toEqual([]);
    }),
  );
});

test("a share is per cent, without the noise of binary fractions", () => {
  expect(policyDraftOf(policy).holdoutPct).toBe(7);
  expect(policyOf({ ...policyDraftOf(policy), holdoutPct: 12.35 }).holdoutShare).toBe(0.1235);
});

test("what is out of its range, or empty, is said at its field", () => {
  const draft = policyDraftOf(policy);
  const caps = [newCap, { max: 101, days: 31, about: "both" as const }, { max: 0, days: 0, about: "both" as const }];
  expect(Object.fromEntries(policyWrongs({ caps, roomMax: 0, holdoutPct: 15.01 }))).toEqual({
    "/caps/0/max": "From 0 to 100.",
    "/caps/1/max": "From 0 to 100.",
    "/caps/1/days": "From 1 to 30.",
    "/caps/2/days": "From 1 to 30.",
    "/roomMax": "From 1 to 20.",
    "/holdoutShare": "From 0 to 15 %.",
  });
  expect(Object.fromEntries(policyWrongs({ ...draft, roomMax: "", holdoutPct: "" }))).toEqual({
    "/roomMax": "From 1 to 20.",
    "/holdoutShare": "From 0 to 15 %.",
  });
});

test("what changes is told in sentences, what holds no longer first", () => {
  const [week] = policy.caps;
  expect(policyChanges(policy, { ...policy, caps: week === undefined ? [] : [week], holdoutShare: 0 })).toEqual([
    "No longer: At most 2 messages a day that are about points or to sell something.",
    "No longer: 7 % of households get no promotion in a quarter, to measure against.",
    "From now on: Nobody is held out, so no campaign can say what it changed.",
  ]);
});

test("a share of the hold-out says from how many households on it measures", () => {
  expect(holdoutWords(5)).toBe(
    "At 5 % a campaign can be measured from 3,000 households on: about 150 of them are then held out.",
  );
  expect(holdoutWords(0)).toContain("no campaign can say");
  expect([holdoutWords(""), holdoutWords(16)]).toEqual([null, null]);
});
