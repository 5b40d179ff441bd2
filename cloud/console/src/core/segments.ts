import type { FactSeen, SegmentFact } from "../api/segment-shapes.ts";
import { factValueText } from "./household-fact-words.ts";

export interface SegmentSearch {
  /** Of the page of members. */
  cursor?: string | undefined;
}
export const segmentSearch = (search: Record<string, unknown>): SegmentSearch => ({
  cursor: typeof search["cursor"] === "string" && search["cursor"] !== "" ? search["cursor"] : undefined,
});

const factGroupWords: Record<SegmentFact["group"], string> = {
  appliances: "Appliances",
  use: "Use and upkeep",
  recipes: "Recipes",
  customer: "Customer",
  elsewhere: "Web, app and shop",
};

export const factTypeWords: Record<SegmentFact["type"], string> = {
  text: "a text",
  version: "a version",
  number: "a number",
  flag: "true or false",
  texts: "a list of texts",
};

/** What a fact may be used for, where that needs the household's word. */
const purposeWords: Record<SegmentFact["purpose"], string | null> = {
  run: null,
  personalise: "Missing without consent to personalise.",
  market: "Missing without consent to marketing.",
};

/** The facts in their groups, each with what is to be minded of it. */
export const factGroupsOf = (facts: readonly SegmentFact[]) =>
  [...Map.groupBy(facts, ({ group }) => group)].map(([group, some]) => ({
    title: factGroupWords[group],
    facts: some.map((fact) => ({ ...fact, note: purposeWords[fact.purpose] })),
  }));

/** A condition with a fact, to go on from. */
export function conditionWith({ name, type }: Pick<SegmentFact, "name" | "type">): string {
  switch (type) {
    case "text":
      return `${name} == ""`;
    case "version":
      return `older(${name}, "2.0.0")`;
    case "number":
      return `${name} >= 1`;
    case "flag":
      return name;
    case "texts":
      return `"" in ${name}`;
  }
}

/** Puts a condition where the cursor stands: behind an && where something stands before it that it could not follow. */
export function inserted(text: string, at: number, condition: string): { text: string; cursor: number } {
  const before = text.slice(0, at);
  const joins = before.trim() !== "" && !/(&&|\|\||!|\()\s*$/.test(before);
  const added = `${joins ? `${/\s$/.test(before) ? "" : " "}&& ` : ""}${condition}`;
  return { text: before + added + text.slice(at), cursor: before.length + added.length };
}

export function seenText({ name, value, missing }: FactSeen): string {
  if (missing === "no_consent") return "no consent";
  if (value === null) return "not known";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value))
    return value.length === 0 ? "none" : value.map((one) => factValueText(name, one)).join(", ");
  return typeof value === "string" ? factValueText(name, value) : String(value);
}

/** An id for a segment from its title: `Top cooks!` is `top-cooks`. */
export const idFrom = (title: string): string =>
  title
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 64);

/** How a size moved over the days that are known; null where it did not, or nothing is known yet. */
export function trendText(trend: readonly { members: number }[]): string | null {
  const [first, last] = [trend[0], trend.at(-1)];
  if (first === undefined || last === undefined || trend.length < 2) return null;
  const delta = last.members - first.members;
  return delta === 0
    ? null
    : `${delta > 0 ? "+" : "−"}${Math.abs(delta).toLocaleString("en-GB")} in ${trend.length} days`;
}
