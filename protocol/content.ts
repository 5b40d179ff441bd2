import { z } from "zod";
import { deviceId, id, locale } from "./ids.ts";
import { feeds } from "./topics.ts";
import { safeText } from "./text.ts";

/** Programs in the vocabulary of Home Connect. What a model can do of it stands in the model. */
export const programNames = [
  "HotAir",
  "TopBottomHeating",
  "PizzaSetting",
  "SlowCook",
  "Grill",
  "Steam",
  "Eco50",
  "Intensiv70",
  "Quick45",
] as const;

/** Why something is said. The last two reach a household only through a decision, and never over a feed. */
export const contentClasses = [
  "safety",
  "security",
  "recall",
  "service",
  "requested",
  "loyalty_status",
  "promotional",
] as const;
export type ContentClass = (typeof contentClasses)[number];

/** What a notice may be about; all but `service` is acknowledged at the appliance. */
export const noticeClasses = ["safety", "security", "recall", "service"] as const satisfies readonly ContentClass[];

export const steamLevels = ["low", "medium", "high"] as const;

/** The machine layer of a recipe's step: what the appliance preloads. A person starts it. */
export const programSettings = z
  .object({
    program: z.enum(programNames),
    setpoint_c: z.number().min(20).max(500).optional(),
    duration_s: z.int().min(1).max(86_400).optional(),
    probe_c: z.number().min(20).max(120).optional(),
    fastPreHeat: z.boolean().optional(),
    steamLevel: z.enum(steamLevels).optional(),
  })
  .meta({ id: "ProgramSettings" });
export type ProgramSettings = z.infer<typeof programSettings>;

export const recipeStep = z.object({
  text: safeText(2_000),
  machine: programSettings.optional(),
  /** The part of the recipe that begins with this step. */
  section: safeText(200).optional(),
});

/** A picture by reference: it travels over HTTPS, and its bytes have the hash and the size that stand here. */
export const contentImage = z.object({
  href: z.url().max(2_048),
  sha256: z.hex().length(64),
  sizeBytes: z.int().min(1).max(4_194_304),
  mimeType: z.enum(["image/jpeg", "image/png", "image/webp"]),
  /** What it shows, for those who do not see it. */
  alt: safeText(300),
});

/** An amount in the currency's smallest unit. */
export const money = z.object({
  amountMinor: z.int().min(0).max(1_000_000_000),
  currency: z.string().regex(/^[A-Z]{3}$/, "must be a currency of ISO 4217"),
});

/** What is offered to one household; the rest of an offer is text. */
export const offerTerms = z.object({
  /** Of what was granted to the household, once. */
  offerId: id,
  /** The same on every channel. */
  listPrice: money,
  /** The household's own. */
  price: money,
  /** Why its price is what it is. */
  reason: safeText(500),
  pointsCost: z.int().min(0).max(1_000_000_000).optional(),
  /** How long a touch can be taken back. */
  undoMs: z.int().min(0).max(600_000).default(10_000),
});

const common = {
  id: deviceId,
  version: z.int().min(1),
  locale,
  title: safeText(200).min(1),
  image: contentImage.optional(),
};

/**
 * Why this household got it, for whoever asks for that at the appliance: in the item's language, and only on what a decision sent. Whoever
 * stands in the kitchen may read it.
 */
const forWhoever = { why: safeText(300).min(1).optional() };

/** One content item in one locale, as an appliance shows it. It never opens the display by itself. */
export const contentItem = z
  .discriminatedUnion("kind", [
    z.object({
      kind: z.literal("recipe"),
      ...common,
      ...forWhoever,
      summary: safeText(2_000).default(""),
      servings: z.int().min(1).max(100).optional(),
      /** What it makes, where that is no number of servings: "12 muffins". */
      yields: safeText(100).optional(),
      prep_s: z.int().min(0).max(604_800).optional(),
      cook_s: z.int().min(0).max(604_800).optional(),
      ingredients: z.array(safeText(300)).max(100).default([]),
      steps: z.array(recipeStep).min(1).max(50),
    }),
    z.object({ kind: z.literal("tip"), ...common, text: safeText(4_000) }),
    z.object({ kind: z.literal("notice"), ...common, text: safeText(4_000), class: z.enum(noticeClasses) }),
    z.object({
      kind: z.literal("message"),
      ...common,
      ...forWhoever,
      text: safeText(4_000),
      /** The service case that it belongs to. */
      caseId: id.optional(),
      /** What one touch can answer: `feedback` (a rating from 1 to 5), `human` (a person instead of an automatic answer). */
      ask: z.enum(["feedback", "human"]).optional(),
    }),
    z.object({ kind: z.literal("offer"), ...common, ...forWhoever, text: safeText(4_000), ...offerTerms.shape }),
  ])
  .meta({ id: "ContentItem" });
export type ContentItem = z.infer<typeof contentItem>;

/** The index of a feed, retained. Items go out before the index that lists them; a device drops what the index no longer lists. */
export const feedIndex = z
  .object({
    feed: z.enum(feeds),
    version: z.int().min(1),
    items: z.array(z.object({ id: deviceId, version: z.int().min(1), sha256: z.hex().length(64) })).max(500),
  })
  .meta({ id: "FeedIndex" });
export type FeedIndex = z.infer<typeof feedIndex>;
