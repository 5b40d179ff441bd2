import { z } from "zod";
import { locale, modelKey } from "./ids.ts";
import { programNames } from "./content.ts";
import { epochMs, metricName, safeText } from "./text.ts";

/** One metric that a model declares: its unit, what kind of value it is, and the range in which it makes sense. */
export const metricDeclaration = z.object({
  name: metricName,
  label: safeText(80).optional(),
  unit: safeText(20).default(""),
  kind: z.enum(["gauge", "counter", "flag"]).default("gauge"),
  min: z.number().optional(),
  max: z.number().optional(),
  /** How often an appliance that is running says it, in milliseconds. */
  everyMs: z.int().min(100).max(86_400_000).optional(),
  /** Says something about the people, and not only about the appliance: used for the purposes alone that they agreed to. */
  personal: z.boolean().default(false),
});
export type MetricDeclaration = z.infer<typeof metricDeclaration>;

/** A model whose appliances fetch their firmware through hawkBit's device API: with SWUpdate, rauc-hawkbit-updater, Zephyr and others. */
export const hawkbitClient = z
  .strictObject({
    /**
     * What the client means when it reports success. `booted`: the new firmware runs, as SWUpdate and Zephyr report after the reboot.
     * `written`: it is on disk, as rauc-hawkbit-updater reports before; the update is done when the new version is reported.
     */
    success: z.enum(["booted", "written"]),
    /** The attributes that say which firmware runs and on which hardware, where they are not among the usual names. */
    versionAttribute: safeText(64).min(1).optional(),
    hardwareAttribute: safeText(64).min(1).optional(),
  })
  .meta({ id: "HawkbitClient" });
export type HawkbitClient = z.infer<typeof hawkbitClient>;

const colour = z.string().regex(/^#[0-9a-f]{6}$/i, "must be a colour such as #c2410c");

/** How a model's maker shows itself to households: on the display and in e-mail. What is left out is made from `brand`. */
export const modelBranding = z
  .strictObject({
    name: safeText(80).min(1),
    sender: z.strictObject({ name: safeText(80).min(1), email: z.email().max(254).optional() }),
    colours: z.strictObject({ accent: colour, ink: colour, paper: colour }),
  })
  .partial()
  .meta({ id: "ModelBranding" });

/** What one program may be asked for, where that is less than the appliance's own bounds. */
const programLimit = z.strictObject({
  program: z.enum(programNames),
  setpoint_c_min: z.number().min(0).max(500).optional(),
  setpoint_c_max: z.number().min(0).max(500).optional(),
  duration_s_max: z.int().min(1).max(86_400).optional(),
});

/** A product type, as a versioned JSON file. */
export const model = z
  .object({
    key: modelKey,
    version: z.int().min(1),
    brand: safeText(80).min(1),
    name: safeText(120).min(1),
    kind: z.enum(["oven", "dishwasher", "other"]),
    hardwareIds: z.array(safeText(64).min(1)).min(1).max(50),
    locales: z.array(locale).min(1).max(100),
    metrics: z
      .array(metricDeclaration)
      .max(256)
      .refine(
        (list) => new Set(list.map((metric) => metric.name)).size === list.length,
        "must not name a metric twice",
      ),
    capabilities: z.object({
      programs: z.array(z.enum(programNames)).max(50).default([]),
      setpoint_c_max: z.number().min(0).max(500).optional(),
      steam: z.boolean().default(false),
      probe: z.boolean().default(false),
      /** Safety limits. */
      probe_c_max: z.number().min(20).max(120).optional(),
      duration_s_max: z.int().min(1).max(86_400).optional(),
      programLimits: z.array(programLimit).max(50).optional(),
    }),
    branding: modelBranding.optional(),
    endOfSupportMs: epochMs.optional(),
    /** Only where its appliances speak hawkBit's device API. */
    hawkbit: hawkbitClient.optional(),
  })
  .meta({ id: "Model" });
export type Model = z.infer<typeof model>;

/** The brand that a household sees, complete. */
export interface Branding {
  name: string;
  sender: { name: string; email: string | null };
  colours: { accent: string; ink: string; paper: string };
}

/** Completes what a model says of its brand. */
export function brandingOf({ brand, branding = {} }: Pick<Model, "brand" | "branding">): Branding {
  return {
    name: branding.name ?? brand,
    sender: { name: branding.sender?.name ?? branding.name ?? brand, email: branding.sender?.email ?? null },
    colours: branding.colours ?? { accent: "#9a3412", ink: "#1c1917", paper: "#ffffff" },
  };
}
