import type { Predicate } from "../../platform/predicate/predicate.ts";
import { householdFact, isCovered, type HouseholdProfile } from "./facts.ts";
import { compileSegment } from "./registry.ts";

/** What a household has of a fact, and why it has nothing where it has nothing. */
export interface FactSeen {
  name: string;
  value: string | number | boolean | string[] | null;
  missing: "not_known" | "no_consent" | null;
}

/** Why a household is in a segment, or is not. */
export interface Explained {
  matches: boolean;
  /** The facts that the segment reads. */
  facts: FactSeen[];
  /** The conditions that stand side by side in it, each on its own. */
  conditions: { text: string; matches: boolean; missing: string[] }[];
}

export function factsSeen(profile: HouseholdProfile, consents: readonly string[], names: Iterable<string>): FactSeen[] {
  return [...names].map((name): FactSeen => {
    const value = profile[name] ?? null;
    const covered = isCovered(consents, householdFact(name)?.purpose ?? "run");
    return {
      name,
      value: typeof value === "object" && value !== null ? [...value] : value,
      missing: value !== null ? null : covered ? "not_known" : "no_consent",
    };
  });
}

export function explain(predicate: Predicate, profile: HouseholdProfile, consents: readonly string[]): Explained {
  return {
    matches: predicate.matches(profile).matches,
    facts: factsSeen(profile, consents, predicate.reads),
    conditions: predicate.conditions.flatMap((text) => {
      const compiled = compileSegment(text);
      return compiled.kind === "ok" ? [{ text, ...compiled.predicate.matches(profile) }] : [];
    }),
  };
}
