import { z } from "zod";
import { type ContentClass, type ContentItem, contentItem, noticeClasses } from "#protocol/content.ts";
import { locale, modelKey } from "#protocol/ids.ts";
import { safeText } from "#protocol/text.ts";
import type { Feed } from "#protocol/topics.ts";
import { inUnits, type UnitSystem, unitsOfLocale } from "#protocol/units.ts";
import type { DeliveryKind } from "#protocol/delivery.ts";

const [recipe, tip, notice, message, offer] = contentItem.options;

/** What Hearth itself writes into an item. */
const given = { kind: true, id: true, version: true, locale: true, image: true } as const;

/** What it writes into one that a decision sends. */
const givenWhenSent = { ...given, why: true } as const;

/** Only the service's own messages are about a case. */
const ofCases = { ...givenWhenSent, caseId: true, ask: true } as const;

/** Of a grant to one household, when it is sent. */
const ofGrants = {
  ...givenWhenSent,
  offerId: true,
  listPrice: true,
  price: true,
  reason: true,
  pointsCost: true,
} as const;

const localesMax = 50;

/** What a picture shows, for those who do not see it; the title where left out. */
const withAlt = { imageAlt: safeText(300).optional() };

const inLocales = <Text extends z.ZodType>(text: Text) =>
  z
    .record(locale, text)
    .refine((locales) => Object.keys(locales).length > 0, "must hold at least one locale")
    .refine((locales) => Object.keys(locales).length <= localesMax, `must hold at most ${localesMax} locales`);

/** What an item is about, and what a household wants to hear of. */
export const contentTopic = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,39}$/, "must be lower case letters, digits and -, at most 40");

/** What is true of an item in every language. */
const settings = {
  /** Whether a household may pass it on. */
  isShareable: z.boolean().default(false),
  /** What it is about, for finding it and for choosing it: `baking`, `care`. */
  topics: z.array(contentTopic).max(20).default([]),
  /** The models that it is for; all where left out. */
  models: z.array(modelKey).min(1).max(100).nullable().default(null),
  /** The SHA-256 of a picture in the library. */
  image: z.hex().length(64).lowercase().nullable().default(null),
};

/** Classes that each kind may have, the usual one first. What is sold is promotional, and only a notice or a message warns. */
export const classesOfKind = {
  recipe: ["service", "requested", "loyalty_status", "promotional"],
  tip: ["service", "requested", "loyalty_status", "promotional"],
  notice: noticeClasses,
  message: ["service", "safety", "security", "recall", "requested", "loyalty_status", "promotional"],
  offer: ["promotional", "loyalty_status"],
} as const satisfies Record<ContentItem["kind"], readonly ContentClass[]>;

const machineStrict = recipe.shape.steps.element.shape.machine.unwrap().strict();
const recipeText = recipe
  .omit(givenWhenSent)
  .extend({
    ...withAlt,
    steps: z
      .array(recipe.shape.steps.element.extend({ machine: machineStrict.optional() }).strict())
      .min(1)
      .max(50),
  })
  .strict();

/** A content item as its author writes it: one text for each locale. */
export const contentDraft = z
  .discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("recipe"),
      ...settings,
      class: z.enum(classesOfKind.recipe).default("service"),
      locales: inLocales(recipeText),
    }),
    z.strictObject({
      kind: z.literal("tip"),
      ...settings,
      class: z.enum(classesOfKind.tip).default("service"),
      locales: inLocales(tip.omit(given).extend(withAlt).strict()),
    }),
    z.strictObject({
      kind: z.literal("notice"),
      ...settings,
      class: z.enum(classesOfKind.notice).default("service"),
      locales: inLocales(
        notice
          .omit({ ...given, class: true })
          .extend(withAlt)
          .strict(),
      ),
    }),
    z.strictObject({
      kind: z.literal("message"),
      ...settings,
      class: z.enum(classesOfKind.message).default("service"),
      locales: inLocales(message.omit(ofCases).extend(withAlt).strict()),
    }),
    z.strictObject({
      kind: z.literal("offer"),
      ...settings,
      class: z.enum(classesOfKind.offer).default("promotional"),
      /** What is granted to whoever gets it. */
      offerKey: z
        .string()
        .regex(/^[a-z][a-z0-9_]{0,63}$/, "must be the key of an offer: snake_case, at most 64 characters")
        .nullable()
        .default(null),
      locales: inLocales(offer.omit(ofGrants).extend(withAlt).strict()),
    }),
  ])
  .meta({ id: "ContentDraft" });
