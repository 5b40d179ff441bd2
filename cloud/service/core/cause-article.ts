import { z } from "zod";
import { locale } from "#protocol/ids.ts";
import { safeText } from "#protocol/text.ts";
import { bestLocale } from "../../platform/best-locale.ts";

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

/** The text for a language, by the chain that content goes by as well; undefined where there is none at all. */
export function inLocale<T>(texts: Readonly<Record<string, T>>, wanted: string): T | undefined {
  const available = Object.keys(texts);
  return available.length === 0 ? undefined : texts[bestLocale(wanted, available)];
}
