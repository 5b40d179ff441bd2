/**
 * Which acts earn which points. Pure: everything that the decision depends on is passed in.
 *
 * An earning has an identity, `(program, rule, source, effect index)`, and happens once for ever. Devices replay and reorder, so the
 * decision must not depend on how acts arrive more than it has to:
 *
 * - An act goes by the version of a rule, the tier and the calendar of its own time.
 * - Within a batch acts count in the order of their own time, and of their identity where that is equal.
 * - Across batches a limit goes to the first to arrive; how many earn in a period does not depend on the order.
 * - A refusal by a limit is final and remembered, so that neither a replay nor a later, higher limit moves points.
 * - A condition that reads what is known of the household is judged once, and where it does not hold that is remembered alike.
 * - A reversed earning keeps its place in its limit, for the same reason.
 */
import type { Facts } from "../../platform/predicate/predicate.ts";
import { multiplied, pointsOf } from "./amount.ts";
import { endOfDayAfterMs, periodOf, startOfDayMs } from "./calendar.ts";
import { type CompiledRule, factsFor, inForce, isTrusted } from "./compiled-rule.ts";
import { type LoyaltyDefinition, type LoyaltyRule, valuesMax } from "./rule.ts";
import { streakEarnings } from "./streak.ts";

/** An act that may earn. */
export interface EarningAct {
  /** Its identity: `device/event`, or `source:id` of what others report. */
  source: string;
  origin: string;
  device: { key: number; id: string; model: string } | null;
  householdId: string;
  type: string;
  atMs: number;
  data: Readonly<Record<string, unknown>>;
  timeZone: string;
  locale: string;
  /** The household's calendar day of `atMs`, as `YYYY-MM-DD`. */
  day: string;
  /** And its hour. */
  hour: number;
}

/** What the ledger already says about the acts of a batch and their households. */
export interface Known {
  /** Points of each `earningKey` that earned, before the multiplier; null where it was refused for good. */
  decided: ReadonlyMap<string, number | null>;
  /** Acts that earned per `limitKeyOf`; under `allValues` how many values of a fact earned. */
  counted: ReadonlyMap<string, number>;
  /** `limitKeyOf` of what was given back before it was told. */
  returned: ReadonlySet<string>;
  /** `markKey` of the periods of streaks. */
  marks: ReadonlySet<string>;
  /** The tier of a household at a time. */
  tierAt(householdId: string, atMs: number): { key: string; multiplierPct: number };
  /** Points expire after so many days where the rule does not say. */
  expiresAfterDays: number | null;
  /** What is known of a household beside the act, for conditions that read it. */
  profileOf(householdId: string): Facts;
  /** Whether there is a household of that id, to credit a referrer. */
  exists(householdId: string): boolean;
}

export interface Earning {
  act: EarningAct;
  rule: LoyaltyRule;
  source: string;
  effectIndex: number;
  /** Who gets them. */
  householdId: string;
  basePoints: number;
  points: number;
  atMs: number;
  day: string;
  /** When the points become active, and when they expire: from the act's own time, so that a late replay gives the same ledger. */
  activeAtMs: number;
  expiresAtMs: number | null;
  /** What it counts in of the acting household's limits; null: nothing. */
  limitKey: string | null;
  isOnce: boolean;
}

export type EarningRefusal =
  | "exists_with_different_amount"
  | "limit_reached"
  | "returned_before"
  | "exceeds_balance"
  | "condition_not_met";

export interface Decided {
  earnings: Earning[];
  /** Refusals to be remembered. That a household earned once before is no news, and is not. */
  refusals: { act: EarningAct; rule: LoyaltyRule; effectIndex: number; points: number; refused: EarningRefusal }[];
  /** Periods of streaks that were not marked before. */
  marks: { householdId: string; rule: string; period: string }[];
  /** What is given back, in order. */
  returns: { act: EarningAct; rule: LoyaltyRule; of: string; limitKey: string }[];
}

export const earningKey = (source: string, rule: string, effectIndex: number): string =>
  `${effectIndex} ${rule} ${source}`;
export const limitKeyOf = (rule: string, householdId: string, limitKey: string): string =>
  `${rule} ${householdId} ${limitKey}`;
export const markKey = (rule: string, householdId: string, period: string): string =>
  `${rule} ${householdId} ${period}`;

/** As acts count: in the order of their own time, and of their identity where that is equal. */
export const compareActs = (a: EarningAct, b: EarningAct): number =>
  a.atMs - b.atMs || (a.source < b.source ? -1 : a.source > b.source ? 1 : 0);

