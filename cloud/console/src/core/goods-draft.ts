/** Rewards and offers as forms hold them. */
import type { OfferDefinition, RewardDefinition, RewardKind } from "../api/loyalty-shapes.ts";
import type { Wrongs } from "./field-wrongs.ts";
import { moneyDigits, moneyText } from "./loyalty.ts";
import { type NumberField, numberOr } from "./number-field.ts";
import { byLocale, localePattern, type Translation, translationsOf, translationWrongs } from "./program-draft.ts";

const hourMs = 3_600_000;
const dayMs = 86_400_000;

export interface RewardDraft {
  title: string;
  description: string;
  texts: Translation<{ title: string; description: string }>[];
  kind: RewardKind;
  pointsCost: NumberField;
  reserveHours: NumberField;
  /** Null: as many as one likes. */
  stock: NumberField | null;
  /** "" everybody. */
  tier: string;
  enabled: boolean;
}

export const newReward: RewardDraft = {
  title: "",
  description: "",
  texts: [],
  kind: "product",
  pointsCost: "",
  reserveHours: 24,
  stock: null,
  tier: "",
  enabled: true,
};

export const rewardDraftOf = ({ texts, reserveMs, tier, ...rest }: RewardDefinition): RewardDraft => ({
  ...rest,
  texts: translationsOf(texts),
  reserveHours: reserveMs / hourMs,
  tier: tier ?? "",
});

export const rewardDefinitionOf = (draft: RewardDraft): RewardDefinition => ({
  title: draft.title.trim(),
  description: draft.description.trim(),
  texts: byLocale(draft.texts),
  kind: draft.kind,
  pointsCost: numberOr(draft.pointsCost),
  reserveMs: Math.round(numberOr(draft.reserveHours) * hourMs),
  stock: draft.stock === null ? null : numberOr(draft.stock),
  tier: draft.tier === "" ? null : draft.tier,
  enabled: draft.enabled,
});

export function rewardWrongs(draft: RewardDraft): Wrongs {
  const wrongs = new Map<string, string>();
  if (draft.title.trim() === "") wrongs.set("/title", "Name it: this is what the household reads.");
  if (draft.pointsCost === "" || draft.pointsCost < 1) wrongs.set("/pointsCost", "At least 1 point.");
  if (draft.reserveHours === "" || draft.reserveHours > 744 || draft.reserveHours * 60 < 1)
    wrongs.set("/reserveMs", "From a minute to 31 days (744 hours).");
  if (draft.stock === "") wrongs.set("/stock", "Say how many there are, or that there is no end to them.");
  for (const [pointer, message] of translationWrongs(draft.texts, "/texts", ({ title }) => title.trim() === ""))
    wrongs.set(pointer, message);
  return wrongs;
}

export interface OfferDraft {
  /** The language of its own words. */
  locale: string;
  title: string;
  texts: Translation<OfferText>[];
  article: string;
  currency: string;
  /** In whole units of the currency, as one writes prices. */
  listPrice: NumberField;
  floor: NumberField;
  prices: { tier: string; price: NumberField; reason: string }[];
  /** Null: none. */
  pointsCost: NumberField | null;
  /** Days, as `YYYY-MM-DD`; "" without a bound. The last one is a day on which it is still made. */
  fromDay: string;
  lastDay: string;
  enabled: boolean;
}

/** Its words in another language: a reason for each price, in their order. */
export interface OfferText {
  title: string;
  reasons: string[];
}

/** Prices as they are now, and the words about each in other languages beside them. */
export function withPrices(
  { prices: before, texts }: Pick<OfferDraft, "prices" | "texts">,
  prices: OfferDraft["prices"],
): Pick<OfferDraft, "prices" | "texts"> {
  // One row is removed at a time: the words about it are those at the first place where the rows differ.
  const removed = prices.length < before.length ? before.findIndex((price, at) => price !== prices[at]) : null;
  const reasonsOf = (reasons: readonly string[]) =>
    prices.map((_price, at) => reasons[removed !== null && at >= removed ? at + 1 : at] ?? "");
  return {
    prices,
    texts: texts.map(({ locale, words }) => ({ locale, words: { ...words, reasons: reasonsOf(words.reasons) } })),
  };
}

export const newPrice: OfferDraft["prices"][number] = { tier: "", price: "", reason: "" };

export const newOffer: OfferDraft = {
  locale: "en",
  title: "",
  texts: [],
  article: "",
  currency: "EUR",
  listPrice: "",
  floor: "",
  prices: [newPrice],
  pointsCost: null,
  fromDay: "",
  lastDay: "",
  enabled: true,
};

const isCurrency = (currency: string): boolean => /^[A-Z]{3}$/.test(currency);
/** Digits behind the point of its prices: those of most currencies as long as it is half written. */
export const digitsOf = ({ currency }: Pick<OfferDraft, "currency">): number =>
  isCurrency(currency) ? moneyDigits(currency) : 2;

