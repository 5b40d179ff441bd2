import { type RawBuilder, sql } from "kysely";
import type { DecisionItem } from "../content/content.ts";
import type { Db } from "../platform/database.ts";
import { type CampaignRow, inRanges } from "./campaigns-store.ts";
import type { CampaignDefinition } from "./core/campaign.ts";
import type { Candidate } from "./core/candidate.ts";
import type { EngagementDeps } from "./ports.ts";

/** How a campaign is called where decisions are kept. */
export const sourceOf = (campaignId: string): string => `campaign:${campaignId}`;
/** How what is decided about tiers begins. */
export const tierSources = "tier:";

/** The households of an audience: a table expression with `household_id`. */
export function audienceOf(
  { audience }: Pick<CampaignDefinition, "audience">,
  { segments, appliances }: Pick<EngagementDeps, "segments" | "appliances">,
): RawBuilder<unknown> {
  if (audience.kind === "segment") return segments.members(audience.segmentId);
  return sql`(SELECT DISTINCT d.household_id FROM ${appliances} d WHERE d.household_id IS NOT NULL AND ${inRanges(audience)})`;
}

/** What may be sent now, by its id: an offer only while it may be made. */
export async function sendableItems(
  { content, offersMadeWhen }: Pick<EngagementDeps, "content" | "offersMadeWhen">,
  db: Db,
  itemIds: readonly string[],
): Promise<Map<string, DecisionItem>> {
  const items = await content.forDecision(db, itemIds);
  const made = await offersMadeWhen(db, offerKeysOf(items));
  for (const { id, kind, offerKey } of items.values())
    if (kind === "offer" && made.get(offerKey ?? "") !== "now") items.delete(id);
  return items;
}

export const offerKeysOf = (items: ReadonlyMap<string, DecisionItem>): string[] =>
  [...items.values()].flatMap(({ offerKey }) => offerKey ?? []);

const two = (value: number) => String(value).padStart(2, "0");

/** Local times as text are in the order of the clock. */
const later = (a: string | null, b: string | null): string | null => (a === null || (b !== null && b > a) ? b : a);

/** What a campaign would like its households to get, of the items that may be sent. */
export function candidatesOf(
  campaign: Pick<CampaignRow, "id" | "definition">,
  items: ReadonlyMap<string, DecisionItem>,
): Candidate[] {
  const { definition } = campaign;
  const source = sourceOf(campaign.id);
  const isRecall = definition.kind === "recall";
  const schedule = isRecall ? null : definition.schedule;
  const begins =
    schedule === null ? null : `${schedule.date}T${two(Math.floor(schedule.minute / 60))}:${two(schedule.minute % 60)}`;
  return definition.itemIds.flatMap((itemId): Candidate[] => {
    const item = items.get(itemId);
    if (item === undefined) return [];
    return [
      {
        source,
        itemId,
        version: item.version,
        title: item.title,
        kind: item.kind,
        class: item.class,
        topics: item.topics,
        needs: item.needs,
        models: item.models,
        unfit: item.unfit,
        priority: definition.priority,
        fromMs: 0,
        untilMs: definition.expiresAtMs,
        localFrom: later(item.schedule.from, begins),
        localUntil: item.schedule.until,
        bestHour: !isRecall && definition.bestHour,
        choice: definition.itemIds.length > 1 ? source : null,
        measured: !isRecall,
      },
    ];
  });
}
