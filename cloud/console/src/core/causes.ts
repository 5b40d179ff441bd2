/** Causes by the names that people gave them. */
import type { CauseDocument } from "../api/support-shapes.ts";

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
