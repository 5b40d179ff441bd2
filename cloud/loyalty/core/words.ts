import { z } from "zod";
import { locale } from "#protocol/ids.ts";

const localesMax = 30;

/** Words in other languages than the one that is always there, by locale. */
export const inLocales = <Words extends z.ZodType>(words: Words) =>
  z
    .record(locale, words)
    .refine((all) => Object.keys(all).length <= localesMax, `must have at most ${localesMax} languages`)
    .default({});

const languageOf = (tag: string): string => tag.split("-")[0] ?? tag;

/** The words for somebody who reads `wanted`: their locale's, their language's, or a sister's; undefined where there are none. */
export function wordsFor<Words>(words: Readonly<Record<string, Words>>, wanted: string): Words | undefined {
  const language = languageOf(wanted);
  const sister = Object.keys(words)
    .toSorted()
    .find((tag) => languageOf(tag) === language);
  return words[wanted] ?? words[language] ?? (sister === undefined ? undefined : words[sister]);
}