/** A value that a limit counts by. Long ones count by their beginning: no order has such a number. */
const valueKey = (value: unknown): string | null =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? `=${String(value).slice(0, 100)}`
    : null;

/** What an act counts in; undefined where the fact that the limit goes by is missing. */
export function limitKeyFor(
  { limit }: Pick<LoyaltyDefinition, "limit">,
  act: Pick<EarningAct, "day" | "data">,
): string | null | undefined {
  switch (limit.kind) {
    case "none":
      return null;
    case "once":
      return "";
    case "per":
      return periodOf(act.day, limit.period);
    case "once_per":
      return valueKey(act.data[limit.fact]) ?? undefined;
  }
}

/** Stands for all values of a fact together, in the place of a key; no value and no day is written so. */
export const allValues = "*";

/** Whether the values that a household earned by are counted. */
export const countsValues = ({ limit, act }: Pick<LoyaltyDefinition, "limit" | "act">): boolean =>
  limit.kind === "once_per" && !isTrusted(act);

/** Decides a batch. */
export function decideEarnings(rules: readonly CompiledRule[], acts: readonly EarningAct[], known: Known): Decided {
  const deciding = new Deciding(known);
  const byType = Map.groupBy(rules, ({ rule }) => rule.definition.act.type);
  for (const act of acts.toSorted(compareActs)) {
    for (const compiled of byType.get(act.type) ?? []) {
      const { from } = compiled.rule.definition.act;
      const isFrom = from.length === 0 || from.some((origin) => origin === act.origin);
      if (isFrom && inForce(compiled, act.atMs)) deciding.decide(compiled, act);
    }
  }
  return deciding.outcome;
}

/** One batch under way: what it decided so far counts for what comes after. */
class Deciding {
  readonly outcome: Decided = { earnings: [], refusals: [], marks: [], returns: [] };
  readonly #known: Known;
  readonly #decided: Map<string, number | null>;
  readonly #counted: Map<string, number>;
  readonly #returned: Set<string>;
  readonly #marks: Set<string>;

  constructor(known: Known) {
    this.#known = known;
    this.#decided = new Map(known.decided);
    this.#counted = new Map(known.counted);
    this.#returned = new Set(known.returned);
    this.#marks = new Set(known.marks);
  }

