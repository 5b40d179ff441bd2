import { z } from "zod";

export const stages = [
  "acquisition",
  "activation",
  "engagement",
  "satisfaction",
  "loyalty",
  "advocacy",
  "disengaged",
] as const;
export type Stage = (typeof stages)[number];

const days = (max: number) => z.int().min(1).max(max);

/** The thresholds between the stages, as a maker sets them. */
export const lifecycleDefinition = z
  .strictObject({
    /** The median of the time between a household's own uses: within bounds, and the usual one while there are fewer than two. */
    gap: z.strictObject({ daysUsual: days(365), daysMin: days(365), daysMax: days(365) }),
    /** Paired, fewer than so many finished programs, for at most so many days. */
    activation: z.strictObject({ programs: z.int().min(1).max(100), days: days(365) }),
    /** Past activation, and used within so many of its own median gaps. */
    engagement: z.strictObject({ gaps: z.number().min(1).max(20) }),
    /** Engaged, no case open, and the last feedback at least this, or the last case solved at the first answer. */
    satisfaction: z.strictObject({ ratingMin: z.int().min(2).max(5), firstAnswerCounts: z.boolean() }),
    /** So many days engaged without a break, or a tier above the first. */
    loyalty: z.strictObject({ days: days(3_650), tierCounts: z.boolean() }),
    /** Somebody cooked what it shared, or paired because of it, within so many days. */
    advocacy: z.strictObject({ days: days(3_650) }),
    /**
     * Silent for more than so many of its own median gaps; feedback of at most this while a case is open, or so many faults happened
     * within so many days; or consent to marketing withdrawn within so many days of a complaint.
     */
    disengaged: z.strictObject({
      gaps: z.number().min(1).max(50),
      ratingMax: z.int().min(1).max(4),
      faults: z.int().min(1).max(20),
      faultDays: days(365),
      complaintDays: days(365),
    }),
    /**
     * When a household is asked how it likes its appliance, beside after a closed case: so many days after it came to have it (null:
     * not), and after a redeemed reward. At most once a week, never in its quiet hours, and with its consent to improve the product.
     */
    feedback: z
      .strictObject({ afterDays: z.int().min(7).max(365).nullable(), afterReward: z.boolean() })
      .default({ afterDays: 30, afterReward: true }),
  })
  .refine(({ gap }) => gap.daysMin <= gap.daysUsual && gap.daysUsual <= gap.daysMax, {
    path: ["gap", "daysUsual"],
    message: "must lie between daysMin and daysMax",
  })
  .refine(({ engagement, disengaged }) => engagement.gaps < disengaged.gaps, {
    path: ["disengaged", "gaps"],
    message: "must be more than engagement.gaps: nobody is engaged and silent at once",
  })
  .refine(({ satisfaction, disengaged }) => disengaged.ratingMax < satisfaction.ratingMin, {
    path: ["disengaged", "ratingMax"],
    message: "must be less than satisfaction.ratingMin: no rating is good and bad at once",
  })
  .meta({ id: "LifecycleDefinition" });
export type LifecycleDefinition = z.infer<typeof lifecycleDefinition>;

/** A definition, and from when on it counts. */
export interface DefinitionVersion {
  version: number;
  definition: LifecycleDefinition;
  inForceFromMs: number;
  createdBy: string;
}
