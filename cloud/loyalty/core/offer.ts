import { z } from "zod";
import { epochMs, safeText } from "#protocol/text.ts";
import { locale } from "#protocol/ids.ts";
import { fallbackOf } from "../../platform/best-locale.ts";
import { loyaltyKey } from "./rule.ts";
import { inLocales } from "./words.ts";

const title = safeText(200).trim().min(1);
/** Why a household has it for less, in words for the household. */
const reason = safeText(200).trim().min(1);
const pricesMax = 20;

const amountMinor = z.int().min(0).max(100_000_000);

export const money = z.object({ amountMinor: z.number(), currency: z.string() }).meta({ id: "Money" });
export type Money = z.infer<typeof money>;

/** What a household may be offered, and at which price for whom. */
export const offerDefinition = z
  .strictObject({
    /** In which language the title and the reasons below are. */
    locale: locale.default("en"),
    title,
    /** The same in other languages: a reason for each of the prices, in their order. */
    texts: inLocales(z.strictObject({ title, reasons: z.array(reason).max(pricesMax) })),
    /** As the shop knows the article. */
    article: safeText(100).trim().min(1),
    currency: z.string().regex(/^[A-Z]{3}$/, "must be a currency of ISO 4217, such as EUR"),
    /** In the currency's smallest unit; the same on every channel. */
    listPriceMinor: amountMinor,
    /** No household pays less. */
    floorMinor: amountMinor,
    /** Own prices: the lowest that the household's tier reaches counts; without one it pays the list price. */
    prices: z
      .array(
        z.strictObject({
          /** From this tier on; null: everybody. */
          tier: loyaltyKey.nullable(),
          priceMinor: amountMinor,
          reason,
        }),
      )
      .max(pricesMax)
      .default([]),
    /** Points that it costs beside the price. */
    pointsCost: z.int().min(1).max(1_000_000).nullable().default(null),
    /** It is made to households from and until then, and none of those made lasts longer; null: no bound. */
    fromMs: epochMs.nullable().default(null),
    untilMs: epochMs.nullable().default(null),
    enabled: z.boolean().default(true),
  })
  .refine(({ fromMs, untilMs }) => fromMs === null || untilMs === null || fromMs < untilMs, {
    path: ["untilMs"],
    message: "must lie after fromMs",
  })
  .superRefine(({ locale: own, texts, prices }, context) => {
    for (const [language, { reasons }] of Object.entries(texts)) {
      if (language === own)
        context.addIssue({ code: "custom", path: ["texts", language], message: "is said in the offer's own words" });
      if (reasons.length !== prices.length)
        context.addIssue({
          code: "custom",
          path: ["texts", language, "reasons"],
          message: `must have a reason for each of the ${prices.length} prices`,
        });
    }
  })
  .meta({ id: "OfferDefinition" });
export type OfferDefinition = z.infer<typeof offerDefinition>;

export const offer = z
  .object({
    key: loyaltyKey,
    version: z.number(),
    definition: offerDefinition,
    createdAtMs: z.number(),
    createdBy: z.string(),
  })
  .meta({ id: "Offer" });
export type Offer = z.infer<typeof offer>;

/** Why a definition cannot stand; null where it can. */
export function refusedOffer(
  { listPriceMinor, floorMinor, prices }: OfferDefinition,
  tiers: ReadonlySet<string>,
): { rule: "offer_below_floor" | "offer_above_list_price" | "offer_tier_unknown"; detail: string } | null {
  if (listPriceMinor < floorMinor)
    return {
      rule: "offer_below_floor",
      detail: `listPriceMinor: ${listPriceMinor} is below the floor of ${floorMinor}.`,
    };
  for (const [at, { priceMinor, tier }] of prices.entries()) {
    const place = `prices.${at}`;
    if (priceMinor < floorMinor)
      return {
        rule: "offer_below_floor",
        detail: `${place}.priceMinor: ${priceMinor} is below the floor of ${floorMinor}.`,
      };
    if (priceMinor > listPriceMinor)
      return {
        rule: "offer_above_list_price",
        detail: `${place}.priceMinor: ${priceMinor} is above the list price of ${listPriceMinor}.`,
      };
    if (tier !== null && !tiers.has(tier))
      return { rule: "offer_tier_unknown", detail: `${place}.tier: the program has no tier ${tier}.` };
  }
  return null;
}

/** What a household pays, and why. */
export function priceFor(
  { listPriceMinor, prices }: OfferDefinition,
  isReached: (tier: string | null) => boolean,
): { priceMinor: number; reason: string } {
  const own = prices.filter(({ tier }) => isReached(tier)).toSorted((a, b) => a.priceMinor - b.priceMinor)[0];
  return own === undefined || own.priceMinor >= listPriceMinor
    ? { priceMinor: listPriceMinor, reason: "" }
    : { priceMinor: own.priceMinor, reason: own.reason };
}

/** In which languages an offer speaks. */
export const languagesOf = ({ locale: own, texts }: OfferDefinition): string[] => [own, ...Object.keys(texts)];

/** The title, and the reason of a price as it was granted, for somebody who reads `wanted`: by the same chain as items of content. */
export function offerWords(
  definition: OfferDefinition,
  granted: { priceMinor: number; reason: string },
  wanted: string,
): { title: string; reason: string } {
  const { title: ownTitle, prices, texts, locale: own } = definition;
  const { reads } = fallbackOf(wanted, languagesOf(definition));
  const text = reads === own ? undefined : texts[reads];
  const at = prices.findIndex((one) => one.priceMinor === granted.priceMinor && one.reason === granted.reason);
  return { title: text?.title ?? ownTitle, reason: text?.reasons[at] ?? granted.reason };
}
