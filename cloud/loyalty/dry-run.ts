import type { HouseholdAct } from "../households/households.ts";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { Facts } from "../platform/predicate/predicate.ts";
import { compileRule, type RuleRefusal } from "./core/compiled-rule.ts";
import { decideEarnings } from "./core/earning.ts";
import type { LoyaltyDefinition } from "./core/rule.ts";
import { actsWithDays, type HouseholdDays, type HouseholdProfiles } from "./earnings.ts";
import type { Tiers } from "./tiers.ts";

/** What households did and is still kept, in the order of time. */
export type RetainedActs = (
  db: Db,
  asked: { types: readonly string[]; householdId: string | null; fromMs: number; toMs: number },
  limit: number,
) => Promise<HouseholdAct[]>;

export interface DryRunDeps {
  db: Db;
  clock: Clock;
  households: HouseholdDays;
  profiles: HouseholdProfiles;
  tiers: Tiers;
  acts: RetainedActs;
}

export interface DryRunEffect {
  householdId: string;
  /** The act's own time, and what it was. */
  atMs: number;
  source: string;
  points: number;
  effectIndex: number;
  day: string;
}

export interface DryRun {
  kind: "ran";
  fromMs: number;
  toMs: number;
  /** Acts of the rule's type that were looked at; `isCut` where there were more. */
  acts: number;
  isCut: boolean;
  households: number;
  earnings: number;
  points: number;
  /** What a limit would have refused. */
  refused: number;
  /** Points of each day on which some would have been given, the first day first. */
  days: { day: string; points: number }[];
  /** Points of a household in all: the middle one's of those who would have got some, and the most. */
  perHousehold: { median: number; max: number };
  /** What of another rule's it would take back. */
  returns: number;
  /** The first of them. */
  effects: DryRunEffect[];
}

const actsMax = 20_000;
const effectsShown = 100;
const dayMs = 86_400_000;

/** What a rule would have given for what households did in the last days. Nothing is stored. */
export async function dryRun(
  { db, clock, households, profiles, tiers, acts: retained }: DryRunDeps,
  definition: LoyaltyDefinition,
  over: { householdId: string | null; days: number },
): Promise<DryRun | RuleRefusal> {
  const compiled = compileRule(definition, profiles.facts);
  if (compiled.kind === "refused") return compiled;
  const toMs = clock.nowMs();
  const fromMs = toMs - over.days * dayMs;
  const asked = { types: [definition.act.type], householdId: over.householdId, fromMs, toMs };
  const found = await retained(db, asked, actsMax + 1);
  const used = found.slice(0, actsMax);
  const zones = await households.timeZoneOf([...new Set(used.map(({ householdId }) => householdId))], db);
  const acts = actsWithDays(used, zones);
  const rule = {
    key: "dry_run",
    version: 1,
    definition: { ...definition, enabled: true },
    createdAtMs: 0,
    createdBy: "",
  };
  const ranked = await tiers.of(db, [...zones.keys()]);
  const base = tiers.definition.tiers[0];
  const known: ReadonlyMap<string, Facts> = compiled.readsProfile
    ? await profiles.of(db, [...zones.keys()])
    : new Map();
  const decided = decideEarnings([{ ...compiled, rule: { ...rule, fromMs: 0 }, untilMs: null }], acts, {
    decided: new Map(),
    counted: new Map(),
    returned: new Set(),
    marks: new Set(),
    // As they stand now: what it was then would make little difference to what the rule is worth.
    tierAt: (id) => ranked.get(id) ?? { key: base?.key ?? "", multiplierPct: base?.multiplierPct ?? 100 },
    profileOf: (id) => known.get(id) ?? {},
    expiresAfterDays: tiers.definition.expiresAfterDays,
    exists: () => true,
  });
  const { earnings, refusals, returns } = decided;
  return {
    kind: "ran",
    fromMs,
    toMs,
    acts: acts.length,
    isCut: found.length > actsMax,
    households: new Set(earnings.map(({ householdId }) => householdId)).size,
    earnings: earnings.length,
    points: sumOf(earnings),
    refused: refusals.filter((one) => one.refused === "limit_reached").length,
    days: [...Map.groupBy(earnings, ({ day }) => day)]
      .map(([day, ofDay]) => ({ day, points: sumOf(ofDay) }))
      .toSorted((a, b) => (a.day < b.day ? -1 : 1)),
    perHousehold: spreadOf(earnings),
    returns: returns.length,
    effects: earnings.slice(0, effectsShown).map(({ householdId, atMs, source, points, effectIndex, day }) => ({
      householdId,
      atMs,
      source,
      points,
      effectIndex,
      day,
    })),
  };
}

const sumOf = (earnings: readonly { points: number }[]): number =>
  earnings.reduce((sum, { points }) => sum + points, 0);

function spreadOf(earnings: readonly { householdId: string; points: number }[]): { median: number; max: number } {
  const sums = [...Map.groupBy(earnings, ({ householdId }) => householdId).values()]
    .map(sumOf)
    .toSorted((a, b) => a - b);
  return { median: sums[Math.floor((sums.length - 1) / 2)] ?? 0, max: sums.at(-1) ?? 0 };
}
