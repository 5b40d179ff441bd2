/** Points in words: what earns, how often, and what became of them. */
import type {
  ActOrigin,
  EarningAmount,
  EarningDefinition,
  EarningLimit,
  EarningRule,
  LedgerEntry,
  LoyaltyVocabulary,
  OfferDefinition,
  OfferGrant,
  Redemption,
  RewardKind,
} from "../api/loyalty-shapes.ts";
import { actText } from "./act-words.ts";
import { conditionWords } from "./condition-words.ts";
import { countText, plural } from "./numbers.ts";
import type { Tone } from "./rollouts.ts";

const dayMs = 86_400_000;

/** What the facts of an act and of its moment are called: `the program`. */
export function factWordsOf(vocabulary: LoyaltyVocabulary | undefined, type: string): ReadonlyMap<string, string> {
  const ofAct = vocabulary?.acts.find((act) => act.type === type)?.facts ?? [];
  return new Map([...(vocabulary?.facts ?? []), ...ofAct].map(({ name, words }) => [name, words]));
}

type NameOf = (fact: string) => string;

const amountWords = (amount: EarningAmount, nameOf: NameOf): string =>
  typeof amount === "number"
    ? plural(amount, "point")
    : `${plural(amount.times, "point")} for every ${countText(amount.unit)} of ${nameOf(amount.of)} (at most ${countText(amount.max)})`;

const bare = (words: string) => words.replace(/^the /, "");

const capital = (words: string) => words.charAt(0).toUpperCase() + words.slice(1);
const originName = (origin: ActOrigin) => originWords[origin].toLowerCase();
const ordinals = new Intl.PluralRules("en-GB", { type: "ordinal" });
const ordinalEnds: Partial<Record<Intl.LDMLPluralRule, string>> = { one: "st", two: "nd", few: "rd" };
/** `1st`, `22nd`, `4th` */
const ordinal = (count: number) => `${count}${ordinalEnds[ordinals.select(count)] ?? "th"}`;

const limitWords = (limit: EarningLimit, nameOf: NameOf): string => {
  switch (limit.kind) {
    case "none":
      return "each time";
    case "once":
      return "once for each household";
    case "once_per":
      return `once for each ${bare(nameOf(limit.fact))}`;
    case "per":
      return limit.count === 1 ? `once a ${limit.period}` : `up to ${limit.count} times a ${limit.period}`;
  }
};

/** A rule as one would say it: `10 points for a finished program, up to 3 times a day`. */
export function earningSentence(
  definition: EarningDefinition,
  vocabulary: LoyaltyVocabulary | undefined,
  rules: readonly Pick<EarningRule, "key" | "definition">[] = [],
): string {
  const { act, when, effects, returns, limit, streak, delayMs, tierMultiplied } = definition;
  const known = vocabulary?.acts.find(({ type }) => type === act.type);
  const words = actText(act.type);
  const factWords = factWordsOf(vocabulary, act.type);
  const nameOf: NameOf = (fact) => factWords.get(fact) ?? fact;
  // Of what one would take for granted nothing is said.
  const isUsual = known !== undefined && known.from.join() === act.from.join();
  const from = isUsual || act.from.length === 0 ? "" : `, by the word of ${act.from.map(originName).join(" or ")}`;
  const condition = when === null ? "" : `, where ${conditionWords(when, factWords) ?? when}`;
  if (returns !== null) {
    const given = rules.find(({ key }) => key === returns.rule)?.definition.title;
    const rule = given === undefined ? returns.rule : `“${given}”`;
    return `${capital(words)}${from} takes back what ${rule} gave for the same ${bare(nameOf(returns.by))}`;
  }
  const points = effects
    .map(
      ({ points: amount, to }) => `${amountWords(amount, nameOf)}${to === "referrer" ? " to who referred them" : ""}`,
    )
    .join(" and ");
  const often =
    streak === null
      ? limitWords(limit, nameOf)
      : `in every ${streak.period} that is at least the ${ordinal(streak.length)} in a row in which it happens`;
  const later = delayMs === 0 ? "" : `; they count after ${plural(Math.round(delayMs / dayMs), "day")}`;
  const more = tierMultiplied ? "; the tier multiplies them" : "";
  return `${points} for ${words}${from}${condition}, ${often}${later}${more}`;
}

export const entryKindWords: Record<LedgerEntry["kind"], string> = {
  earning: "Earned",
  reversal: "Taken back",
  reservation: "Put aside",
  release: "Released",
  spending: "Spent",
  refund: "Given back",
  expiry: "Expired",
  merge: "Moved with the household",
};

export const signedPoints = (points: number): string =>
  points < 0 ? `−${countText(-points)}` : `+${countText(points)}`;

export const redemptionWords: Record<Redemption["state"], { words: string; tone: Tone }> = {
  reserved: { words: "Put aside", tone: "mind" },
  redeemed: { words: "Redeemed", tone: "well" },
  released: { words: "Released", tone: "plain" },
  refunded: { words: "Given back", tone: "plain" },
};

export const grantWords: Record<OfferGrant["state"], { words: string; tone: Tone }> = {
  granted: { words: "Offered", tone: "plain" },
  redeeming: { words: "Touched, can be taken back", tone: "mind" },
  calling: { words: "With the shop", tone: "mind" },
  redeemed: { words: "Ordered", tone: "well" },
  failed: { words: "The shop said no; points are back", tone: "wrong" },
  expired: { words: "Ran out", tone: "plain" },
};

/** Digits behind the point of a currency: 2 of EUR, 0 of JPY. */
export const moneyDigits = (currency: string): number =>
  new Intl.NumberFormat("en-GB", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;

/** An amount of the currency's smallest unit: `18.00 EUR`. */
export function moneyText({ amountMinor, currency }: { amountMinor: number; currency: string }): string {
  const format = new Intl.NumberFormat("en-GB", { style: "currency", currency, currencyDisplay: "code" });
  return format.format(amountMinor / 10 ** moneyDigits(currency));
}

const dayOnly = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
/** When an offer is made to households: `until 31 Dec 2026`, `switched off`. */
export function offerWhenText({ enabled, fromMs, untilMs }: OfferDefinition): string {
  if (!enabled) return "switched off";
  const from = fromMs === null ? "" : `from ${dayOnly.format(fromMs)}`;
  const until = untilMs === null ? "" : `until ${dayOnly.format(untilMs - 1)}`;
  return `${from} ${until}`.trim() || "at any time";
}

export const rewardKindWords: Record<RewardKind, string> = {
  product: "Something that is sent",
  voucher: "A voucher",
  service: "A service",
  donation: "A donation",
};

export const originWords: Record<ActOrigin, string> = {
  appliance: "Appliances",
  app: "The app",
  web: "The web site",
  shop: "The shop",
  support: "Support",
  social: "Social media",
};
