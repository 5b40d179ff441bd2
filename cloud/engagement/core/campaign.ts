/**
 * The life of a campaign.
 *
 *   draft --approve (another person)--> approved --start--> running <--pause, resume--> paused
 *     ^----------- change ----------------/                    |                          |
 *                                         \------- finish -----+--------------------------+--> finished
 *
 * What was approved and is changed is a draft again. `finished` is final: a person says so, or its expiry comes.
 */
import { z } from "zod";
import { safeText } from "#protocol/text.ts";
import { epochMs } from "#protocol/text.ts";
import { modelKey } from "#protocol/ids.ts";

export const campaignStates = ["draft", "approved", "running", "paused", "finished"] as const;
export type CampaignState = (typeof campaignStates)[number];

export type CampaignEvent =
  | { kind: "change" }
  /** @param authors whoever wrote any of it since it was last approved */
  | { kind: "approve"; by: string; authors: readonly string[] }
  | { kind: "start" }
  | { kind: "pause" }
  | { kind: "resume" }
  | { kind: "finish" };

export type CampaignRefusal =
  | "campaign_not_draft"
  | "campaign_not_approved"
  | "campaign_not_running"
  | "campaign_not_paused"
  | "campaign_under_way"
  | "campaign_over"
  | "campaign_approver_is_author";

export type CampaignOutcome = { kind: "moved"; to: CampaignState } | { kind: "refused"; rule: CampaignRefusal };

type On<K extends CampaignEvent["kind"]> = Extract<CampaignEvent, { kind: K }>;

const to = (state: CampaignState) => (): CampaignOutcome => ({ kind: "moved", to: state });
const refuse = (rule: CampaignRefusal) => (): CampaignOutcome => ({ kind: "refused", rule });
const over = refuse("campaign_over");

/** Every state by every event: a cell that is missing does not compile. */
const transitions: {
  [S in CampaignState]: { [K in CampaignEvent["kind"]]: (on: On<K>) => CampaignOutcome };
} = {
  draft: {
    change: to("draft"),
    approve: ({ by, authors }) =>
      authors.includes(by)
        ? { kind: "refused", rule: "campaign_approver_is_author" }
        : { kind: "moved", to: "approved" },
    start: refuse("campaign_not_approved"),
    pause: refuse("campaign_not_running"),
    resume: refuse("campaign_not_paused"),
    finish: refuse("campaign_not_running"),
  },
  approved: {
    change: to("draft"),
    approve: refuse("campaign_not_draft"),
    start: to("running"),
    pause: refuse("campaign_not_running"),
    resume: refuse("campaign_not_paused"),
    finish: to("finished"),
  },
  running: {
    change: refuse("campaign_under_way"),
    approve: refuse("campaign_not_draft"),
    start: refuse("campaign_under_way"),
    pause: to("paused"),
    resume: refuse("campaign_not_paused"),
    finish: to("finished"),
  },
  paused: {
    change: refuse("campaign_under_way"),
    approve: refuse("campaign_not_draft"),
    start: refuse("campaign_under_way"),
    pause: refuse("campaign_not_running"),
    resume: to("running"),
    finish: to("finished"),
  },
  finished: { change: over, approve: over, start: over, pause: over, resume: over, finish: over },
};

/** What `on` makes of a campaign in the state `now`. */
export function stepCampaign(now: CampaignState, on: CampaignEvent): CampaignOutcome {
  // The table is total, so the pair is always a cell of it; TypeScript cannot correlate two unions on its own.
  const cell = transitions[now][on.kind] as (on: CampaignEvent) => CampaignOutcome; // oxlint-disable-line typescript/no-unsafe-type-assertion -- see above
  return cell(on);
}

const serial = safeText(64).trim().min(1);
const serialRange = z
  .strictObject({ from: serial, to: serial })
  .refine(({ from, to: last }) => from.length === last.length && from <= last, {
    message: "must be two serial numbers of the same length, the lower first",
    path: ["to"],
  });

const bySerials = z.strictObject({
  kind: z.literal("serials"),
  model: modelKey,
  ranges: z.array(serialRange).min(1).max(100),
});
/** Whether there is such a segment is asked of the segments, which also say how one is named. */
const bySegment = z.strictObject({ kind: z.literal("segment"), segmentId: safeText(64).min(1) });

/** Most items that a campaign chooses from. */
const itemsMax = 20;
const items = z
  .array(z.uuid())
  .min(1)
  .refine((list) => new Set(list).size === list.length, "must not name an item twice");

const shared = {
  name: safeText(120).trim().min(1),
  /** 0 to 9; within its class the higher goes first. */
  priority: z.int().min(0).max(9).default(5),
  expiresAtMs: epochMs,
};

export const campaignDefinition = z
  .discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("campaign"),
      ...shared,
      audience: z.discriminatedUnion("kind", [bySegment, bySerials]),
      /** Of several, each household gets the one that suits it best. */
      itemIds: items.max(itemsMax),
      /** From this day on, at this minute of it, in each household's own zone; null: at once. */
      schedule: z
        .strictObject({ date: z.iso.date(), minute: z.int().min(0).max(1_439) })
        .nullable()
        .default(null),
      /** In the hour in which each household cooks most. */
      bestHour: z.boolean().default(true),
      /** The event or fact that the campaign is for, by its type; counted in the days after a household came in. */
      goal: z
        .strictObject({ event: safeText(64).trim().min(1), withinDays: z.int().min(1).max(90) })
        .nullable()
        .default(null),
    }),
    z.strictObject({
      kind: z.literal("recall"),
      ...shared,
      audience: bySerials,
      itemIds: items.max(1),
    }),
  ])
  .meta({ id: "CampaignDefinition" });
export type CampaignDefinition = z.infer<typeof campaignDefinition>;
export type SerialAudience = z.infer<typeof bySerials>;
