import {
  type CompiledPredicate,
  compilePredicate,
  type Facts,
  type FactTypes,
  type Predicate,
} from "../../platform/predicate/predicate.ts";
import { actOrigins, type LoyaltyDefinition, type LoyaltyRule } from "./rule.ts";

/** What a rule's condition may read of the moment, beside the facts of the act and those of the household's profile. */
export const momentFacts = {
  tier: { type: "text", help: "The household's tier when it happened", words: "the tier" },
  locale: { type: "text", help: "The household's language, such as de-DE", words: "the language" },
  origin: { type: "text", help: `Who reported it: ${actOrigins.join(", ")}`, words: "who reported it" },
  model: { type: "text", help: "The appliance's model, where one saw it", words: "the model" },
  hour: { type: "number", help: "Hour of the household's day, 0 to 23", words: "the hour of the day" },
  weekday: {
    type: "number",
    help: "1 Monday to 7 Sunday, in the household's calendar",
    words: "the weekday (Monday is 1)",
  },
} satisfies Readonly<Record<string, FactTypes[string] & { words: string }>>;

/** A condition that is ready. */
interface ReadyCondition {
  when: Predicate | null;
  /** Whether it reads the household's profile: that changes, so such a condition is judged once, when the act is told. */
  readsProfile: boolean;
}

/** A version with its condition made ready, and until when it is in force. */
export interface CompiledRule extends ReadyCondition {
  rule: LoyaltyRule;
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
    | "earning_streak_varies"
    | "earning_returns_nothing"
    | "earning_without_limit";
  detail: string;
};

const refused = (rule: RuleRefusal["rule"], detail: string): RuleRefusal => ({ kind: "refused", rule, detail });

/**
 * Checks a definition and makes its condition ready.
 *
 * @param profileFacts what the profiles of households know; a fact of the moment or of the act hides one of the same name
 */
export function compileRule(
  definition: LoyaltyDefinition,
  profileFacts: FactTypes,
): ({ kind: "ok" } & ReadyCondition) | RuleRefusal {
  const problem = refusedParts(definition);
  if (problem !== null) return problem;
  const { when, facts } = definition;
  if (when === null) return { kind: "ok", when: null, readsProfile: false };
  const nearer = nearerFacts(facts);
  const compiled = compileCondition(when, facts, profileFacts);
  if (compiled.kind === "refused") {
    const { detail, place } = compiled;
    return refused("earning_predicate_refused", `when: ${placeWords(when, place)}${detail}`);
  }
  const readsProfile = [...compiled.predicate.reads].some((name) => !Object.hasOwn(nearer, name));
  return { kind: "ok", when: compiled.predicate, readsProfile };
}

/** Of the act and of the moment. */
function nearerFacts(facts: LoyaltyDefinition["facts"]): FactTypes {
  const own = Object.entries(facts).map(([name, type]) => [name, { type, help: "" }] as const);
  return { ...momentFacts, ...Object.fromEntries(own) };
}

/** A condition alone, as somebody is still writing the rule around it. */
export const compileCondition = (
  when: string,
  facts: LoyaltyDefinition["facts"],
  profileFacts: FactTypes,
): CompiledPredicate => compilePredicate(when, { ...profileFacts, ...nearerFacts(facts) });

/** Where in a condition something cannot be used, for whoever reads it. */
function placeWords(when: string, place: { from: number; to: number } | null): string {
  if (place === null) return "";
  const words = when.slice(place.from, place.to).slice(0, 40);
  return `${words === "" ? "" : `\`${words}\` `}at character ${place.from + 1}: `;
}

/** Whether the shop and support alone report it: what they say no household can make up. */
export const isTrusted = ({ from }: LoyaltyDefinition["act"]): boolean =>
  from.length > 0 && from.every((origin) => origin === "shop" || origin === "support");

function refusedParts(definition: LoyaltyDefinition): RuleRefusal | null {
  const { facts, effects, returns, limit, streak, act } = definition;
  const reserved = Object.keys(facts).find((name) => Object.hasOwn(momentFacts, name));
  if (reserved !== undefined)
    return refused("earning_fact_reserved", `facts.${reserved}: every rule has a fact of this name already.`);
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
  if (returns === null && streak === null && limit.kind === "none" && !isTrusted(act))
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
