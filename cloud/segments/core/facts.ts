import type { Facts, FactTypes } from "../../platform/predicate/predicate.ts";
import type { ProfileRow } from "./profile.ts";

type ColumnOf<T> = { [C in keyof ProfileRow]: ProfileRow[C] extends T ? C : never }[keyof ProfileRow];
type DayColumn = Extract<ColumnOf<number | null>, `${string}_day`>;
export type DaysColumn = ColumnOf<number[]>;

/** Where a fact comes from: a column as it is, or a day or a list of days against today. */
export type FactSource =
  | { kind: "stored"; column: keyof ProfileRow; parts?: keyof ProfileRow }
  | { kind: "days_since"; column: DayColumn }
  | { kind: "times_in_days"; column: DaysColumn; days: number }
  | { kind: "types_in_days"; days: number }
  | { kind: "language" }
  | { kind: "in_cart" };

/** For what a fact may be used: `run` needs no consent; of the others it is missing without the household's. */
export type FactPurpose = "run" | "personalise" | "market";

export interface HouseholdFact {
  type: "text" | "version" | "number" | "flag" | "texts";
  /** What it says, in a sentence. */
  help: string;
  /** What it is made of, in words. */
  reads: string;
  purpose: FactPurpose;
  group: FactGroup;
  from: FactSource;
}
export const factGroups = ["appliances", "use", "recipes", "customer", "elsewhere"] as const;
export type FactGroup = (typeof factGroups)[number];

type Common = Pick<HouseholdFact, "reads" | "purpose" | "group">;
const stored = (
  type: HouseholdFact["type"],
  column: keyof ProfileRow,
  help: string,
  common: Common,
  parts?: keyof ProfileRow,
): HouseholdFact => ({
  type,
  help,
  ...common,
  from: { kind: "stored", column, ...(parts === undefined ? {} : { parts }) },
});
const since = (column: DayColumn, help: string, common: Common): HouseholdFact => ({
  type: "number",
  help: `${help} In days of its calendar.`,
  ...common,
  from: { kind: "days_since", column },
});
const times = (column: DaysColumn, days: number, help: string, common: Common): HouseholdFact => ({
  type: "number",
  help: `${help} On the last ${days} days of its calendar, today among them.`,
  ...common,
  from: { kind: "times_in_days", column, days },
});

const appliances: Common = { group: "appliances", reads: "The appliances of the household.", purpose: "run" };
const cooking = (type: string): Common => ({
  group: "use",
  reads: `Appliance events ${type}.`,
  purpose: "personalise",
});
const upkeep = (type: string): Common => ({ group: "use", reads: `Appliance events ${type}.`, purpose: "run" });
const recipes = (type: string): Common => ({
  group: "recipes",
  reads: `${type}, wherever seen.`,
  purpose: "personalise",
});
const customer = (reads: string): Common => ({ group: "customer", reads, purpose: "run" });
const outside = (type: string, purpose: FactPurpose = "personalise"): Common => ({
  group: "elsewhere",
  reads: `Outside facts ${type}.`,
  purpose,
});

const own: Common = outside("of types that are the maker's own");
const ownTypes = (days: number): HouseholdFact => ({
  type: "texts",
  help: `Types of the maker's own that were reported on the last ${days} days of its calendar, today among them.`,
  ...own,
  from: { kind: "types_in_days", days },
});

