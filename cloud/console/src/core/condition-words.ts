/** A condition in words, where its form is one that words can say. */
import { type Condition, type Leaf, readCondition } from "./condition-parts.ts";
import { factValueText, wordsOfFact } from "./household-fact-words.ts";

const comparisonWords = {
  "==": "is",
  "!=": "is not",
  "<": "is less than",
  "<=": "is at most",
  ">": "is more than",
  ">=": "is at least",
} as const;

const opposites = { "==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<" } as const;

const either = new Intl.ListFormat("en-GB", { type: "disjunction" });
const both = new Intl.ListFormat("en-GB", { type: "conjunction" });

const quoted = (value: string) => `“${value}”`;

/** A fact by its name: `loaves_30d` is `the number of loaves in the last 30 days`. */
function wordsOfName(factName: string, isNumber: boolean): string {
  const days = /_(\d+)d$/.exec(factName)?.[1];
  const bare = (days === undefined ? factName : factName.slice(0, -days.length - 2)).replaceAll("_", " ");
  return `the ${isNumber ? "number of " : ""}${bare}${days === undefined ? "" : ` in the last ${days} days`}`;
}

interface Names {
  /** Before `is at least 5`. */
  of(fact: string, isNumber: boolean): string;
  /** A sentence of a flag's own. */
  flag(fact: string, holds: boolean): string;
}

const namesWith = (factWords: ReadonlyMap<string, string>): Names => ({
  of(fact, isNumber) {
    const words = factWords.get(fact) ?? wordsOfFact(fact);
    return typeof words === "string" ? words : wordsOfName(fact, isNumber);
  },
  flag(fact, holds) {
    const words = factWords.has(fact) ? undefined : wordsOfFact(fact);
    if (typeof words === "object") return holds ? words.yes : words.no;
    return `“${fact.replaceAll("_", " ")}” ${holds ? "holds" : "does not hold"}`;
  },
});

function leafWords(leaf: Leaf, names: Names): string {
  const { fact, isDenied } = leaf;
  const not = isDenied ? " not" : "";
  switch (leaf.kind) {
    case "flag":
      return names.flag(fact, !isDenied);
    case "compared": {
      const { value } = leaf;
      const isNumber = typeof value === "number";
      const words = comparisonWords[isDenied ? opposites[leaf.sign] : leaf.sign];
      return `${names.of(fact, isNumber)} ${words} ${isNumber ? value : quoted(factValueText(fact, value))}`;
    }
    case "one_of": {
      const values = leaf.values.map((one) => (typeof one === "number" ? `${one}` : quoted(factValueText(fact, one))));
      return `${names.of(fact, typeof leaf.values[0] === "number")} is${not} ${either.format(values)}`;
    }
    case "among":
      return `${quoted(factValueText(fact, leaf.value))} is${not} among ${names.of(fact, false)}`;
    case "version":
      return `${names.of(fact, false)} is${not} ${leaf.than} than ${leaf.value}`;
    case "begins":
      return `${names.of(fact, false)} ${isDenied ? "does not begin" : "begins"} with ${quoted(leaf.value)}`;
  }
}

/** Null where it is more than words can hold apart: brackets in brackets, or three that all have to hold among others of which one does. */
function wordsOf(condition: Condition, names: Names): string | null {
  if (condition.kind !== "all" && condition.kind !== "any") return leafWords(condition, names);
  const parts = condition.parts.map((part) => {
    if (part.kind !== "all" && part.kind !== "any") return leafWords(part, names);
    const inner = part.parts.map((one) => (one.kind === "all" || one.kind === "any" ? null : leafWords(one, names)));
    const said = inner.filter((one) => one !== null);
    if (said.length < inner.length || (part.kind === "all" && said.length > 2)) return null;
    return part.kind === "any" ? `either ${either.format(said)}` : `both ${both.format(said)}`;
  });
  const said = parts.filter((one) => one !== null);
  if (said.length < parts.length) return null;
  return condition.kind === "all" ? both.format(said) : either.format(said);
}

const none: ReadonlyMap<string, string> = new Map();

/**
 * `what was done is “descale” and the number of programs since the last time is at most 60`.
 *
 * @param factWords of facts what they are called before `is at least 5`; those of a household have words of their own
 * @returns null where words cannot say it: then only the condition itself says what it says
 */
export function conditionWords(when: string, factWords: ReadonlyMap<string, string> = none): string | null {
  const condition = readCondition(when);
  return condition === null ? null : wordsOf(condition, namesWith(factWords));
}
