/** Causes by the names that people gave them. */
import type { CauseArticle } from "../api/case-shapes.ts";
import type { AnswerTemplate, CauseDocument, FoundCause, InForce } from "../api/support-shapes.ts";
import { plural } from "./numbers.ts";

/** `fault:E17` reads `Fault E17`, `over_temperature` reads `Over temperature`: what is said where nobody has named a cause. */
export function causeWords(cause: string): string {
  if (cause.startsWith("fault:")) return `Fault ${cause.slice(6)}`;
  const words = cause.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What is written about a cause: what is meant for the model counts before what is meant for all. */
export function causeDocument<One extends Pick<CauseDocument, "key" | "model">>(
  documents: readonly One[],
  cause: string,
  model: string | null,
): One | undefined {
  const known = documents.filter(({ key }) => key === cause);
  return known.find((one) => one.model !== null && one.model === model) ?? known.find((one) => one.model === null);
}

/**
 * A cause as its article is called, or else in the words of its key.
 *
 * @param model null where it is of no model, or of any
 */
export function causeName(documents: readonly CauseDocument[], cause: string, model: string | null): string {
  return causeDocument(documents, cause, model)?.definition.title ?? causeWords(cause);
}

/** Every cause that something is written about, once, by name. */
export function causeChoices(documents: readonly CauseDocument[]): { value: string; label: string }[] {
  const keys = [...new Set(documents.map(({ key }) => key))];
  const nameOf = (key: string) => {
    // One that is written about for some models alone is called as the first of them calls it.
    const isForAll = documents.some((one) => one.key === key && one.model === null);
    const first = documents.find((one) => one.key === key);
    return causeName(documents, key, isForAll ? null : (first?.model ?? null));
  };
  return keys
    .map((value) => ({ value, label: nameOf(value) }))
    .toSorted((a, b) => a.label.localeCompare(b.label, "en"));
}

/** What is known of one cause, over all models. */
export interface CauseRow {
  key: string;
  name: string;
  /** For every model first, where there is such a one. */
  documents: InForce<CauseArticle>[];
  cases: number;
  incidents: number;
  open: number;
  /** That are offered first for it. */
  answers: InForce<AnswerTemplate>[];
}

const byOften = (a: CauseRow, b: CauseRow): number =>
  b.cases + b.incidents - a.cases - a.incidents || b.open - a.open || a.name.localeCompare(b.name, "en");

/** Every cause that something is written about or that was found: what was found most often first. */
export function causeRows(
  documents: readonly InForce<CauseArticle>[],
  found: readonly FoundCause[],
  answers: readonly InForce<AnswerTemplate>[],
): CauseRow[] {
  const names = new Map(causeChoices(documents).map(({ value, label }) => [value, label]));
  const foundOf = new Map(found.map((one) => [one.cause, one]));
  return [...new Set([...names.keys(), ...foundOf.keys()])]
    .map((key) => {
      const { cases = 0, incidents = 0, open = 0 } = foundOf.get(key) ?? {};
      return {
        key,
        name: names.get(key) ?? causeWords(key),
        documents: documents.filter((one) => one.key === key),
        cases,
        incidents,
        open,
        answers: answers.filter(({ definition }) => definition.causes.includes(key)),
      };
    })
    .toSorted(byOften);
}

/** Whether a row is meant by what somebody typed: every word of it is in its name, its key or what to do. */
export function isMeant(
  { key, name, documents }: Pick<CauseRow, "key" | "name" | "documents">,
  typed: string,
): boolean {
  const said = [key, name, ...documents.map(({ definition: { fix, part } }) => `${fix} ${part?.number ?? ""}`)];
  return saysAll(said, typed);
}

/** Whether every word that was typed is somewhere in what is said. */
export function saysAll(said: readonly string[], typed: string): boolean {
  const text = said.join(" ").toLowerCase();
  return typed
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** A key of a cause as rules and appliances write it: `fault:E17`, `door_seal`. */
export const isCauseKey = (key: string): boolean => /^(fault:[A-Za-z0-9_.-]{1,64}|[a-z][a-z0-9_]{0,63})$/.test(key);

/** How often it was found, in words; null where it was not. */
export function foundWords(row: Pick<CauseRow, "cases" | "incidents"> | undefined): string | null {
  if (row === undefined || row.cases + row.incidents === 0) return null;
  const { cases, incidents } = row;
  return [cases > 0 ? plural(cases, "case") : null, incidents > 0 ? plural(incidents, "incident") : null]
    .filter((words) => words !== null)
    .join(", ");
}
