/** What is taken when nobody says which language a household reads. */
export const fallbackLocale = "en";

const language = (locale: string): string => locale.split("-")[0] ?? locale;

/**
 * The locale to show somebody who reads `wanted`: the same, the same language, English, or the first there is. Ties go to the first in
 * alphabetical order, so that the answer never depends on how an item was stored.
 *
 * @param available at least one
 */
export function bestLocale(wanted: string, available: readonly string[]): string {
  const sorted = available.toSorted();
  const choices = [
    sorted.find((locale) => locale === wanted),
    sorted.find((locale) => locale === language(wanted)),
    sorted.find((locale) => language(locale) === language(wanted)),
    sorted.find((locale) => language(locale) === fallbackLocale),
    sorted[0],
  ];
  const best = choices.find((locale) => locale !== undefined);
  if (best === undefined) throw new RangeError("an item has at least one locale");
  return best;
}
