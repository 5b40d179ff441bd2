import { z } from "zod";
import { safeText } from "#protocol/text.ts";
import { inLocale, inLocales } from "./cause-article.ts";

/** What a template may name, as `{{appliance}}`; each is filled in from the case. */
export const placeholders = ["appliance", "serial", "program", "part", "release", "article_title", "article"] as const;
export type Placeholder = (typeof placeholders)[number];

const known: ReadonlySet<string> = new Set(placeholders);
const named = /\{\{\s*([^{}]*?)\s*\}\}/g;

function unknownIn(text: string): string | null {
  const names = [...text.matchAll(named)].map((match) => match[1] ?? "");
  return names.find((name) => !known.has(name)) ?? null;
}

const templateText = safeText(4_000)
  .trim()
  .min(1)
  .superRefine((text, issues) => {
    const unknown = unknownIn(text);
    if (unknown === null) return;
    const message = `must not name {{${unknown}}}: there are ${placeholders.join(", ")}`;
    issues.addIssue({ code: "custom", message });
  });

const causesMax = 50;

export const answerTemplate = z
  .strictObject({
    title: safeText(200).trim().min(1),
    /** The causes for which it is offered first. */
    causes: z.array(safeText(80).min(1)).max(causesMax).default([]),
    locales: inLocales(templateText),
  })
  .meta({ id: "AnswerTemplate" });
export type AnswerTemplate = z.infer<typeof answerTemplate>;

export type Filling = Partial<Record<Placeholder, string>>;

/**
 * The text in a language, with what is known of the case filled in once: what is filled in is not looked through again, so that words
 * of an appliance never become placeholders.
 *
 * @returns the text, and what it names but the case does not have: those stay visible as `[serial]`, for staff to fill in
 */
export function fillTemplate(
  template: AnswerTemplate,
  wanted: string,
  filling: Filling,
): { text: string; missing: string[] } {
  const missing = new Set<string>();
  const values = new Map<string, string | undefined>(Object.entries(filling));
  const text = (inLocale(template.locales, wanted) ?? "").replaceAll(named, (_all, name: string) => {
    const value = values.get(name);
    if (value !== undefined && value !== "") return value;
    missing.add(name);
    return `[${name}]`;
  });
  return { text, missing: [...missing] };
}
