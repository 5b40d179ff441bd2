import fc from "fast-check";
import { expect, test } from "vitest";
import { campaignDefinition, type CampaignEvent, type CampaignState, stepCampaign } from "./campaign.ts";

const who = fc.constantFrom("staff:a", "staff:b");
const anyEvent: fc.Arbitrary<CampaignEvent> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("change" as const, "start" as const, "pause" as const, "resume" as const, "finish" as const),
  }),
  fc.record({ kind: fc.constant("approve" as const), by: who, authors: fc.uniqueArray(who) }),
);

test("no campaign ever runs that a second person has not approved as it is", () => {
  fc.assert(
    fc.property(fc.array(anyEvent), (events) => {
      let now: CampaignState = "draft";
      let approved = false;
      for (const on of events) {
        const outcome = stepCampaign(now, on);
        if (outcome.kind === "refused") continue;
        if (on.kind === "approve") {
          expect(on.authors).not.toContain(on.by);
          approved = true;
        }
        if (on.kind === "change") approved = false;
        now = outcome.to;
        if (now === "running") expect(approved).toBe(true);
      }
    }),
  );
});

test("nothing leaves `finished`", () => {
  fc.assert(
    fc.property(anyEvent, (on) => {
      expect(stepCampaign("finished", on)).toEqual({ kind: "refused", rule: "campaign_over" });
    }),
  );
});

const serials = (from: string, to: string) => ({ kind: "serials", model: "oven-x200", ranges: [{ from, to }] });

test("a recall is by serial numbers alone, and a range goes from the lower to the higher of one length", () => {
  const item = "018f0000-0000-7000-8000-000000000001";
  const recall = (audience: unknown) =>
    campaignDefinition.safeParse({
      kind: "recall",
      name: "R",
      expiresAtMs: 1_800_000_000_000,
      itemIds: [item],
      audience,
    });
  expect(recall(serials("X-100", "X-199")).success).toBe(true);
  expect(recall(serials("X-199", "X-100")).success).toBe(false);
  expect(recall(serials("X-9", "X-100")).success).toBe(false);
  expect(recall({ kind: "segment", segmentId: item }).success).toBe(false);
});
