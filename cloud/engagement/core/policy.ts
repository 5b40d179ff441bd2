import { z } from "zod";

/** What a message is, from the most important down. The last two alone may be capped, held out, or kept for later by quiet hours. */
export const itemClasses = [
  "safety",
  "security",
  "recall",
  "service",
  "requested",
  "loyalty_status",
  "promotional",
] as const;
export type ItemClass = (typeof itemClasses)[number];

export const cappedClasses = ["loyalty_status", "promotional"] as const;
type CappedClass = (typeof cappedClasses)[number];

export const isCapped = (itemClass: ItemClass): itemClass is CappedClass =>
  itemClass === "loyalty_status" || itemClass === "promotional";

/** Security is beside a recall: neither waits for the other. */
const rank: Record<ItemClass, number> = {
  safety: 0,
  security: 1,
  recall: 1,
  service: 2,
  requested: 3,
  loyalty_status: 4,
  promotional: 5,
};
/** Lower is more important. */
export const rankOf = (itemClass: ItemClass): number => rank[itemClass];

export const channelNames = ["display", "web_push", "email", "webhook", "human"] as const;
export type ChannelName = (typeof channelNames)[number];

/** At most `max` in `days` calendar days of the household, today included. */
const cap = z
  .strictObject({
    days: z.int().min(1).max(30),
    max: z.int().min(0).max(100),
    classes: z
      .array(z.enum(cappedClasses))
      .min(1)
      .max(cappedClasses.length)
      .refine((list) => new Set(list).size === list.length, "must not name a class twice"),
  })
  .meta({ id: "FrequencyCap" });
export type Cap = z.infer<typeof cap>;

/** Most rules; all of them hold at once, so that the strictest wins. */
const capsMax = 10;

/** What the maker decides for all households: data, and not code. */
export const engagementPolicy = z
  .strictObject({
    caps: z.array(cap).max(capsMax),
    /** Most messages that wait on a household's display without having been shown. */
    roomMax: z.int().min(1).max(20),
    /** The share of households that get no promotion in a quarter, so that its effect can be measured. */
    holdoutShare: z.number().min(0).max(0.15),
  })
  .meta({ id: "EngagementPolicy" });
export type EngagementPolicy = z.infer<typeof engagementPolicy>;

export const defaultPolicy: EngagementPolicy = {
  caps: [
    { days: 1, max: 1, classes: ["promotional"] },
    { days: 7, max: 3, classes: ["promotional"] },
    { days: 1, max: 2, classes: ["loyalty_status", "promotional"] },
  ],
  roomMax: 2,
  holdoutShare: 0.05,
};
