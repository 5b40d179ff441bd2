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

/** The machine layer of a recipe's step: what the appliance preloads. A person starts it. */
export const programSettings = z
  .object({
    program: z.enum(programNames),
    setpoint_c: z.number().min(20).max(500).optional(),
    duration_s: z.int().min(1).max(86_400).optional(),
    probe_c: z.number().min(20).max(120).optional(),
    fastPreHeat: z.boolean().optional(),
  })
  .meta({ id: "ProgramSettings" });
export type ProgramSettings = z.infer<typeof programSettings>;

export const recipeStep = z.object({ text: safeText(2_000), machine: programSettings.optional() });

const common = { id: deviceId, version: z.int().min(1), locale, title: safeText(200).min(1) };

/** One content item in one locale, as an appliance shows it. It never opens the display by itself. */
export const contentItem = z
  .discriminatedUnion("kind", [
    z.object({
      kind: z.literal("recipe"),
      ...common,
      summary: safeText(2_000).default(""),
      servings: z.int().min(1).max(100).optional(),
      ingredients: z.array(safeText(300)).max(100).default([]),
      steps: z.array(recipeStep).min(1).max(50),
    }),
    z.object({ kind: z.literal("tip"), ...common, text: safeText(4_000) }),
    z.object({ kind: z.literal("notice"), ...common, text: safeText(4_000), class: z.enum(["safety", "service"]) }),
    z.object({
      kind: z.literal("message"),
      ...common,
      text: safeText(4_000),
      /** The service case that it belongs to. */
      caseId: id.optional(),
      /** What one touch can answer: `feedback` (a rating from 1 to 5), `human` (a person instead of an automatic answer). */
      ask: z.enum(["feedback", "human"]).optional(),
    }),
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
