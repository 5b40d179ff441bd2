/** An earning rule as a form holds it, and the definition that it means. */
import type {
  ActOrigin,
  EarningDefinition,
  FactKind,
  LoyaltyVocabulary,
  OfferedFact,
  Period,
  Rounding,
} from "../api/loyalty-shapes.ts";
import type { Wrongs } from "./field-wrongs.ts";
import { type NumberField, numberOr } from "./number-field.ts";

const dayMs = 86_400_000;

export interface EffectDraft {
  kind: "fixed" | "by_fact";
  points: NumberField;
  of: string;
  unit: NumberField;
  times: NumberField;
  round: Rounding;
  max: NumberField;
  to: "household" | "referrer";
}

export type Often = "per" | "once" | "once_per" | "none" | "streak";

export interface EarningDraft {
  title: string;
  type: string;
  from: ActOrigin[];
  /** Facts of the act's data that the vocabulary does not name. */
  ownFacts: { name: string; type: FactKind }[];
  when: string;
  gives: "points" | "takes_back";
  effects: EffectDraft[];
  returnsRule: string;
  returnsBy: string;
  often: Often;
  period: Period;
  count: NumberField;
  oncePer: string;
  streakLength: NumberField;
  tierMultiplied: boolean;
  delayDays: NumberField;
  /** "" as the program says. */
  expiresAfterDays: NumberField;
  enabled: boolean;
}

export const newEffect: EffectDraft = {
  kind: "fixed",
  points: 10,
  of: "",
  unit: 1,
  times: 1,
  round: "down",
  max: 100,
  to: "household",
};

export const newEarning: EarningDraft = {
  title: "",
  type: "program.finished",
  from: ["appliance"],
  ownFacts: [],
  when: "",
  gives: "points",
  effects: [newEffect],
  returnsRule: "",
  returnsBy: "",
  often: "per",
  period: "day",
  count: 1,
  oncePer: "",
  streakLength: 4,
  tierMultiplied: false,
  delayDays: 0,
  expiresAfterDays: "",
  enabled: true,
};

/** The facts of an act's data that the vocabulary names. */
export const factsOfAct = (vocabulary: LoyaltyVocabulary, type: string): OfferedFact[] =>
  vocabulary.acts.find((act) => act.type === type)?.facts ?? [];

export function earningDraftOf(definition: EarningDefinition, vocabulary: LoyaltyVocabulary): EarningDraft {
  const { act, facts, effects, returns, limit, streak } = definition;
  const known = new Map(factsOfAct(vocabulary, act.type).map(({ name, type }) => [name, type]));
  return {
    ...newEarning,
    title: definition.title,
    type: act.type,
    from: act.from,
    ownFacts: Object.entries(facts).flatMap(([name, type]) => (known.get(name) === type ? [] : [{ name, type }])),
    when: definition.when ?? "",
    gives: returns === null ? "points" : "takes_back",
    effects:
      effects.length === 0
        ? [newEffect]
        : effects.map(({ points, to }) =>
            typeof points === "number"
              ? { ...newEffect, points, to }
              : { ...newEffect, kind: "by_fact", ...points, points: "", to },
          ),
    returnsRule: returns?.rule ?? "",
    returnsBy: returns?.by ?? "",
    often: streak === null ? limit.kind : "streak",
    period: streak?.period ?? (limit.kind === "per" ? limit.period : "day"),
    count: limit.kind === "per" ? limit.count : 1,
    oncePer: limit.kind === "once_per" ? limit.fact : "",
    streakLength: streak?.length ?? newEarning.streakLength,
    tierMultiplied: definition.tierMultiplied,
    delayDays: definition.delayMs / dayMs,
    expiresAfterDays: definition.expiresAfterDays ?? "",
    enabled: definition.enabled,
  };
}

const quoted = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g;
/** The names in a condition, outside of its texts. */
const namesIn = (when: string): Set<string> =>
  new Set(when.replaceAll(quoted, "").match(/[a-zA-Z_][a-zA-Z0-9_]*/g) ?? []);