/** What segments may ask of a household, by name. */
const householdFactList = {
  appliances: stored("number", "appliances", "How many appliances it has; 0 of a prospect.", appliances),
  models: stored("texts", "models", "Keys of their models.", appliances),
  kinds: stored("texts", "kinds", "Their kinds: oven, dishwasher, other.", appliances),
  firmware_versions: stored("texts", "firmware_versions", "Firmware versions that they report.", appliances),
  oldest_firmware: stored(
    "version",
    "oldest_firmware",
    'The oldest of these, for older(oldest_firmware, "2.1.0").',
    appliances,
    "oldest_firmware_parts",
  ),
  tags: stored("texts", "tags", "What the maker marked any of them with.", appliances),
  country: stored("text", "country", "Where they were registered, as two capital letters.", appliances),
  has_steam: stored("flag", "has_steam", "One of them cooks with steam.", appliances),
  has_probe: stored("flag", "has_probe", "One of them has a food probe.", appliances),
  days_since_paired: since("paired_day", "Since when it has the first of them.", appliances),

  programs: stored("number", "programs", "Programs finished, ever.", cooking("program.finished")),
  programs_7d: times("program_days", 7, "Programs finished.", cooking("program.finished")),
  programs_30d: times("program_days", 30, "Programs finished.", cooking("program.finished")),
  programs_90d: times("program_days", 90, "Programs finished.", cooking("program.finished")),
  days_since_last_cook: since("last_cook_day", "Since the last program that finished.", cooking("program.finished")),
  programs_used: stored("texts", "programs_used", "Names of programs that finished.", cooking("program.finished")),
  steam_programs: stored("number", "steam_programs", "Programs with steam, ever.", cooking("program.finished")),
  programs_aborted: stored("number", "programs_aborted", "Programs aborted, ever.", cooking("program.aborted")),
  programs_aborted_30d: times("aborted_days", 30, "Programs aborted.", cooking("program.aborted")),
  cleanings: stored("number", "cleanings", "Times cleaned or descaled, ever.", upkeep("maintenance.done")),
  days_since_cleaned: since("last_cleaned_day", "Since it was last cleaned or descaled.", upkeep("maintenance.done")),
  faults: stored("number", "faults", "Faults that appliances raised, ever.", upkeep("fault.raised")),
  faults_30d: times("fault_days", 30, "Faults that appliances raised.", upkeep("fault.raised")),

  recipes_finished: stored(
    "number",
    "recipes_finished",
    "Recipes cooked to the end, ever.",
    recipes("recipe.finished"),
  ),
  recipes_finished_30d: times("recipe_days", 30, "Recipes cooked to the end.", recipes("recipe.finished")),
  recipes_aborted: stored("number", "recipes_aborted", "Recipes given up, ever.", recipes("recipe.aborted")),
  recipes_saved: stored("number", "recipes_saved", "Recipes saved, ever.", recipes("recipe.saved")),
  recipes_searched: stored("number", "recipes_searched", "Searches for recipes, ever.", recipes("recipe.searched")),
  last_recipe: stored("text", "last_recipe", "The recipe that it cooked last.", recipes("recipe.finished")),
  shares: stored("number", "shares", "Times it shared something, ever.", recipes("share.created")),

  stage: stored("text", "stage", "Its stage in the lifecycle.", customer("The lifecycle.")),
  points: stored("number", "points", "Points that it can spend.", customer("The ledger.")),
  tier: stored("text", "tier", "Its tier.", customer("The ledger.")),
  consents: stored("texts", "consents", "Purposes that it agreed to.", customer("Consent receipts.")),
  locale: stored("text", "locale", "Its language and region, as in de-AT.", customer("The household.")),
  language: {
    type: "text",
    help: "Its language alone, as in de.",
    ...customer("The household."),
    from: { kind: "language" },
  },
  time_zone: stored("text", "time_zone", "IANA name of its zone.", customer("The household.")),
  open_cases: stored("number", "open_cases", "Service cases that are not closed.", customer("Service cases.")),
  last_feedback: stored("number", "last_feedback", "What it last rated, 1 to 5.", customer("feedback.given.")),
  days_since_feedback: since("last_feedback_day", "Since it last rated.", customer("feedback.given.")),

  orders: stored("number", "orders", "Orders placed, ever.", outside("order.placed")),
  days_since_last_order: since("last_order_day", "Since the last order.", outside("order.placed")),
  returns: stored("number", "returns", "Orders sent back, ever.", outside("order.returned")),
  price_checks: stored("number", "price_checks", "Times it looked at a price, ever.", outside("price.checked")),
  days_since_price_check: since("last_price_check_day", "Since it last looked at a price.", outside("price.checked")),
  in_cart: {
    type: "flag",
    help: "Something lies in the cart that no order took.",
    ...outside("cart.added and order.placed"),
    from: { kind: "in_cart" },
  },
  page_views: stored("number", "page_views", "Pages viewed, ever.", outside("page.viewed")),
  page_views_30d: times("page_view_days", 30, "Pages viewed.", outside("page.viewed")),
  mentions: stored("number", "mentions", "Public mentions, ever.", outside("mention.posted", "market")),
  mention_reach: stored(
    "number",
    "mention_reach",
    "How many people these reached.",
    outside("mention.posted", "market"),
  ),
  outside_types: stored(
    "texts",
    "outside_types",
    'Types of the maker\'s own that were ever reported, as in "warranty.registered" in outside_types.',
    own,
  ),
  outside_types_7d: ownTypes(7),
  outside_types_30d: ownTypes(30),
  outside_types_90d: ownTypes(90),
} as const satisfies Record<string, HouseholdFact>;

