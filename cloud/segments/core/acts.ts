import type { HouseholdAct } from "../../households/households.ts";
import { type DayOf, type ProfileRow, textsMax } from "./profile.ts";

/**
 * What a profile counts. Every one of these moves the profile by something that does not ask for the order: a sum, a maximum, a set, the
 * latest by time. So late acts and acts in another order give the same profile, and its rows are enough to make it again.
 */
export type CountedKind =
  | "program"
  | "aborted"
  | "cleaning"
  | "fault"
  | "recipe"
  | "recipe_aborted"
  | "recipe_saved"
  | "recipe_searched"
  | "share"
  | "feedback"
  | "page_view"
  | "price_check"
  | "cart"
  | "order"
  | "return"
  | "mention"
  | "own";

/** An act as far as the profile counts it. */
export interface CountedAct {
  householdId: string;
  /** The act's identity, unique for ever. */
  source: string;
  kind: CountedKind;
  atMs: number;
  said: string | null;
  amount: number | null;
}

const kindOf: Readonly<Record<string, CountedKind>> = {
  "program.finished": "program",
  "program.aborted": "aborted",
  "maintenance.done": "cleaning",
  "fault.raised": "fault",
  "recipe.finished": "recipe",
  "recipe.aborted": "recipe_aborted",
  "recipe.saved": "recipe_saved",
  "recipe.searched": "recipe_searched",
  "share.created": "share",
  "feedback.given": "feedback",
  "page.viewed": "page_view",
  "price.checked": "price_check",
  "cart.added": "cart",
  "order.placed": "order",
  "order.returned": "return",
  "mention.posted": "mention",
};

/** A fact from outside of a type that is the maker's own counts as that. What appliances say beside the above is no matter of a profile. */
const kindFor = ({ type, origin }: HouseholdAct): CountedKind | undefined => {
  if (Object.hasOwn(kindOf, type)) return kindOf[type];
  return origin === "appliance" ? undefined : "own";
};

const reachMax = 1_000_000_000;
const saidMax = 64;

const text = (value: unknown): string | null =>
  typeof value === "string" && value.length > 0 && value.length <= saidMax ? value : null;

function amountOf(kind: CountedKind, data: HouseholdAct["data"]): number | null {
  if (kind === "feedback") {
    const { rating } = data;
    return typeof rating === "number" && Number.isInteger(rating) && rating >= 1 && rating <= 5 ? rating : null;
  }
  if (kind !== "mention") return null;
  const { reach } = data;
  return typeof reach === "number" && reach > 0 ? Math.min(Math.floor(reach), reachMax) : null;
}

function saidBy(kind: CountedKind, type: string, data: HouseholdAct["data"]): string | null {
  if (kind === "program") return text(data["program"]);
  if (kind === "recipe") return text(data["recipeId"]);
  return kind === "own" ? text(type) : null;
}

/** The acts that a profile counts, each source once; what it does not count is left out. */
export function countedActs(acts: readonly HouseholdAct[]): CountedAct[] {
  const counted = new Map<string, CountedAct>();
  for (const act of acts) {
    const { householdId, source, type, atMs, data } = act;
    const kind = kindFor(act);
    if (kind === undefined || counted.has(`${householdId} ${source}`)) continue;
    const amount = amountOf(kind, data);
    if (kind === "feedback" && amount === null) continue;
    const said = saidBy(kind, type, data);
    counted.set(`${householdId} ${source}`, { householdId, source, kind, atMs, said, amount });
  }
  return [...counted.values()];
}

/** Longest span of days that a fact looks back. */
export const windowDaysMax = 90;
/** Most times that are counted in a span of days; a household that does more has done this often. */
export const timesMax = 500;

/** The days with another one, sorted; what no span reaches any more is left out. */
function withDay(days: readonly number[], day: number, today: number): number[] {
  const kept = days.filter((one) => one > today - windowDaysMax);
  if (day <= today - windowDaysMax) return kept;
  let at = kept.length;
  while (at > 0 && (kept[at - 1] ?? 0) > day) at -= 1;
  kept.splice(at, 0, day);
  return kept.slice(-timesMax);
}

const later = (a: number | null, b: number): number => (a === null ? b : Math.max(a, b));