export type ContentDraft = z.infer<typeof contentDraft>;

export type ContentKind = ContentItem["kind"];
export const contentKinds = ["recipe", "tip", "notice", "message", "offer"] as const satisfies readonly ContentKind[];

/** Texts by locale, as the database gives them back. */
export type Locales = Record<string, Record<string, unknown>>;

/** A picture as the library keeps it. */
export interface StoredImage {
  sha256: string;
  sizeBytes: number;
  mimeType: "image/jpeg" | "image/png" | "image/webp";
}

/** One version as it is stored: enough to make the item that appliances read. */
export interface VersionText {
  id: string;
  kind: ContentKind;
  version: number;
  class: ContentClass;
  locales: Locales;
  image: StoredImage | null;
}

export interface Rendering {
  /** Where the version's picture is fetched; without it the item has none. */
  imageHref?: string | null | undefined;
  /** The locale's own where left out. */
  units?: UnitSystem | undefined;
  /** What only the moment of sending knows: the terms of an offer, why it is sent. */
  extra?: Record<string, unknown> | undefined;
}

/** An item as appliances read it, in one of its locales. */
export function itemInLocale(item: VersionText, wanted: string, rendering: Rendering = {}): ContentItem {
  const { imageHref = null, extra = {}, units = unitsOfLocale(wanted) } = rendering;
  const { imageAlt, ...text } = item.locales[wanted] ?? {};
  const alt = imageAlt ?? text["title"];
  return contentItem.parse({
    ...measuredFields(text, units),
    ...(item.kind === "notice" ? { class: item.class } : {}),
    ...(item.image === null || imageHref === null ? {} : { image: { ...item.image, href: imageHref, alt } }),
    ...extra,
    kind: item.kind,
    id: item.id,
    version: item.version,
    locale: wanted,
  });
}

/** Every text of an item with its amounts in the reader's units. */
function measured(value: unknown, units: UnitSystem): unknown {
  if (typeof value === "string") return inUnits(value, units);
  if (Array.isArray(value)) return value.map((one) => measured(one, units));
  return typeof value === "object" && value !== null ? measuredFields(value, units) : value;
}

const measuredFields = (value: object, units: UnitSystem): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).map(([key, one]) => [key, measured(one, units)]));

/** Terms that nobody was granted: an offer is measured and shown to its author with them. */
export const sampleTerms = {
  offerId: "01890000-0000-7000-8000-000000000000",
  listPrice: { amountMinor: 2_490, currency: "EUR" },
  price: { amountMinor: 1_990, currency: "EUR" },
  reason: "—",
} as const;

/** What an item needs beside its text where no household is meant. */
export const sampleExtra = (kind: ContentKind): Record<string, unknown> => (kind === "offer" ? sampleTerms : {});

/** The feed that a kind goes to; null where it reaches a household only by being sent. */
export const feedOfKind: Record<ContentKind, Feed | null> = {
  recipe: "recipes",
  tip: "tips",
  notice: "notices",
  message: null,
  offer: null,
};

/** The delivery that carries a kind; null where it is for feeds only. */
export const deliveryOfKind: Record<ContentKind, DeliveryKind | null> = {
  recipe: "recipe",
  tip: null,
  notice: "message",
  message: "message",
  offer: "offer",
};

/** What reaches a household only after it was asked whether it wants it, when and how often: never a feed, and never by hand. */
export const isForDecisions = (itemClass: ContentClass): boolean =>
  itemClass === "promotional" || itemClass === "loyalty_status";

/** 0 (whenever there is room) to 9 (safety). */
export const priorityOf: Record<ContentClass, number> = {
  safety: 9,
  security: 8,
  recall: 8,
  service: 6,
  requested: 5,
  loyalty_status: 4,
  promotional: 3,
};
