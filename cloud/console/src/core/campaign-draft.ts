/** Campaigns and recalls, as they are written. */
import type { Campaign, CampaignDefinition } from "../api/campaign-shapes.ts";
import { type Begun, begunNew } from "./begun.ts";
import { minuteOf, minuteText } from "./campaigns.ts";

const dayMs = 86_400_000;

/** A campaign or a recall as its form holds it. */
export interface CampaignDraft {
  name: string;
  audience: "segment" | "serials";
  segmentId: string;
  model: string;
  ranges: { from: string; to: string }[];
  itemIds: string[];
  date: string;
  time: string;
  bestHour: boolean;
  priority: number;
  days: number;
  event: string;
  withinDays: number;
}

const fresh: CampaignDraft = {
  name: "",
  audience: "segment",
  segmentId: "",
  model: "",
  ranges: [{ from: "", to: "" }],
  itemIds: [],
  date: "",
  time: "09:00",
  bestHour: true,
  priority: 5,
  days: 30,
  event: "program.finished",
  withinDays: 7,
};

function draftOf({ definition }: Campaign, nowMs: number): CampaignDraft {
  const { audience } = definition;
  const plan = definition.kind === "campaign" ? definition : null;
  return {
    ...fresh,
    name: definition.name,
    audience: audience.kind,
    segmentId: audience.kind === "segment" ? audience.segmentId : "",
    model: audience.kind === "serials" ? audience.model : "",
    ranges: audience.kind === "serials" ? audience.ranges : fresh.ranges,
    itemIds: definition.itemIds,
    date: plan?.schedule?.date ?? "",
    time: plan?.schedule === null || plan === null ? fresh.time : minuteText(plan.schedule.minute),
    bestHour: plan?.bestHour ?? true,
    priority: definition.priority,
    days: Math.max(1, Math.round((definition.expiresAtMs - nowMs) / dayMs)),
    event: plan === null ? "" : (plan.goal?.event ?? ""),
    withinDays: plan?.goal?.withinDays ?? fresh.withinDays,
  };
}

/** What is sent; null while something is missing. */
export function campaignDefinitionOf(
  draft: CampaignDraft,
  kind: "campaign" | "recall",
  endsMs: number,
): CampaignDefinition | null {
  const { name, itemIds, priority } = draft;
  const shared = { name: name.trim(), priority, expiresAtMs: endsMs };
  const serials = { kind: "serials" as const, model: draft.model, ranges: draft.ranges };
  const isWhole = draft.model !== "" && draft.ranges.every(({ from, to }) => from !== "" && to !== "");
  if (shared.name === "" || itemIds.length === 0) return null;
  if (kind === "recall") return isWhole ? { kind, ...shared, audience: serials, itemIds: itemIds.slice(0, 1) } : null;
  const bySegment = draft.audience === "segment";
  if (bySegment ? draft.segmentId === "" : !isWhole) return null;
  return {
    kind,
    ...shared,
    audience: bySegment ? { kind: "segment", segmentId: draft.segmentId } : serials,
    itemIds,
    schedule: draft.date === "" ? null : { date: draft.date, minute: minuteOf(draft.time) },
    bestHour: draft.bestHour,
    goal: draft.event.trim() === "" ? null : { event: draft.event.trim(), withinDays: draft.withinDays },
  };
}

/** @param known null: it is new. A campaign has no number of versions: when it was last written stands for it. */
export const begunCampaign = (known: Campaign | null, nowMs: number): Begun<CampaignDraft> =>
  known === null
    ? begunNew(fresh)
    : {
        version: known.editedAtMs,
        createdBy: known.editedBy,
        createdAtMs: known.editedAtMs,
        draft: draftOf(known, nowMs),
      };