const twoDigits = (part: number) => String(part).padStart(2, "0");
/** A day of this computer's calendar. */
function dayText(atMs: number): string {
  const date = new Date(atMs);
  return `${date.getFullYear()}-${twoDigits(date.getMonth() + 1)}-${twoDigits(date.getDate())}`;
}
const startOfDay = (day: string): number => new Date(`${day}T00:00`).getTime();
/** The end of a day: also where clocks change on it. */
const endOfDay = (day: string): number => startOfDay(dayText(startOfDay(day) + dayMs + dayMs / 2));

export function offerDraftOf(definition: OfferDefinition): OfferDraft {
  const { currency, fromMs, untilMs } = definition;
  const whole = (minor: number) => minor / 10 ** moneyDigits(currency);
  return {
    locale: definition.locale,
    title: definition.title,
    texts: translationsOf(definition.texts),
    article: definition.article,
    currency,
    listPrice: whole(definition.listPriceMinor),
    floor: whole(definition.floorMinor),
    prices: definition.prices.map(({ tier, priceMinor, reason }) => ({
      tier: tier ?? "",
      price: whole(priceMinor),
      reason,
    })),
    pointsCost: definition.pointsCost,
    fromDay: fromMs === null ? "" : dayText(fromMs),
    lastDay: untilMs === null ? "" : dayText(untilMs - 1),
    enabled: definition.enabled,
  };
}

export function offerDefinitionOf(draft: OfferDraft): OfferDefinition {
  const minor = (price: NumberField) => Math.round(numberOr(price) * 10 ** digitsOf(draft));
  return {
    locale: draft.locale.trim(),
    title: draft.title.trim(),
    texts: byLocale(
      draft.texts.map(({ locale, words: { title, reasons } }) => ({
        locale,
        words: { title: title.trim(), reasons: draft.prices.map((_price, at) => (reasons[at] ?? "").trim()) },
      })),
    ),
    article: draft.article.trim(),
    currency: draft.currency,
    listPriceMinor: minor(draft.listPrice),
    floorMinor: minor(draft.floor),
    prices: draft.prices.map(({ tier, price, reason }) => ({
      tier: tier === "" ? null : tier,
      priceMinor: minor(price),
      reason: reason.trim(),
    })),
    pointsCost: draft.pointsCost === null ? null : numberOr(draft.pointsCost),
    fromMs: draft.fromDay === "" ? null : startOfDay(draft.fromDay),
    untilMs: draft.lastDay === "" ? null : endOfDay(draft.lastDay),
    enabled: draft.enabled,
  };
}

export function offerWrongs(draft: OfferDraft): Wrongs {
  const wrongs = new Map<string, string>();
  const need = (isThere: boolean, pointer: string, message: string) => {
    if (!isThere) wrongs.set(pointer, message);
  };
  need(draft.title.trim() !== "", "/title", "Name it: this is what the household reads.");
  need(localePattern.test(draft.locale.trim()), "/locale", "A language such as en, de or pt-BR.");
  need(draft.article.trim() !== "", "/article", "The article's number at the shop.");
  need(isCurrency(draft.currency), "/currency", "Three capital letters, such as EUR.");
  need(draft.listPrice !== "", "/listPriceMinor", "What everybody pays without this offer.");
  need(draft.floor !== "", "/floorMinor", "The least that anybody may ever pay.");
  if (wrongs.size > 0) return wrongs;
  const { listPriceMinor, floorMinor, prices, currency } = offerDefinitionOf(draft);
  const money = (amountMinor: number) => moneyText({ amountMinor, currency });
  need(floorMinor <= listPriceMinor, "/floorMinor", `Not more than the list price of ${money(listPriceMinor)}.`);
  for (const [at, { priceMinor, reason }] of prices.entries()) {
    const place = `/prices/${at}`;
    const isThere = draft.prices[at]?.price !== "";
    need(isThere, `${place}/priceMinor`, "What these households pay.");
    if (isThere && priceMinor < floorMinor)
      wrongs.set(`${place}/priceMinor`, `Not below the floor of ${money(floorMinor)}.`);
    if (isThere && priceMinor > listPriceMinor)
      wrongs.set(`${place}/priceMinor`, `Not above the list price of ${money(listPriceMinor)}.`);
    need(reason !== "", `${place}/reason`, "Why they have it for less: the household reads this.");
  }
  for (const [pointer, message] of translationWrongs(
    draft.texts,
    "/texts",
    ({ title, reasons }) => title.trim() === "" || draft.prices.some((_price, at) => (reasons[at] ?? "").trim() === ""),
  ))
    wrongs.set(pointer, message);
  for (const [at, { locale }] of draft.texts.entries())
    need(locale.trim() !== draft.locale.trim(), `/texts/${at}`, "The words above are in this language.");
  need(draft.pointsCost === null || numberOr(draft.pointsCost) >= 1, "/pointsCost", "At least 1 point, or none.");
  need(
    draft.fromDay === "" || draft.lastDay === "" || draft.fromDay <= draft.lastDay,
    "/untilMs",
    "Not before its first day.",
  );
  return wrongs;
}