/** What a definition declares: of the facts that the vocabulary names those that it reads, and all of its own. */
function declared(draft: EarningDraft, vocabulary: LoyaltyVocabulary): Record<string, FactKind> {
  const read = namesIn(draft.when);
  if (draft.gives === "takes_back") read.add(draft.returnsBy);
  else for (const { kind, of } of draft.effects) if (kind === "by_fact") read.add(of);
  if (draft.often === "once_per") read.add(draft.oncePer);
  const known = factsOfAct(vocabulary, draft.type).flatMap(({ name, type }): [string, FactKind][] =>
    read.has(name) && (type === "text" || type === "number" || type === "flag") ? [[name, type]] : [],
  );
  return Object.fromEntries([...known, ...draft.ownFacts.map(({ name, type }) => [name, type] as const)]);
}

function limitOf({ often, period, count, oncePer, gives }: EarningDraft): EarningDefinition["limit"] {
  if (gives === "takes_back") return { kind: "none" };
  switch (often) {
    case "per":
      return { kind: "per", period, count: numberOr(count, 0) };
    case "once_per":
      return { kind: "once_per", fact: oncePer };
    case "once":
      return { kind: "once" };
    case "none":
    case "streak":
      return { kind: "none" };
  }
}

export function earningDefinitionOf(draft: EarningDraft, vocabulary: LoyaltyVocabulary): EarningDefinition {
  const gives = draft.gives === "points";
  return {
    title: draft.title.trim(),
    act: { type: draft.type, from: draft.from },
    facts: declared(draft, vocabulary),
    when: draft.when.trim() === "" ? null : draft.when.trim(),
    effects: gives
      ? draft.effects.map(({ kind, points, of, unit, times, round, max, to }) => ({
          points:
            kind === "fixed"
              ? numberOr(points, 0)
              : { of, unit: numberOr(unit, 0), times: numberOr(times, 0), round, max: numberOr(max, 0) },
          to,
        }))
      : [],
    returns: gives ? null : { rule: draft.returnsRule, by: draft.returnsBy },
    limit: limitOf(draft),
    streak:
      gives && draft.often === "streak" ? { period: draft.period, length: numberOr(draft.streakLength, 0) } : null,
    tierMultiplied: gives && draft.tierMultiplied,
    delayMs: Math.round(numberOr(draft.delayDays, 0) * dayMs),
    expiresAfterDays: draft.expiresAfterDays === "" ? null : draft.expiresAfterDays,
    enabled: draft.enabled,
  };
}

export const isFactName = (name: string): boolean => /^[a-z][a-zA-Z0-9_]{0,63}$/.test(name);

/** What the form can say before anything is sent; the service checks the condition, and whether anything bounds the points. */
export function earningWrongs(draft: EarningDraft): Wrongs {
  const wrongs = new Map<string, string>();
  const need = (isThere: boolean, pointer: string, message: string) => {
    if (!isThere) wrongs.set(pointer, message);
  };
  need(draft.title.trim() !== "", "/title", "Name it: the household reads this beside its points.");
  need(/^[a-z][a-z0-9_.]{0,63}$/.test(draft.type), "/act/type", "Lower case words with dots, such as bread.baked.");
  for (const [at, { name }] of draft.ownFacts.entries())
    need(isFactName(name), `/facts/${at}`, "A name that begins with a small letter, without spaces.");
  if (draft.gives === "takes_back") {
    need(draft.returnsRule !== "", "/returns/rule", "Choose the rule whose points it takes back.");
    need(draft.returnsBy !== "", "/returns/by", "Choose what both have in common, such as the order's number.");
    return wrongs;
  }
  for (const [at, { kind, points, of, unit, times, max }] of draft.effects.entries()) {
    const place = `/effects/${at}/points`;
    if (kind === "fixed") need(points !== "" && points >= 1, place, "At least 1 point.");
    else {
      need(of !== "", `${place}/of`, "Choose the fact that the points are reckoned from.");
      need(unit !== "" && unit > 0, `${place}/unit`, "More than 0.");
      need(times !== "" && times > 0, `${place}/times`, "More than 0.");
      need(max !== "" && max >= 1, `${place}/max`, "At least 1: a formula without a bound is a debt without end.");
    }
  }
  if (draft.often === "per") need(draft.count !== "" && draft.count >= 1, "/limit/count", "At least once.");
  if (draft.often === "once_per") need(draft.oncePer !== "", "/limit/fact", "Choose the fact whose values count.");
  if (draft.often === "streak")
    need(draft.streakLength !== "" && draft.streakLength >= 2, "/streak/length", "At least 2 in a row.");
  return wrongs;
}
