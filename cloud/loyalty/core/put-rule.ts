import type { RuleRefusal } from "./compiled-rule.ts";
import type { LoyaltyDefinition, LoyaltyRule } from "./rule.ts";

/**
 * Why a definition is not put in force, though what is in force already would go on with it: a streak whose points would vary with the
 * order in which acts are told, and a return that takes nothing back, after which whoever orders and sends back has points for nothing.
 *
 * @param others the newest version of every rule
 */
export function refusedWhenPut(
  key: string,
  definition: LoyaltyDefinition,
  others: readonly LoyaltyRule[],
): RuleRefusal | null {
  return definition.enabled ? (variesIn(definition) ?? keepsWhatIsReturned(key, definition, others)) : null;
}

const refused = (rule: RuleRefusal["rule"], detail: string): RuleRefusal => ({ kind: "refused", rule, detail });

function variesIn({ streak, effects, tierMultiplied }: LoyaltyDefinition): RuleRefusal | null {
  if (streak === null) return null;
  for (const [at, { points, to }] of effects.entries()) {
    if (typeof points !== "number")
      return refused("earning_streak_varies", `effects.${at}.points: a streak gives a fixed number.`);
    if (to !== "household")
      return refused("earning_streak_varies", `effects.${at}.to: a streak is the household's own.`);
  }
  return tierMultiplied
    ? refused("earning_streak_varies", "tierMultiplied: a streak gives the same in every tier.")
    : null;
}

function keepsWhatIsReturned(
  key: string,
  { returns, limit }: LoyaltyDefinition,
  others: readonly LoyaltyRule[],
): RuleRefusal | null {
  if (returns !== null) {
    const given = others.find((one) => one.key === returns.rule && one.key !== key);
    if (given === undefined)
      return refused("earning_returns_nothing", `returns.rule: there is no rule ${returns.rule}.`);
    return given.definition.limit.kind === "once_per"
      ? null
      : refused(
          "earning_returns_nothing",
          `returns.rule: ${returns.rule} does not give once for each value of a fact.`,
        );
  }
  const back = others.find(({ definition }) => definition.enabled && definition.returns?.rule === key);
  return back === undefined || limit.kind === "once_per"
    ? null
    : refused("earning_returns_nothing", `limit: ${back.key} takes back what this gives, by the value of a fact.`);
}
