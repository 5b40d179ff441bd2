/** Points in words: what earns, how often, and what became of them. */
import type {
  EarningAmount,
  EarningDefinition,
  EarningLimit,
  LedgerEntry,
  OfferGrant,
  Redemption,
} from "../api/loyalty-shapes.ts";
import { countText, plural } from "./numbers.ts";
import type { Tone } from "./rollouts.ts";

const dayMs = 86_400_000;

const amountWords = (amount: EarningAmount): string =>
  typeof amount === "number"
    ? plural(amount, "point")
    : `${countText(amount.times)} for every ${countText(amount.unit)} of ${amount.of}, at most ${countText(amount.max)}`;

const limitWords = (limit: EarningLimit): string => {
  switch (limit.kind) {
    case "none":
      return "each time";
    case "once":
      return "once for each household";
    case "once_per":
      return `once for each ${limit.fact}`;
    case "per":
      return limit.count === 1 ? `once a ${limit.period}` : `up to ${limit.count} times a ${limit.period}`;
  }
};

/** A rule as one would say it: `10 points for program.finished, up to 3 times a day`. */
export function earningSentence(definition: EarningDefinition): string {
  const { act, when, effects, returns, limit, streak, delayMs, tierMultiplied } = definition;
  const from = act.from.length === 0 ? "" : ` from ${act.from.join(" or ")}`;
  const condition = when === null ? "" : `, where ${when}`;
  if (returns !== null) return `${act.type}${from} takes back what ${returns.rule} gave for the same ${returns.by}`;
  const points = effects
    .map(({ points: amount, to }) => `${amountWords(amount)}${to === "referrer" ? " to who referred them" : ""}`)
    .join(" and ");
  const often =
    streak === null
      ? limitWords(limit)
      : `in every ${streak.period} from the ${streak.length}th in a row on in which it happens`;
  const later = delayMs === 0 ? "" : `; they count after ${plural(Math.round(delayMs / dayMs), "day")}`;
  const more = tierMultiplied ? "; the tier multiplies them" : "";
  return `${points} for ${act.type}${from}${condition}, ${often}${later}${more}`;
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

/** An amount of the currency's smallest unit: `18.00 EUR`. */
export function moneyText({ amountMinor, currency }: { amountMinor: number; currency: string }): string {
  const format = new Intl.NumberFormat("en-GB", { style: "currency", currency, currencyDisplay: "code" });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  return format.format(amountMinor / 10 ** digits);
}
