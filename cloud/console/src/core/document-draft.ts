/** What staff write about causes, and the answers that they keep, as forms hold them. */
import type { CauseArticle } from "../api/case-shapes.ts";
import type { AnswerTemplate, WrittenVersion } from "../api/support-shapes.ts";
import { type Begun, begunNew } from "./begun.ts";
import type { Wrongs } from "./field-wrongs.ts";

/** Texts by language. Who reads none of these reads the English one, which is never missing. */
export type Texts<Text> = Record<string, Text>;

export interface CauseDraft {
  title: string;
  fix: string;
  partNumber: string;
  partName: string;
  article: Texts<{ title: string; text: string }>;
}

export interface AnswerDraft {
  title: string;
  causes: string[];
  locales: Texts<string>;
}

const noArticle = { title: "", text: "" };

export const newCause: CauseDraft = { title: "", fix: "", partNumber: "", partName: "", article: { en: noArticle } };
export const newAnswer: AnswerDraft = { title: "", causes: [], locales: { en: "" } };

/** English first, since everybody may come to read it; the others by name. */
export const languagesOf = (texts: Texts<unknown>): string[] => [
  "en",
  ...Object.keys(texts)
    .filter((locale) => locale !== "en")
    .toSorted(),
];

const inOrder = <Text, Out>(texts: Texts<Text>, as: (text: Text) => Out): Texts<Out> =>
  Object.fromEntries(
    languagesOf(texts).flatMap((locale): [string, Out][] => {
      const text = texts[locale];
      return text === undefined ? [] : [[locale, as(text)]];
    }),
  );

export const causeDraftOf = ({ title, fix, part, article }: CauseArticle): CauseDraft => ({
  title,
  fix,
  partNumber: part?.number ?? "",
  partName: part?.name ?? "",
  article,
});

export const causeDefinitionOf = (draft: CauseDraft): CauseArticle => {
  const part = { number: draft.partNumber.trim(), name: draft.partName.trim() };
  return {
    title: draft.title.trim(),
    fix: draft.fix.trim(),
    part: part.number === "" && part.name === "" ? null : part,
    article: inOrder(draft.article, ({ title, text }) => ({ title: title.trim(), text: text.trim() })),
  };
};

export const answerDraftOf = (definition: AnswerTemplate): AnswerDraft => definition;

export const answerDefinitionOf = ({ title, causes, locales }: AnswerDraft): AnswerTemplate => ({
  title: title.trim(),
  causes: causes.toSorted(),
  locales: inOrder(locales, (text) => text.trim()),
});

export function causeWrongs(draft: CauseDraft): Wrongs {
  const { title, fix, part, article } = causeDefinitionOf(draft);
  const wrongs = new Map<string, string>();
  if (title === "") wrongs.set("/title", "Name it: cases and incidents are called by it.");
  if (fix === "") wrongs.set("/fix", "Say what your colleagues should look at and do.");
  if (part !== null && part.number === "") wrongs.set("/part/number", "Its number, or no part at all.");
  if (part !== null && part.name === "") wrongs.set("/part/name", "Its name, or no part at all.");
  for (const [locale, words] of Object.entries(article)) {
    if (words.title === "") wrongs.set(`/article/${locale}/title`, "The owner reads this first.");
    if (words.text === "") wrongs.set(`/article/${locale}/text`, "Say it in this language, or remove the language.");
  }
  return wrongs;
}

/** What an answer may name, with what it stands for and how that looks. */
export const placeholderWords: Readonly<Record<string, { help: string; example: string }>> = {
  appliance: { help: "brand and model", example: "Example Oven X200" },
  serial: { help: "its serial number", example: "SN-7340021" },
  program: { help: "the program that ran when the case was opened", example: "HotAir" },
  part: { help: "the part that mends the cause most often", example: "Power board (PB-2040)" },
  release: { help: "the release that mends it", example: "2.5.0" },
  article_title: {
    help: "the title of what owners read about the cause",
    example: "Your oven takes longer to heat up",
  },
  article: { help: "what owners read about the cause", example: "A heating element is wearing out. …" },
};

const named = /\{\{\s*([^{}]*?)\s*\}\}/g;

/** The first name in double braces that stands for nothing; null where there is none. */
export const unknownPlaceholder = (text: string): string | null =>
  [...text.matchAll(named)].map(([, name = ""]) => name).find((name) => !Object.hasOwn(placeholderWords, name)) ?? null;

/** The text as an owner may come to read it. */
export const sampleOf = (text: string): string =>
  text.replaceAll(named, (all, name: string) =>
    Object.hasOwn(placeholderWords, name) ? (placeholderWords[name]?.example ?? all) : all,
  );

export function answerWrongs(draft: AnswerDraft): Wrongs {
  const { title, locales } = answerDefinitionOf(draft);
  const wrongs = new Map<string, string>();
  if (title === "") wrongs.set("/title", "Name it: your colleagues choose it by this.");
  for (const [locale, text] of Object.entries(locales)) {
    const unknown = unknownPlaceholder(text);
    if (text === "") wrongs.set(`/locales/${locale}`, "Say it in this language, or remove the language.");
    else if (unknown !== null)
      wrongs.set(`/locales/${locale}`, `{{${unknown}}} stands for nothing: choose one of those below.`);
  }
  return wrongs;
}

/** The first language that something is wrong with. */
export function wrongLanguage(wrongs: Wrongs): string | null {
  for (const pointer of wrongs.keys()) {
    const [, root, locale] = pointer.split("/");
    if ((root === "article" || root === "locales") && locale !== undefined) return locale;
  }
  return null;
}

/** @param versions newest first @param begin what something new begins with */
export function begunWithNewest<Draft, Definition>(
  versions: readonly WrittenVersion<Definition>[],
  draftOf: (definition: Definition) => Draft,
  begin: Draft,
): Begun<Draft> {
  const [newest] = versions;
  if (newest === undefined) return begunNew(begin);
  const said = versions.find(({ definition }) => definition !== null)?.definition ?? null;
  return {
    version: newest.version,
    draft: said === null ? begin : draftOf(said),
    isWithdrawn: newest.definition === null,
    createdBy: newest.createdBy,
    createdAtMs: newest.createdAtMs,
  };
}
