/** What is taken when nobody says which language a household reads. */
export const fallbackLocale = "en";

const language = (locale: string): string => locale.split("-")[0] ?? locale;

/** Why a reader gets a text: it is their own locale's, their language's, a sister's (`de-AT` for `de-CH`), English, or simply the first. */
export const fallbackSteps = ["own", "language", "sister", "english", "first"] as const;
export type FallbackStep = (typeof fallbackSteps)[number];

export interface Fallback {
  reads: string;
  because: FallbackStep;
}

/**
 * The text that somebody gets who reads `wanted`, by the steps of the chain. Ties go to the first in alphabetical order, so that the answer
 * never depends on how an item was stored.
 *
 * @param available at least one
 */
export function fallbackOf(wanted: string, available: readonly string[]): Fallback {
  const sorted = available.toSorted();
  const chain: Record<FallbackStep, string | undefined> = {
    own: sorted.find((locale) => locale === wanted),
    language: sorted.find((locale) => locale === language(wanted)),
    sister: sorted.find((locale) => language(locale) === language(wanted)),
    english: sorted.find((locale) => language(locale) === fallbackLocale),
    first: sorted[0],
  };
  const because = fallbackSteps.find((step) => chain[step] !== undefined);
  const reads = because === undefined ? undefined : chain[because];
  if (because === undefined || reads === undefined) throw new RangeError("an item has at least one locale");
  return { reads, because };
}

/** The locale to show somebody who reads `wanted`. */
export const bestLocale = (wanted: string, available: readonly string[]): string => fallbackOf(wanted, available).reads;

export interface Market extends Fallback {
  locale: string;
  /** Whose model has this locale. */
  models: string[];
  /** Whether it stands on this locale's feed: a text that its readers do not understand at all does not. */
  onFeed: boolean;
}

/** What every locale of some models gets of an item, the item's own locales included. */
export function marketsOf(
  available: readonly string[],
  models: readonly { key: string; locales: readonly string[] }[],
): Market[] {
  const locales = [...new Set([...available, ...models.flatMap((model) => model.locales)])].toSorted();
  return locales.map((locale) => {
    const found = fallbackOf(locale, available);
    const readers = models.filter((model) => model.locales.includes(locale)).map(({ key }) => key);
    return { locale, models: readers, ...found, onFeed: found.because !== "first" };
  });
}
