/** What the service says to households by itself, in the languages of the models. */

/** The languages that it always has; every text is in all of them. */
export const ownLanguages = ["en", "de", "fr", "sv", "pt-BR", "ja"] as const;
export type OwnLanguage = (typeof ownLanguages)[number];
export type OwnWords<Words> = Readonly<Record<OwnLanguage, Words>>;

const languageOf = (locale: string): string => locale.split("-")[0] ?? "";

/** The language that a household is written to in: its own where there is one, else English. */
export const ownLanguage = (locale: string): OwnLanguage =>
  ownLanguages.find((language) => language === locale) ??
  ownLanguages.find((language) => languageOf(language) === languageOf(locale)) ??
  "en";
