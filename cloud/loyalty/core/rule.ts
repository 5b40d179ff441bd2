import { z } from "zod";
import { safeText } from "#protocol/text.ts";

export const loyaltyKey = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, "must be snake_case, at most 64 characters");
const factName = z.string().regex(/^[a-z][a-zA-Z0-9_]{0,63}$/, "must be a name, at most 64 characters");

export const actOrigins = ["appliance", "web", "app", "shop", "support", "social"] as const;

const pointsMax = 1_000_000;

/** A fixed number, or arithmetic over one fact of the act: `of / unit * times`, rounded, and never more than `max`. */
const amount = z.union([
  z.int().min(1).max(pointsMax),
  z.strictObject({
    of: factName,
    unit: z.number().positive().max(1e9).default(1),
    times: z.number().positive().max(1e6).default(1),
    round: z.enum(["down", "nearest", "up"]).default("down"),
    max: z.int().min(1).max(pointsMax),
  }),
]);
export type Amount = z.infer<typeof amount>;

export const periods = ["day", "week", "month"] as const;
export type Period = (typeof periods)[number];

/** Most values of which a household earns once each by a rule, where it may have made them up. */
export const valuesMax = 500;

const limit = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("none") }),
  /** Per household and day, week (from Monday) or month of its calendar, by the act's own time. */
  z.strictObject({ kind: z.literal("per"), period: z.enum(periods), count: z.int().min(1).max(1_000) }),
  /** Per household, for ever. */
  z.strictObject({ kind: z.literal("once") }),
  /**
   * Per household and value of a fact, for ever: each program once, each order once. Where others than shop and support report it, of at
   * most `valuesMax` values: whoever names them could go on for ever.
   */
  z.strictObject({ kind: z.literal("once_per"), fact: factName }),
]);

export const loyaltyDefinition = z
  .strictObject({
    title: safeText(200).trim().min(1),
    /** What a household has to do, and who may report it: an empty list takes everybody's word. */
    act: z.strictObject({
      type: z.string().regex(/^[a-z][a-z0-9_.]{0,63}$/, "must be dotted lower case, at most 64 characters"),
      from: z.array(z.enum(actOrigins)).max(actOrigins.length).default([]),
    }),
    /** The facts of the act's data that the rule reads, with their types; one that is missing or of another type is unknown. */
    facts: z.record(factName, z.enum(["text", "number", "flag"])).default({}),
    /** A condition in CEL over those facts and the household's; null: always. */
    when: safeText(2_000).nullable().default(null),
    effects: z
      .array(
        z.strictObject({
          points: amount,
          /** `referrer`: the household that the act's fact `referrer` names. */
          to: z.enum(["household", "referrer"]).default("household"),
        }),
      )
      .max(5)
      .default([]),
    /** Takes back what another rule gave for the same value of a fact: an order that was returned. */
    returns: z.strictObject({ rule: loyaltyKey, by: factName }).nullable().default(null),
    limit,
    /** Earns in each period from the `length`th on in which it happened without a gap. */
    streak: z
      .strictObject({ period: z.enum(periods), length: z.int().min(2).max(52) })
      .nullable()
      .default(null),
    /** Whether the household's tier multiplies the points. */
    tierMultiplied: z.boolean().default(false),
    /** How long points are pending before they are active. */
    delayMs: z.int().min(0).max(31_622_400_000).default(0),
    /** Days of the household's calendar; null: as the program says. */
    expiresAfterDays: z.int().min(1).max(3_660).nullable().default(null),
    enabled: z.boolean().default(true),
  })
  .meta({ id: "LoyaltyRuleDefinition" });
export type LoyaltyDefinition = z.infer<typeof loyaltyDefinition>;
export type Limit = LoyaltyDefinition["limit"];

/** A version of an earning rule. */
export const loyaltyRule = z
  .object({
    key: loyaltyKey,
    version: z.number(),
    definition: loyaltyDefinition,
    createdAtMs: z.number(),
    createdBy: z.string(),
    /** Acts from then on go by this version, however late they are told. */
    fromMs: z.number(),
  })
  .meta({ id: "LoyaltyRule" });
export type LoyaltyRule = z.infer<typeof loyaltyRule>;
