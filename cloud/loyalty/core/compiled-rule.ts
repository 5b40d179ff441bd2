import { compilePredicate, type Facts, type FactTypes, type Predicate } from "../../platform/predicate/predicate.ts";
import { actOrigins, type LoyaltyDefinition, type LoyaltyRule } from "./rule.ts";

/** What a rule's condition may read beside its own facts. */
export const householdFacts: FactTypes = {
  tier: { type: "text", help: "The household's tier when it happened" },
  locale: { type: "text", help: "The household's language, such as de-DE" },
  origin: { type: "text", help: `Who reported it: ${actOrigins.join(", ")}` },
  model: { type: "text", help: "The appliance's model, where one saw it" },
  hour: { type: "number", help: "Hour of the household's day, 0 to 23" },
  weekday: { type: "number", help: "1 Monday to 7 Sunday, in the household's calendar" },
};

/** A version with its condition made ready, and until when it is in force. */
export interface CompiledRule {
  rule: LoyaltyRule;
  when: Predicate | null;
  /** Null: still. */
  untilMs: number | null;
}

export type RuleRefusal = {
  kind: "refused";
  rule:
    | "earning_predicate_refused"
    | "earning_fact_unknown"
    | "earning_fact_reserved"
    | "earning_rule_does_nothing"
    | "earning_without_limit";
  detail: string;
};

const refused = (rule: RuleRefusal["rule"], detail: string): RuleRefusal => ({ kind: "refused", rule, detail });

/** Checks a definition and makes its condition ready. */
export function compileRule(definition: LoyaltyDefinition): { kind: "ok"; when: Predicate | null } | RuleRefusal {
  const problem = refusedParts(definition);
  if (problem !== null) return problem;
  if (definition.when === null) return { kind: "ok", when: null };
  const own = Object.entries(definition.facts).map(([name, type]) => [name, { type, help: "" }] as const);
  const compiled = compilePredicate(definition.when, { ...householdFacts, ...Object.fromEntries(own) });
  if (compiled.kind === "refused") return refused("earning_predicate_refused", `when: ${compiled.detail}`);
  return { kind: "ok", when: compiled.predicate };
}

function refusedParts(definition: LoyaltyDefinition): RuleRefusal | null {
  const { facts, effects, returns, limit, streak, act } = definition;
  const reserved = Object.keys(facts).find((name) => Object.hasOwn(householdFacts, name));
  if (reserved !== undefined)
    return refused("earning_fact_reserved", `facts.${reserved}: the household has a fact of this name already.`);
  if ((effects.length === 0) === (returns === null))
    return refused("earning_rule_does_nothing", "effects: name points, or what the act takes back, and not both.");
  for (const [at, { points }] of effects.entries())
    if (typeof points !== "number" && facts[points.of] !== "number")
      return refused("earning_fact_unknown", `effects.${at}.points.of: facts has no number named ${points.of}.`);
  const by = limit.kind === "once_per" ? limit.fact : returns?.by;
  if (by !== undefined && facts[by] === undefined)
    return refused("earning_fact_unknown", `${returns === null ? "limit.fact" : "returns.by"}: facts has no ${by}.`);
  if (streak !== null && limit.kind !== "none")
    return refused("earning_rule_does_nothing", "limit: a streak earns once in each of its periods; set it to none.");
  // Points that a household can make by itself, as often as it likes, are a debt without an end.
  const isTrusted = act.from.length > 0 && act.from.every((origin) => origin === "shop" || origin === "support");
  if (returns === null && streak === null && limit.kind === "none" && !isTrusted)
    return refused(
      "earning_without_limit",
      "limit: nothing bounds what a household earns. Give it a limit, or take the word of shop and support alone.",
    );
  return null;
}

/** The facts of an act as a rule's condition and amounts see them. */
export function factsFor(
  definition: LoyaltyDefinition,
  act: { data: Readonly<Record<string, unknown>>; origin: string; model: string | null; day: string; hour: number },
  household: { tier: string; locale: string },
): Facts {
  const known: Record<string, string | number | boolean> = {
    tier: household.tier,
    locale: household.locale,
    origin: act.origin,
    hour: act.hour,
    weekday: weekdayOf(act.day),
  };
  if (act.model !== null) known["model"] = act.model;
  for (const [name, type] of Object.entries(definition.facts)) {
    const value = Object.hasOwn(act.data, name) ? act.data[name] : undefined;
    if (type === "text" && typeof value === "string") known[name] = value;
    if (type === "number" && typeof value === "number") known[name] = value;
    if (type === "flag" && typeof value === "boolean") known[name] = value;
  }
  return known;
}

/** 1 Monday to 7 Sunday. */
const weekdayOf = (day: string): number => ((new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7) + 1;

/** Whether a version is the one that an act of that time goes by. */
export const inForce = ({ rule, untilMs }: CompiledRule, atMs: number): boolean =>
  rule.definition.enabled && rule.fromMs <= atMs && (untilMs === null || atMs < untilMs);
