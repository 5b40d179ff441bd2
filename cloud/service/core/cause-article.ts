import { z } from "zod";
import { locale } from "#protocol/ids.ts";
import { safeText } from "#protocol/text.ts";

const textsMax = 50;

/** Texts by language; there is always an English one, for those whose language is missing. */
export const inLocales = <T extends z.ZodType>(text: T) =>
  z
    .record(locale, text)
    .refine((texts) => Object.keys(texts).length <= textsMax, `must not have more than ${textsMax} languages`)
    .refine((texts) => "en" in texts, "must have `en`");

/** What is known of a cause: for whoever works on the case, and in the owner's words. */
export const causeDefinition = z
  .strictObject({
    title: safeText(200).trim().min(1),
    /** What staff should look at and do. */
    fix: safeText(4_000).trim().min(1),
    /** The spare part that mends it most often. */
    part: z
      .strictObject({ number: safeText(64).trim().min(1), name: safeText(200).trim().min(1) })
      .nullable()
      .default(null),
    article: inLocales(z.strictObject({ title: safeText(200).trim().min(1), text: safeText(8_000).trim().min(1) })),
  })
  .meta({ id: "CauseDefinition" });
export type CauseDefinition = z.infer<typeof causeDefinition>;

/** The text for a language: its own, that of the language without its region, or the English one. */
export function inLocale<T>(texts: Readonly<Record<string, T>>, wanted: string): T | undefined {
  const language = wanted.split("-")[0] ?? "";
  // A language that is there for a region alone is nearer than another language.
  const sister = Object.keys(texts).find((name) => name.split("-")[0] === language);
  return texts[wanted] ?? texts[language] ?? (sister === undefined ? texts["en"] : texts[sister]);
}
