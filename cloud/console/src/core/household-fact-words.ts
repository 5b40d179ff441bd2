/** The facts that segments ask of a household, in words, and what they may be. */
import { programText } from "#protocol/program-words.ts";
import { purposeWords } from "./households.ts";
import { stageName, stages } from "./lifecycle.ts";

/** A flag is a sentence of its own, both ways; anything else stands before `is at least 5`. */
type FactWords = string | { yes: string; no: string };

const inDays = (what: string, days: number) => `the number of ${what} in the last ${days} days`;

export const householdFactWords: Readonly<Record<string, FactWords>> = {
  appliances: "the number of appliances",
  models: "the models of its appliances",
  kinds: "the kinds of its appliances",
  firmware_versions: "the firmware of its appliances",
  oldest_firmware: "its oldest firmware",
  tags: "the tags of its appliances",
  country: "the country of its appliances",
  has_steam: { yes: "an appliance cooks with steam", no: "no appliance cooks with steam" },
  has_probe: { yes: "an appliance has a food probe", no: "no appliance has a food probe" },
  days_since_paired: "the number of days since its first appliance",
  programs: "the number of programs finished",
  programs_7d: inDays("programs finished", 7),
  programs_30d: inDays("programs finished", 30),
  programs_90d: inDays("programs finished", 90),
  days_since_last_cook: "the number of days since its last program",
  programs_used: "the programs that it used",
  steam_programs: "the number of programs with steam",
  programs_aborted: "the number of programs broken off",
  programs_aborted_30d: inDays("programs broken off", 30),
  cleanings: "the number of cleanings and descalings",
  days_since_cleaned: "the number of days since the last cleaning",
  faults: "the number of faults",
  faults_30d: inDays("faults", 30),
  recipes_finished: "the number of recipes cooked to their end",
  recipes_finished_30d: inDays("recipes cooked to their end", 30),
  recipes_aborted: "the number of recipes given up",
  recipes_saved: "the number of recipes saved",
  recipes_searched: "the number of searches for recipes",
  last_recipe: "the recipe cooked last",
  shares: "the number of things shared",
  stage: "its stage",
  points: "the number of points to spend",
  tier: "its tier",
  consents: "what it agreed to",
  locale: "its language and region",
  language: "its language",
  time_zone: "its time zone",
  open_cases: "the number of open cases",
  last_feedback: "the last rating from 1 to 5",
  days_since_feedback: "the number of days since the last rating",
  orders: "the number of orders",
  days_since_last_order: "the number of days since the last order",
  returns: "the number of orders sent back",
  price_checks: "the number of prices looked at",
  days_since_price_check: "the number of days since it last looked at a price",
  in_cart: { yes: "something lies in the cart", no: "nothing lies in the cart" },
  page_views: "the number of pages viewed",
  page_views_30d: inDays("pages viewed", 30),
  mentions: "the number of public mentions",
  mention_reach: "the number of people whom public mentions reached",
  outside_types: "the maker’s own facts of it",
  outside_types_7d: "the maker’s own facts of the last 7 days",
  outside_types_30d: "the maker’s own facts of the last 30 days",
  outside_types_90d: "the maker’s own facts of the last 90 days",
};

export const wordsOfFact = (name: string): FactWords | undefined =>
  Object.hasOwn(householdFactWords, name) ? householdFactWords[name] : undefined;

/** A fact as it stands before its value: `Number of orders`. One that nobody knows stays as it is. */
export function factLabel(name: string): string {
  const words = wordsOfFact(name);
  if (words === undefined) return name;
  const bare = typeof words === "string" ? words.replace(/^(the|its) /, "") : words.yes;
  return bare.charAt(0).toUpperCase() + bare.slice(1);
}

const regions = new Intl.DisplayNames("en-GB", { type: "region", fallback: "code" });
const languages = new Intl.DisplayNames("en-GB", { type: "language", fallback: "code" });
const language = (tag: string) => (/^[a-z]{2,3}(-[A-Z]{2})?$/.test(tag) ? (languages.of(tag) ?? tag) : tag);

const valueWords: Readonly<Record<string, (value: string) => string>> = {
  stage: (value) => {
    const known = stages.find((stage) => stage === value);
    return known === undefined ? value : stageName(known);
  },
  consents: (value) => Object.entries(purposeWords).find(([purpose]) => purpose === value)?.[1] ?? value,
  programs_used: programText,
  program: programText,
  country: (value) => (/^[A-Z]{2}$/.test(value) ? (regions.of(value) ?? value) : value),
  language,
  locale: language,
};

/** What a fact may be, in words: a stage, a purpose, a program, a language. Any other text stays as it is. */
export const factValueText = (name: string, value: string): string =>
  Object.hasOwn(valueWords, name) ? (valueWords[name]?.(value) ?? value) : value;