const byName: Readonly<Record<string, HouseholdFact>> = householdFactList;

/** The fact of a name; undefined where there is none. */
export const householdFact = (name: string): HouseholdFact | undefined =>
  Object.hasOwn(byName, name) ? byName[name] : undefined;

export const householdFactTypes: FactTypes = householdFactList;

/** Whether a fact becomes another though nothing happens, because a day ends. */
export const moves = ({ from }: HouseholdFact): boolean =>
  from.kind === "days_since" || from.kind === "times_in_days" || from.kind === "types_in_days";

/** A household as segments see it: a fact that is not known, or that its consents do not cover, is missing. */
export type HouseholdProfile = Facts;

/** How many of some sorted days lie after `day`. */
export function daysAfter(days: readonly number[], day: number): number {
  let at = days.length;
  while (at > 0 && (days[at - 1] ?? 0) > day) at -= 1;
  return days.length - at;
}

function valueOf(row: ProfileRow, from: FactSource, today: number): Facts[string] {
  switch (from.kind) {
    case "stored": {
      const value = row[from.column];
      // Lists of numbers are behind the facts, not among them.
      return typeof value === "object" && value !== null ? value.map(String) : value;
    }
    case "days_since": {
      const day = row[from.column];
      return day === null ? null : Math.max(0, today - day);
    }
    case "times_in_days":
      return daysAfter(row[from.column], today - from.days);
    case "types_in_days":
      return row.outside_types.filter((_, at) => (row.outside_type_days[at] ?? 0) > today - from.days);
    case "language":
      return row.locale.split("-")[0];
    case "in_cart":
      return (
        row.last_cart_at_ms !== null && (row.last_order_at_ms === null || row.last_cart_at_ms > row.last_order_at_ms)
      );
  }
}

/** Whether a household's consents cover a purpose. */
export const isCovered = (consents: readonly string[], purpose: FactPurpose): boolean =>
  purpose === "run" || consents.includes(purpose);

/** @param today the day of the household's calendar */
export function profileOf(row: ProfileRow, today: number): HouseholdProfile {
  const facts: Record<string, Facts[string]> = {};
  for (const [name, { from, purpose }] of Object.entries(byName))
    facts[name] = isCovered(row.consents, purpose) ? (valueOf(row, from, today) ?? null) : null;
  return facts;
}

/** Facts in which two profiles differ. */
export function changedFacts(before: HouseholdProfile, after: HouseholdProfile): Set<string> {
  const changed = new Set<string>();
  for (const name of Object.keys(byName)) if (!isSame(before[name], after[name])) changed.add(name);
  return changed;
}

const isSame = (a: Facts[string], b: Facts[string]): boolean =>
  typeof a === "object" && a !== null && typeof b === "object" && b !== null
    ? a.length === b.length && a.every((one, at) => one === b[at])
    : a === b;

/** The facts as they are listed for people. */
export const householdFactViews = Object.entries(byName).map(([name, fact]) => {
  const { type, help, reads, purpose, group } = fact;
  return { name, type, help, reads, purpose, group, moves: moves(fact) };
});
