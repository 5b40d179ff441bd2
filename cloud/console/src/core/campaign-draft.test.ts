import { expect, test } from "vitest";
import type { Campaign, CampaignDefinition } from "../api/campaign-shapes.ts";
import { begunCampaign, campaignDefinitionOf } from "./campaign-draft.ts";

const nowMs = Date.UTC(2026, 4, 1);
const dayMs = 86_400_000;
const shared = { name: "Bread", priority: 3, expiresAtMs: nowMs + 12 * dayMs, itemIds: ["item-1"] };
const serials = { kind: "serials" as const, model: "oven-x200", ranges: [{ from: "SN-1", to: "SN-9" }] };

const campaign = (definition: CampaignDefinition): Campaign => ({
  id: "1",
  kind: definition.kind,
  state: "draft",
  definition,
  createdAtMs: nowMs,
  createdBy: "staff:1",
  editedAtMs: nowMs + 1,
  editedBy: "staff:2",
  approvedAtMs: null,
  approvedBy: null,
  startedAtMs: null,
  pausedAtMs: null,
  endedAtMs: null,
});

const written: [string, CampaignDefinition][] = [
  [
    "a campaign to a segment, at a time and with a goal",
    {
      ...shared,
      kind: "campaign",
      audience: { kind: "segment", segmentId: "bakers" },
      schedule: { date: "2026-05-04", minute: 630 },
      bestHour: false,
      goal: { event: "program.finished", withinDays: 14 },
    },
  ],
  [
    "a campaign by serial number, at once and without a goal",
    { ...shared, kind: "campaign", audience: serials, schedule: null, bestHour: true, goal: null },
  ],
  ["a recall", { ...shared, kind: "recall", audience: serials }],
];

test.each(written)("%s is sent as it was read", (_name, definition) => {
  const { draft, version } = begunCampaign(campaign(definition), nowMs);
  expect(version).toBe(nowMs + 1);
  expect(campaignDefinitionOf(draft, definition.kind, nowMs + draft.days * dayMs)).toEqual(definition);
});

test("nothing is sent while it lacks its name, its item, or whom it is for", () => {
  const { draft } = begunCampaign(null, nowMs);
  const whole = { ...draft, name: "Bread", itemIds: ["item-1"], segmentId: "bakers" };
  expect(campaignDefinitionOf(whole, "campaign", nowMs)).not.toBeNull();
  for (const lack of [{ name: " " }, { itemIds: [] }, { segmentId: "" }])
    expect(campaignDefinitionOf({ ...whole, ...lack }, "campaign", nowMs)).toBeNull();
  expect(campaignDefinitionOf(whole, "recall", nowMs)).toBeNull();
});
