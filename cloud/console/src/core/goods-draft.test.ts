import { expect, test } from "vitest";
import type { LoyaltyProgram, OfferDefinition, RewardDefinition } from "../api/loyalty-shapes.ts";
import {
  newOffer,
  newReward,
  offerDefinitionOf,
  offerDraftOf,
  newPrice,
  offerWrongs,
  withPrices,
  rewardDefinitionOf,
  rewardDraftOf,
  rewardWrongs,
} from "./goods-draft.ts";
import { programChanges, programDefinitionOf, programDraftOf, programWrongs } from "./program-draft.ts";

const offer: OfferDefinition = {
  locale: "en",
  title: "Filter",
  texts: { de: { title: "Filter", reasons: ["Sie entkalken", "Gold"] } },
  article: "F-1",
  currency: "EUR",
  listPriceMinor: 2_499,
  floorMinor: 1_500,
  prices: [
    { tier: null, priceMinor: 1_999, reason: "You descale" },
    { tier: "gold", priceMinor: 1_501, reason: "Gold" },
  ],
  pointsCost: 40,
  fromMs: new Date("2026-10-20T00:00").getTime(),
  untilMs: new Date("2026-10-26T00:00").getTime(),
  enabled: true,
};

test.each(["EUR", "JPY", "KWD"])(
  "an offer in %s is the same after it was in a form: no price loses a digit",
  (currency) => {
    const one = { ...offer, currency };
    const draft = offerDraftOf(one);
    expect([draft.fromDay, draft.lastDay]).toEqual(["2026-10-20", "2026-10-25"]);
    expect(offerWrongs(draft)).toEqual(new Map());
    expect(offerDefinitionOf(draft)).toEqual(one);
  },
);

test("the words about a price in other languages go with it when it is removed, and a language is said once and whole", () => {
  const draft = offerDraftOf(offer);
  const [first, second] = draft.prices;
  if (first === undefined || second === undefined) throw new Error("there are two");
  expect(withPrices(draft, [second]).texts[0]?.words.reasons).toEqual(["Gold"]);
  expect(withPrices(draft, [{ ...first, reason: "Thanks" }, second]).texts).toEqual(draft.texts);
  const more = { ...draft, ...withPrices(draft, [...draft.prices, newPrice]) };
  expect(more.texts[0]?.words.reasons).toEqual(["Sie entkalken", "Gold", ""]);
  expect([...offerWrongs(more).keys()]).toContain("/texts/0");
  expect([...offerWrongs({ ...draft, locale: "de" }).keys()]).toEqual(["/texts/0"]);
});

test("a currency that is half written is told at its field, and amounts stand meanwhile", () => {
  const draft = { ...offerDraftOf(offer), currency: "E" };
  expect([...offerWrongs(draft).keys()]).toEqual(["/currency"]);
  expect(offerDefinitionOf(draft)).toMatchObject({ currency: "E", listPriceMinor: 2_499 });
});

test("a price below the floor or above the list price, and one without a reason, are told at their field", () => {
  const draft = offerDraftOf(offer);
  const prices = [
    { tier: "", price: 14.99, reason: "x" },
    { tier: "", price: 25, reason: "x" },
    { tier: "", price: 20, reason: " " },
  ];
  expect([...offerWrongs({ ...draft, texts: [], prices, lastDay: "2026-10-01" })]).toEqual([
    ["/prices/0/priceMinor", "Not below the floor of EUR\u00A015.00."],
    ["/prices/1/priceMinor", "Not above the list price of EUR\u00A024.99."],
    ["/prices/2/reason", "Why they have it for less: the household reads this."],
    ["/untilMs", "Not before its first day."],
  ]);
  expect([...offerWrongs(newOffer).keys()]).toEqual(["/title", "/article", "/listPriceMinor", "/floorMinor"]);
});

test("a reward is the same after it was in a form, and its languages are each named once", () => {
  const reward: RewardDefinition = {
    title: "Apron",
    description: "Linen",
    texts: { de: { title: "Schürze", description: "" } },
    kind: "product",
    pointsCost: 200,
    reserveMs: 5_400_000,
    stock: 12,
    tier: "silver",
    enabled: true,
  };
  const draft = rewardDraftOf(reward);
  expect(rewardWrongs(draft)).toEqual(new Map());
  expect(rewardDefinitionOf(draft)).toEqual(reward);
  const row = { locale: "de", words: { title: "Schürze", description: "" } };
  const texts = [row, row, { ...row, locale: "German" }, { locale: "fr", words: { title: "", description: "" } }];
  expect([...rewardWrongs({ ...draft, texts }).keys()]).toEqual(["/texts/1", "/texts/2", "/texts/3"]);
  expect([...rewardWrongs({ ...newReward, stock: "" }).keys()]).toEqual(["/title", "/pointsCost", "/stock"]);
});

const program: LoyaltyProgram["definition"] = {
  expiresAfterDays: 730,
  returnsMayOverdraw: false,
  periodMonths: 12,
  noticeDays: 30,
  tiers: [
    { key: "base", title: "Member", names: {}, fromPoints: 0, multiplierPct: 100, benefits: "" },
    {
      key: "silver",
      title: "Silver",
      names: { de: "Silber" },
      fromPoints: 500,
      multiplierPct: 110,
      benefits: "Filters",
    },
    { key: "gold", title: "Gold", names: {}, fromPoints: 2_000, multiplierPct: 125, benefits: "" },
  ],
};

test("a program is the same after it was in a form; each tier asks for more than the one before and has a name of its own", () => {
  const draft = programDraftOf(program);
  expect(programWrongs(draft)).toEqual(new Map());
  expect(programDefinitionOf(draft)).toEqual(program);
  const tiers = draft.tiers.map((tier, at) =>
    at === 2 ? { ...tier, key: "", title: "Silver", fromPoints: 400 } : tier,
  );
  expect([...programWrongs({ ...draft, tiers, noticeDays: "" }).keys()]).toEqual([
    "/noticeDays",
    "/tiers/2/title",
    "/tiers/2/fromPoints",
  ]);
});

test("what another program changes is said in sentences, with how many households it hits", () => {
  const [base, silver] = program.tiers;
  if (base === undefined || silver === undefined) throw new Error("no tiers");
  const tiers = [base, { ...silver, fromPoints: 400 }, { ...silver, key: "ruby", title: "Ruby", fromPoints: 900 }];
  expect(programChanges(program, { ...program, tiers, expiresAfterDays: null }, { gold: 7 })).toEqual([
    "Silver asks for 400 points, and asked for 500.",
    "Ruby is new, from 900 points.",
    "Gold is no more. 7 households have it now.",
    "Points that are earned from now on never expire.",
  ]);
  expect(programChanges(program, program, {})).toEqual([]);
});
