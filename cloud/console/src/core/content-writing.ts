/** What somebody writes in the editor, and the version that it was made from. */
import type { ContentDetail, ContentDraft, ContentVersion } from "../api/content-shapes.ts";
import { draftOf } from "./content.ts";

/** A version as it is edited; 0 is that of what is new. */
export interface Written {
  version: number;
  draft: ContentDraft;
  createdBy: string;
  createdAtMs: number;
  imageHref: string | null;
}

export const firstWriting = (draft: ContentDraft): Written => ({
  version: 0,
  draft,
  createdBy: "",
  createdAtMs: 0,
  imageHref: null,
});

export const writingOf = ({ kind, image }: ContentDetail, newest: ContentVersion): Written => ({
  version: newest.version,
  draft: draftOf(kind, newest),
  createdBy: newest.createdBy,
  createdAtMs: newest.createdAtMs,
  imageHref: image?.href ?? null,
});

/** As it is sent: lines that hold nothing are left out. */
export const tidy = (draft: ContentDraft): ContentDraft => ({
  ...draft,
  locales: Object.fromEntries(
    Object.entries(draft.locales).map(([locale, text]) => [
      locale,
      text.ingredients === undefined
        ? text
        : { ...text, ingredients: text.ingredients.map((line) => line.trim()).filter((line) => line !== "") },
    ]),
  ),
});

export const isSame = (one: ContentDraft, other: ContentDraft): boolean =>
  JSON.stringify(tidy(one)) === JSON.stringify(tidy(other));