/** Whether something said at `atMs` stands against what was said last; of two at once the greater, so that the order does not matter. */
const isLast = <T extends string | number>(
  last: { atMs: number | null; said: T | null },
  atMs: number,
  said: T,
): boolean => last.atMs === null || last.said === null || atMs > last.atMs || (atMs === last.atMs && said > last.said);

interface Counting {
  profile: ProfileRow;
  atMs: number;
  day: number;
  today: number;
  said: string | null;
  amount: number | null;
}

/** Most names of programs that a profile holds, the first in their order. */
const programNamesMax = 50;

/** What each kind of act moves. */
const counting: Readonly<Record<CountedKind, (of: Counting) => void>> = {
  program({ profile, day, today, said }) {
    profile.programs += 1;
    profile.program_days = withDay(profile.program_days, day, today);
    profile.last_cook_day = later(profile.last_cook_day, day);
    if (said === "Steam") profile.steam_programs += 1;
    if (said !== null && !profile.programs_used.includes(said))
      profile.programs_used = [...profile.programs_used, said]
        .toSorted((a, b) => (a < b ? -1 : 1))
        .slice(0, programNamesMax);
  },
  aborted({ profile, day, today }) {
    profile.programs_aborted += 1;
    profile.aborted_days = withDay(profile.aborted_days, day, today);
  },
  cleaning({ profile, day }) {
    profile.cleanings += 1;
    profile.last_cleaned_day = later(profile.last_cleaned_day, day);
  },
  fault({ profile, day, today }) {
    profile.faults += 1;
    profile.fault_days = withDay(profile.fault_days, day, today);
  },
  recipe({ profile, atMs, day, today, said }) {
    profile.recipes_finished += 1;
    profile.recipe_days = withDay(profile.recipe_days, day, today);
    if (said === null || !isLast({ atMs: profile.last_recipe_at_ms, said: profile.last_recipe }, atMs, said)) return;
    profile.last_recipe = said;
    profile.last_recipe_at_ms = atMs;
  },
  feedback({ profile, atMs, day, amount }) {
    const last = { atMs: profile.last_feedback_at_ms, said: profile.last_feedback };
    if (amount === null || !isLast(last, atMs, amount)) return;
    profile.last_feedback = amount;
    profile.last_feedback_at_ms = atMs;
    profile.last_feedback_day = day;
  },
  recipe_aborted({ profile }) {
    profile.recipes_aborted += 1;
  },
  recipe_saved({ profile }) {
    profile.recipes_saved += 1;
  },
  recipe_searched({ profile }) {
    profile.recipes_searched += 1;
  },
  share({ profile }) {
    profile.shares += 1;
  },
  page_view({ profile, day, today }) {
    profile.page_views += 1;
    profile.page_view_days = withDay(profile.page_view_days, day, today);
  },
  price_check({ profile, day }) {
    profile.price_checks += 1;
    profile.last_price_check_day = later(profile.last_price_check_day, day);
  },
  cart({ profile, atMs }) {
    profile.last_cart_at_ms = later(profile.last_cart_at_ms, atMs);
  },
  order({ profile, atMs, day }) {
    profile.orders += 1;
    profile.last_order_at_ms = later(profile.last_order_at_ms, atMs);
    profile.last_order_day = later(profile.last_order_day, day);
  },
  return({ profile }) {
    profile.returns += 1;
  },
  mention({ profile, amount }) {
    profile.mentions += 1;
    profile.mention_reach += amount ?? 0;
  },
  own({ profile, day, said }) {
    if (said === null) return;
    const days = new Map(profile.outside_types.map((type, at) => [type, profile.outside_type_days[at] ?? day]));
    days.set(said, Math.max(days.get(said) ?? day, day));
    const sorted = [...days].toSorted(([a], [b]) => (a < b ? -1 : 1)).slice(0, textsMax);
    profile.outside_types = sorted.map(([type]) => type);
    profile.outside_type_days = sorted.map(([, last]) => last);
  },
};

/** Counts acts that were not counted before. Changes `profile`, which is the caller's own. */
export function countIn(profile: ProfileRow, acts: readonly CountedAct[], dayOf: DayOf, today: number): void {
  for (const { kind, atMs, said, amount } of acts)
    counting[kind]({ profile, atMs, day: dayOf(atMs, profile.time_zone), today, said, amount });
}
