import type { Overtaken } from "../platform/based-on.ts";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { CompiledPredicate } from "../platform/predicate/predicate.ts";
import type { Refused } from "../platform/refused.ts";
import type { Audit, Principal } from "../staff/staff.ts";
import { compileCondition, type CompiledRule, compileRule, type RuleRefusal } from "./core/compiled-rule.ts";
import { refusedWhenPut } from "./core/put-rule.ts";
import type { LoyaltyDefinition, LoyaltyRule } from "./core/rule.ts";
import type { HouseholdProfiles } from "./earnings.ts";
import { LoyaltyRulesStore } from "./loyalty-rules-store.ts";
import type { TierUse } from "./tiers.ts";
import { putVersion } from "./versioned.ts";

export interface EarningRulesDeps {
  db: Db;
  clock: Clock;
  audit: Audit;
  profiles: HouseholdProfiles;
}

const rulesMax = 100;
/** Versions of one rule that may still judge something late; older ones judge as the oldest of these. */
const versionsMax = 50;

/** What earns points. A change is a new version, and what happened before it goes by the one before. */
export class EarningRules {
  readonly #deps: EarningRulesDeps;
  readonly #store = new LoyaltyRulesStore();
  #newest: LoyaltyRule[] = [];
  #compiled: CompiledRule[] = [];

  constructor(deps: EarningRulesDeps) {
    this.#deps = deps;
  }

  async load(): Promise<void> {
    const versions = await this.#store.versions(this.#deps.db, versionsMax);
    this.#newest = [];
    this.#compiled = [];
    for (const ofOne of Map.groupBy(versions, ({ key }) => key).values()) {
      const newest = ofOne.at(-1);
      if (newest !== undefined) this.#newest.push(newest);
      for (const [at, rule] of ofOne.entries()) {
        const outcome = compileRule(rule.definition, this.#deps.profiles.facts);
        if (outcome.kind === "refused") throw new Error(`rule ${rule.key} ${rule.version}: ${outcome.detail}`);
        const { when, readsProfile } = outcome;
        this.#compiled.push({ rule, when, readsProfile, untilMs: ofOne[at + 1]?.fromMs ?? null });
      }
    }
  }

  /** The newest version of each, in the order of their keys. */
  list(): LoyaltyRule[] {
    return this.#newest;
  }

  get(key: string): LoyaltyRule | null {
    return this.#newest.find((rule) => rule.key === key) ?? null;
  }

  /** All versions, ready to judge. */
  compiled(): readonly CompiledRule[] {
    return this.#compiled;
  }

  versions(key: string): LoyaltyRule[] {
    return this.#compiled.filter(({ rule }) => rule.key === key).map(({ rule }) => rule);
  }

  /** Tiers that the conditions of rules in force name. */
  forTiers(): TierUse[] {
    return this.#compiled.flatMap(({ rule: { key, definition }, when, untilMs }) => {
      const named = definition.enabled && untilMs === null ? when?.compared.get("tier")?.texts : undefined;
      return [...(named ?? [])].map((tier) => ({ tier, what: `the condition of the earning rule ${key} names` }));
    });
  }

  /** Whether a condition can be used over these facts of the act. Nothing is stored. */
  checkCondition(when: string, facts: LoyaltyDefinition["facts"]): CompiledPredicate {
    return compileCondition(when, facts, this.#deps.profiles.facts);
  }

  /** Puts a rule's next version in force, or makes the rule. The same definition again changes nothing. */
  async put(
    by: Principal,
    key: string,
    definition: LoyaltyDefinition,
    basedOn?: number,
  ): Promise<LoyaltyRule | Overtaken | RuleRefusal | Refused<"too_many_loyalty_rules">> {
    const compiled = compileRule(definition, this.#deps.profiles.facts);
    if (compiled.kind === "refused") return compiled;
    const broken = refusedWhenPut(key, definition, this.#newest);
    if (broken !== null) return broken;
    const kind = { noun: "loyalty_rule" as const, countMax: rulesMax, store: this.#store, basedOn };
    const put = await putVersion(this.#deps, by, kind, key, definition, (made): LoyaltyRule => {
      return { ...made, fromMs: made.createdAtMs };
    });
    if (put === "full") return { kind: "refused", rule: "too_many_loyalty_rules" };
    if (!("kind" in put)) await this.load();
    return put;
  }
}
