import { z } from "zod";
import { safeText } from "#protocol/text.ts";
import { loyaltyKey } from "./rule.ts";
import { inLocales } from "./words.ts";

export const rewardKinds = ["product", "voucher", "service", "donation"] as const;

/** What points are good for. */
export const rewardDefinition = z
  .strictObject({
    title: safeText(200).trim().min(1),
    description: safeText(1_000).default(""),
    /** Its words in other languages. */
    texts: inLocales(z.strictObject({ title: safeText(200).trim().min(1), description: safeText(1_000).default("") })),
    kind: z.enum(rewardKinds).default("product"),
    pointsCost: z.int().min(1).max(1_000_000),
    /** How long it is put aside for a household. */
    reserveMs: z.int().min(60_000).max(2_678_400_000).default(86_400_000),
    /** How many there are; null: as many as one likes. What was released can be had again. */
    stock: z.int().min(0).max(1_000_000).nullable().default(null),
    /** From this tier on; null: everybody. */
    tier: loyaltyKey.nullable().default(null),
    enabled: z.boolean().default(true),
  })
  .meta({ id: "RewardDefinition" });
export type RewardDefinition = z.infer<typeof rewardDefinition>;

export const reward = z
  .object({
    key: loyaltyKey,
    version: z.number(),
    definition: rewardDefinition,
    createdAtMs: z.number(),
    createdBy: z.string(),
  })
  .meta({ id: "Reward" });
export type Reward = z.infer<typeof reward>;

/**
 * The life of a reward that a household put aside.
 *
 *   reserved --redeemed--> redeemed --given back by staff--> refunded
 *      +--released, or its time is over--> released
 */
export const redemptionStates = ["reserved", "redeemed", "released", "refunded"] as const;
export type RedemptionState = (typeof redemptionStates)[number];

export type RedemptionRefusal =
  | "redemption_released"
  | "redemption_redeemed"
  | "redemption_refunded"
  | "redemption_not_redeemed";
type Outcome = { kind: "moved"; to: RedemptionState } | { kind: "refused"; rule: RedemptionRefusal };

const to = (state: RedemptionState): Outcome => ({ kind: "moved", to: state });
const no = (rule: RedemptionRefusal): Outcome => ({ kind: "refused", rule });

const transitions: Record<RedemptionState, Record<"redeem" | "release" | "refund", Outcome>> = {
  reserved: { redeem: to("redeemed"), release: to("released"), refund: no("redemption_not_redeemed") },
  redeemed: { redeem: no("redemption_redeemed"), release: no("redemption_redeemed"), refund: to("refunded") },
  released: {
    redeem: no("redemption_released"),
    release: no("redemption_released"),
    refund: no("redemption_released"),
  },
  refunded: {
    redeem: no("redemption_refunded"),
    release: no("redemption_refunded"),
    refund: no("redemption_refunded"),
  },
};

export const stepRedemption = (state: RedemptionState, event: "redeem" | "release" | "refund"): Outcome =>
  transitions[state][event];
