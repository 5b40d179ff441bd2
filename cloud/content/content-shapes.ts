import { z } from "zod";
import { type ContentItem, contentItem } from "#protocol/content.ts";
import { locale } from "#protocol/ids.ts";
import type { Feed } from "#protocol/topics.ts";
import type { DeliveryKind } from "#protocol/delivery.ts";

const [recipe, tip, notice, message] = contentItem.options;

/** What Hearth itself writes into an item. */
const given = { kind: true, id: true, version: true, locale: true } as const;

/** Only the service's own messages are about a case. */
const ofCases = { ...given, caseId: true, ask: true } as const;

const localesMax = 50;

const inLocales = <Text extends z.ZodType>(text: Text) =>
  z
    .record(locale, text)
    .refine((locales) => Object.keys(locales).length > 0, "must hold at least one locale")
    .refine((locales) => Object.keys(locales).length <= localesMax, `must hold at most ${localesMax} locales`);

/** A content item as its author writes it: one text for each locale. */
export const contentDraft = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("recipe"), locales: inLocales(recipe.omit(given).strict()) }),
    z.strictObject({ kind: z.literal("tip"), locales: inLocales(tip.omit(given).strict()) }),
    z.strictObject({ kind: z.literal("notice"), locales: inLocales(notice.omit(given).strict()) }),
    z.strictObject({ kind: z.literal("message"), locales: inLocales(message.omit(ofCases).strict()) }),
  ])
  .meta({ id: "ContentDraft" });
export type ContentDraft = z.infer<typeof contentDraft>;

export type ContentKind = ContentItem["kind"];
export const contentKinds = ["recipe", "tip", "notice", "message"] as const satisfies readonly ContentKind[];

/** Texts by locale, as the database gives them back. */
export type Locales = Record<string, Record<string, unknown>>;

/** An item as appliances read it, in one of its locales. */
export const itemInLocale = (
  item: { id: string; kind: ContentKind; version: number; locales: Locales },
  wanted: string,
): ContentItem =>
  contentItem.parse({
    ...item.locales[wanted],
    kind: item.kind,
    id: item.id,
    version: item.version,
    locale: wanted,
  });

/** The feed that a kind goes to; null where it reaches a household only by being sent. */
export const feedOfKind: Record<ContentKind, Feed | null> = {
  recipe: "recipes",
  tip: "tips",
  notice: "notices",
  message: null,
};

/** The delivery that carries a kind; null where it is for feeds only. */
export const deliveryOfKind: Record<ContentKind, DeliveryKind | null> = {
  recipe: "recipe",
  tip: null,
  notice: "message",
  message: "message",
};

/** 0 (whenever there is room) to 9 (safety). */
export function priorityOf(item: ContentItem): number {
  switch (item.kind) {
    case "recipe":
    case "tip":
      return 3;
    case "message":
      return 4;
    case "notice":
      return item.class === "safety" ? 9 : 6;
  }
}