  decide(compiled: CompiledRule, act: EarningAct): void {
    const { rule } = compiled;
    const { definition } = rule;
    const tier = this.#known.tierAt(act.householdId, act.atMs);
    const model = act.device?.model ?? null;
    const facts = factsFor(definition, { ...act, model }, { tier: tier.key, locale: act.locale });
    if (!this.#holds(compiled, act, facts)) return;
    if (definition.returns !== null) return this.#return(rule, act, definition.returns);
    if (definition.streak !== null) return this.#mark(rule, act, definition.streak);
    this.#earn(rule, act, facts, definition.tierMultiplied ? tier.multiplierPct : 100);
  }

  #holds({ rule, when, readsProfile }: CompiledRule, act: EarningAct, facts: Facts): boolean {
    if (when === null) return true;
    if (!readsProfile) return when.matches(facts).matches;
    const before = rule.definition.effects.flatMap((_effect, index) => {
      const points = this.#decided.get(earningKey(act.source, rule.key, index));
      return points === undefined ? [] : [points];
    });
    if (before.length > 0) return before.some((points) => points !== null);
    const isMet = when.matches({ ...this.#known.profileOf(act.householdId), ...facts }).matches;
    if (!isMet) {
      this.#decided.set(earningKey(act.source, rule.key, 0), null);
      this.outcome.refusals.push({ act, rule, effectIndex: 0, points: 0, refused: "condition_not_met" });
    }
    return isMet;
  }

  #earn(rule: LoyaltyRule, act: EarningAct, facts: Readonly<Record<string, unknown>>, pct: number): void {
    const { definition } = rule;
    const wanted = definition.effects.flatMap(({ points, to }, effectIndex) => {
      const basePoints = pointsOf(points, facts) ?? 0;
      const householdId = to === "household" ? act.householdId : this.#referrerOf(act);
      return basePoints === 0 || householdId === null ? [] : [{ effectIndex, basePoints, householdId }];
    });
    if (wanted.length === 0 || this.#isKnown(rule, act, wanted)) return;
    const limitKey = limitKeyFor(definition, act);
    if (limitKey === undefined) return;
    const counts = limitKey === null ? null : limitKeyOf(rule.key, act.householdId, limitKey);
    const values = countsValues(definition) ? limitKeyOf(rule.key, act.householdId, allValues) : null;
    const refused = this.#refusalOf(definition, counts, values);
    if (refused === "once") return;
    for (const { effectIndex, basePoints, householdId } of wanted) {
      this.#decided.set(earningKey(act.source, rule.key, effectIndex), refused === null ? basePoints : null);
      if (refused !== null) this.outcome.refusals.push({ act, rule, effectIndex, points: basePoints, refused });
      else
        this.outcome.earnings.push({
          ...this.#times(rule, act.atMs, act.day, act.timeZone),
          act,
          rule,
          source: act.source,
          effectIndex,
          householdId,
          basePoints,
          points: Math.max(1, multiplied(basePoints, pct)),
          limitKey,
          isOnce: definition.limit.kind === "once" || definition.limit.kind === "once_per",
        });
    }
    if (refused !== null) return;
    for (const key of [counts, values]) if (key !== null) this.#counted.set(key, (this.#counted.get(key) ?? 0) + 1);
  }

  /** Whether the act was decided before; another amount than then is refused by name. */
  #isKnown(
    rule: LoyaltyRule,
    act: EarningAct,
    wanted: readonly { effectIndex: number; basePoints: number }[],
  ): boolean {
    let isKnown = false;
    for (const { effectIndex, basePoints } of wanted) {
      const before = this.#decided.get(earningKey(act.source, rule.key, effectIndex));
      if (before === undefined) continue;
      isKnown = true;
      if (before !== null && before !== basePoints) {
        const refused = "exists_with_different_amount";
        this.outcome.refusals.push({ act, rule, effectIndex, points: basePoints, refused });
      }
    }
    return isKnown;
  }

  #refusalOf(
    { limit }: LoyaltyDefinition,
    counts: string | null,
    values: string | null,
  ): "limit_reached" | "returned_before" | "once" | null {
    if (counts === null) return null;
    if (this.#returned.has(counts)) return "returned_before";
    const soFar = this.#counted.get(counts) ?? 0;
    if (limit.kind === "per") return soFar >= limit.count ? "limit_reached" : null;
    if (soFar > 0) return "once";
    return values !== null && (this.#counted.get(values) ?? 0) >= valuesMax ? "limit_reached" : null;
  }

  #mark(rule: LoyaltyRule, act: EarningAct, streak: NonNullable<LoyaltyDefinition["streak"]>): void {
    const { householdId } = act;
    const period = periodOf(act.day, streak.period);
    const key = markKey(rule.key, householdId, period);
    if (this.#marks.has(key)) return;
    this.#marks.add(key);
    this.outcome.marks.push({ householdId, rule: rule.key, period });
    const prefix = markKey(rule.key, householdId, "");
    const marked = new Set(
      [...this.#marks].filter((one) => one.startsWith(prefix)).map((one) => one.slice(prefix.length)),
    );
    for (const end of streakEarnings(marked, [period], streak)) {
      // A streak's points belong to its period and not to the act that was told last.
      const atMs = startOfDayMs(end, act.timeZone);
      for (const [effectIndex, effect] of rule.definition.effects.entries()) {
        const points = typeof effect.points === "number" ? effect.points : (pointsOf(effect.points, act.data) ?? 0);
        if (points === 0 || effect.to !== "household") continue;
        this.outcome.earnings.push({
          ...this.#times(rule, atMs, end, act.timeZone),
          act,
          rule,
          source: `streak:${householdId}/${end}`,
          effectIndex,
          householdId,
          basePoints: points,
          points,
          limitKey: null,
          isOnce: false,
        });
      }
    }
  }

  #return(rule: LoyaltyRule, act: EarningAct, { rule: of, by }: NonNullable<LoyaltyDefinition["returns"]>): void {
    const limitKey = valueKey(act.data[by]);
    if (limitKey === null) return;
    const key = limitKeyOf(of, act.householdId, limitKey);
    if (this.#returned.has(key)) return;
    this.#returned.add(key);
    this.outcome.returns.push({ act, rule, of, limitKey });
  }

  #referrerOf(act: EarningAct): string | null {
    const referrer = act.data["referrer"];
    // Nobody refers themselves.
    if (typeof referrer !== "string" || referrer === act.householdId) return null;
    return this.#known.exists(referrer) ? referrer : null;
  }

  #times(rule: LoyaltyRule, atMs: number, day: string, timeZone: string) {
    const days = rule.definition.expiresAfterDays ?? this.#known.expiresAfterDays;
    return {
      atMs,
      day,
      activeAtMs: atMs + rule.definition.delayMs,
      expiresAtMs: days === null ? null : endOfDayAfterMs(day, days, timeZone),
    };
  }
}
