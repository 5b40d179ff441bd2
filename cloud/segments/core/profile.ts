import type { OwnedAppliance } from "../../devices/devices.ts";
import { compareParts, versionParts } from "../../platform/version-parts.ts";

/** What there is to know of a household, as it lies in the table: days are numbers of its own calendar, counted from 1970-01-01. */
export interface ProfileRow {
  household_id: string;
  locale: string;
  time_zone: string;
  appliances: number;
  models: string[];
  kinds: string[];
  firmware_versions: string[];
  oldest_firmware: string | null;
  oldest_firmware_parts: number[] | null;
  country: string | null;
  tags: string[];
  has_steam: boolean;
  has_probe: boolean;
  paired_day: number | null;
  consents: string[];
  points: number;
  tier: string | null;
  stage: string | null;
  open_cases: number;
  programs: number;
  program_days: number[];
  last_cook_day: number | null;
  programs_used: string[];
  steam_programs: number;
  programs_aborted: number;
  aborted_days: number[];
  cleanings: number;
  last_cleaned_day: number | null;
  faults: number;
  fault_days: number[];
  recipes_finished: number;
  recipe_days: number[];
  recipes_aborted: number;
  recipes_saved: number;
  recipes_searched: number;
  last_recipe: string | null;
  last_recipe_at_ms: number | null;
  shares: number;
  last_feedback: number | null;
  last_feedback_at_ms: number | null;
  last_feedback_day: number | null;
  page_views: number;
  page_view_days: number[];
  price_checks: number;
  last_price_check_day: number | null;
  last_cart_at_ms: number | null;
  orders: number;
  last_order_at_ms: number | null;
  last_order_day: number | null;
  returns: number;
  mentions: number;
  mention_reach: number;
  outside_types: string[];
  /** The last day of each of these, in their order. */
  outside_type_days: number[];
  due_day: number | null;
  is_stale: boolean;
}

/** How each column lies in PostgreSQL. */
export const profileColumns: Readonly<Record<Exclude<keyof ProfileRow, "household_id">, string>> = {
  locale: "text",
  time_zone: "text",
  appliances: "int",
  models: "text[]",
  kinds: "text[]",
  firmware_versions: "text[]",
  oldest_firmware: "text",
  oldest_firmware_parts: "int[]",
  country: "text",
  tags: "text[]",
  has_steam: "boolean",
  has_probe: "boolean",
  paired_day: "int",
  consents: "text[]",
  points: "bigint",
  tier: "text",
  stage: "text",
  open_cases: "int",
  programs: "int",
  program_days: "int[]",
  last_cook_day: "int",
  programs_used: "text[]",
  steam_programs: "int",
  programs_aborted: "int",
  aborted_days: "int[]",
  cleanings: "int",
  last_cleaned_day: "int",
  faults: "int",
  fault_days: "int[]",
  recipes_finished: "int",
  recipe_days: "int[]",
  recipes_aborted: "int",
  recipes_saved: "int",
  recipes_searched: "int",
  last_recipe: "text",
  last_recipe_at_ms: "bigint",
  shares: "int",
  last_feedback: "int",
  last_feedback_at_ms: "bigint",
  last_feedback_day: "int",
  page_views: "int",
  page_view_days: "int[]",
  price_checks: "int",
  last_price_check_day: "int",
  last_cart_at_ms: "bigint",
  orders: "int",
  last_order_at_ms: "bigint",
  last_order_day: "int",
  returns: "int",
  mentions: "int",
  mention_reach: "bigint",
  outside_types: "text[]",
  outside_type_days: "int[]",
  due_day: "int",
  is_stale: "boolean",
};

/** What other parts of the service say of a household; each is read anew when its own facts say that it changed. */
export interface ProfileParts {
  home: { locale: string; timeZone: string };
  appliances: readonly OwnedAppliance[];
  consents: ReadonlySet<string>;
  points: number;
  tier: string;
  stage: string;
  openCases: number;
}
export type Part = keyof ProfileParts;

