import { z } from "zod";
import { safeText } from "#protocol/text.ts";

export const ruleKey = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, "must be snake_case, at most 64 characters");

export const loyaltyDefinition = z
  .strictObject({
    title: safeText(200).trim().min(1),
    /** The event type that earns. */
    event: z.string().regex(/^[a-z][a-z0-9_.]{0,63}$/, "must be dotted lower case, at most 64 characters"),
    points: z.int().min(1).max(1_000_000),
    limit: z.discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("none") }),
      /** Per household and day of its calendar, by the device's own time. */
      z.strictObject({ kind: z.literal("per_day"), count: z.int().min(1).max(1_000) }),
      /** Per household, for ever. */
      z.strictObject({ kind: z.literal("once") }),
    ]),
    /** How long points are pending before they are active. */
    delayMs: z.int().min(0).max(31_622_400_000).default(0),
    enabled: z.boolean().default(true),
  })
  .meta({ id: "LoyaltyRuleDefinition" });
export type LoyaltyDefinition = z.infer<typeof loyaltyDefinition>;

/** An earning rule as it stands: its newest version. */
export const loyaltyRule = z
  .object({
    key: ruleKey,
    version: z.number(),
    definition: loyaltyDefinition,
    createdAtMs: z.number(),
    createdBy: z.string(),
  })
  .meta({ id: "LoyaltyRule" });
export type LoyaltyRule = z.infer<typeof loyaltyRule>;