/** A profile of which nothing is known but whose it is. */
export const emptyProfile = (householdId: string): ProfileRow => ({
  household_id: householdId,
  locale: "en",
  time_zone: "UTC",
  appliances: 0,
  models: [],
  kinds: [],
  firmware_versions: [],
  oldest_firmware: null,
  oldest_firmware_parts: null,
  country: null,
  tags: [],
  has_steam: false,
  has_probe: false,
  paired_day: null,
  consents: [],
  points: 0,
  tier: null,
  stage: null,
  open_cases: 0,
  programs: 0,
  program_days: [],
  last_cook_day: null,
  programs_used: [],
  steam_programs: 0,
  programs_aborted: 0,
  aborted_days: [],
  cleanings: 0,
  last_cleaned_day: null,
  faults: 0,
  fault_days: [],
  recipes_finished: 0,
  recipe_days: [],
  recipes_aborted: 0,
  recipes_saved: 0,
  recipes_searched: 0,
  last_recipe: null,
  last_recipe_at_ms: null,
  shares: 0,
  last_feedback: null,
  last_feedback_at_ms: null,
  last_feedback_day: null,
  page_views: 0,
  page_view_days: [],
  price_checks: 0,
  last_price_check_day: null,
  last_cart_at_ms: null,
  orders: 0,
  last_order_at_ms: null,
  last_order_day: null,
  returns: 0,
  mentions: 0,
  mention_reach: 0,
  outside_types: [],
  outside_type_days: [],
  due_day: null,
  is_stale: false,
});

/** The day of a moment in a zone, as a number counted from 1970-01-01. */
export type DayOf = (atMs: number, timeZone: string) => number;

/** Most different texts that a list of a profile holds, the first in their order. */
export const textsMax = 100;

const sorted = (values: Iterable<string>): string[] =>
  [...new Set(values)].toSorted((a, b) => (a < b ? -1 : 1)).slice(0, textsMax);

/** What is said of the appliances; empty lists where there are none. */
function ofAppliances(appliances: readonly OwnedAppliance[], timeZone: string, dayOf: DayOf): Partial<ProfileRow> {
  const versions = sorted(appliances.flatMap(({ firmware }) => firmware ?? []));
  const numbered = versions.flatMap((version) => {
    const parts = versionParts(version);
    return parts === null ? [] : [{ version, parts }];
  });
  const [oldest] = numbered.toSorted((a, b) => compareParts(a.parts, b.parts));
  const [country] = sorted(appliances.flatMap((one) => one.country ?? []));
  return {
    appliances: appliances.length,
    models: sorted(appliances.map(({ model }) => model)),
    kinds: sorted(appliances.flatMap(({ kind }) => kind ?? [])),
    firmware_versions: versions,
    oldest_firmware: oldest?.version ?? null,
    oldest_firmware_parts: oldest?.parts ?? null,
    country: country ?? null,
    tags: sorted(appliances.flatMap(({ tags }) => tags)),
    has_steam: appliances.some(({ hasSteam }) => hasSteam),
    has_probe: appliances.some(({ hasProbe }) => hasProbe),
    paired_day: appliances.length === 0 ? null : dayOf(Math.min(...appliances.map(({ fromMs }) => fromMs)), timeZone),
  };
}

/** The profile with some of its parts as they are now. A household of which a part knows nothing has nothing of it. */
export function withParts(profile: ProfileRow, parts: Partial<ProfileParts>, read: ReadonlySet<Part>, dayOf: DayOf) {
  const next: ProfileRow = { ...profile };
  if (parts.home !== undefined) {
    next.locale = parts.home.locale;
    next.time_zone = parts.home.timeZone;
  }
  if (read.has("appliances")) Object.assign(next, ofAppliances(parts.appliances ?? [], next.time_zone, dayOf));
  if (read.has("consents")) next.consents = sorted(parts.consents ?? []);
  if (read.has("points")) next.points = parts.points ?? 0;
  if (read.has("tier")) next.tier = parts.tier ?? null;
  if (read.has("stage")) next.stage = parts.stage ?? null;
  if (read.has("openCases")) next.open_cases = parts.openCases ?? 0;
  return next;
}
