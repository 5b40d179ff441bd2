/** What the slice's routes answer, as schemas. */
import { z } from "zod";
import { contentClasses } from "#protocol/content.ts";
import { model } from "#protocol/model.ts";
import { Problem } from "../platform/problem.ts";
import { fallbackSteps } from "../platform/best-locale.ts";
import { versionEvents, versionStates } from "./core/version-life.ts";
import { contentKinds } from "./content-shapes.ts";
import type { Refused } from "./content-views.ts";
import { contentProblems } from "./errors.ts";

export const tags = ["content"];
export const byId = z.object({ id: z.uuid() });

export const refuse = ({ rule, detail, fields }: Refused<keyof typeof contentProblems>) =>
  new Problem(rule, contentProblems[rule], detail, fields);

type AnyRefusal = Refused<keyof typeof contentProblems>;

const isAccepted = <Outcome extends { kind: string }>(
  outcome: Outcome,
): outcome is Exclude<Outcome, { kind: "refused" }> => outcome.kind !== "refused";

/** The answer of an outcome that was no refusal. @throws Problem where it was one */
export function accepted<Outcome extends { kind: string }>(
  outcome: Outcome | AnyRefusal,
): Exclude<Outcome | AnyRefusal, { kind: "refused" }> {
  if (isAccepted(outcome)) return outcome;
  if ("rule" in outcome) throw refuse(outcome);
  throw new TypeError("a refusal names its rule");
}

const image = z.object({
  sha256: z.string(),
  sizeBytes: z.number(),
  mimeType: z.enum(["image/jpeg", "image/png", "image/webp"]),
});
export const imageView = image.extend({ href: z.string().describe("Signed; for whoever has it.") });

const ofEveryVersion = {
  class: z.enum(contentClasses),
  isShareable: z.boolean().describe("Whether a household may pass it on."),
  topics: z.array(z.string()),
  models: z.array(z.string()).nullable().describe("The models that it is for; null for all."),
};

const summaryShape = {
  id: z.uuid(),
  kind: z.enum(contentKinds),
  ...ofEveryVersion,
  version: z.number(),
  state: z.enum(versionStates).describe("Of the newest version."),
  title: z.string(),
  locales: z.array(z.string()),
  publishedTo: z.array(z.string()).describe("Models on whose feed the item is."),
  liveVersion: z.number().nullable().describe("The version that is out now."),
  createdAtMs: z.number(),
  createdBy: z.string(),
};

export const summaryView = z.object(summaryShape).meta({ id: "ContentSummary" });

export const scheduleView = z.object({
  models: z.array(z.string()).describe("On whose feeds."),
  from: z
    .string()
    .nullable()
    .describe("Local time; what is sent to a household reads it on the household's own clock."),
  until: z.string().nullable(),
  zone: z.string().describe("In which the feeds read it."),
  fromMs: z.number(),
  untilMs: z.number().nullable(),
});

const versionView = z.object({
  version: z.number(),
  state: z.enum(versionStates),
  ...ofEveryVersion,
  offerKey: z.string().nullable(),
  image: image.nullable(),
  locales: z.record(z.string(), z.record(z.string(), z.unknown())),
  schedule: scheduleView.nullable(),
  createdAtMs: z.number(),
  createdBy: z.string(),
});

const stepView = z.object({
  version: z.number(),
  atMs: z.number(),
  event: z.enum(versionEvents),
  state: z.enum(versionStates),
  by: z.string(),
  note: z.string().nullable(),
});

const marketView = z.object({
  locale: z.string(),
  models: z.array(z.string()),
  reads: z.string().describe("The locale whose text its readers get."),
  because: z.enum(fallbackSteps),
  onFeed: z.boolean().describe("False where they would not understand it: it is left off their feed."),
});

export const detailView = z
  .object({
    ...summaryShape,
    image: imageView.nullable(),
    offerKey: z.string().nullable(),
    versions: z.array(versionView).describe("From the newest down, at most 50."),
    steps: z.array(stepView).describe("What became of each version, from the newest down, at most 100."),
    markets: z.array(marketView),
    keptOff: z
      .array(z.object({ model: z.string(), why: z.array(z.string()) }))
      .describe("Models for whose feed it is scheduled, and whose limits keep it off."),
  })
  .meta({ id: "ContentDetail" });

const fieldError = z.object({ pointer: z.string(), message: z.string() });
const colours = z.object({ accent: z.string(), ink: z.string(), paper: z.string() });

export const checkView = z
  .object({
    errors: z.array(fieldError).describe("What the contract refuses."),
    misfits: z.array(fieldError.extend({ model: z.string() })).describe("What a model cannot do, or must not."),
    markets: z.array(marketView),
    models: z.array(
      z.object({
        key: z.string(),
        name: z.string(),
        kind: model.shape.kind,
        locales: z.array(z.string()),
        capabilities: model.shape.capabilities,
        branding: z.object({
          name: z.string(),
          sender: z.object({ name: z.string(), email: z.string().nullable() }),
          colours,
        }),
      }),
    ),
  })
  .meta({ id: "ContentCheck" });

export const diffView = z.object({
  fields: z.array(
    z.object({
      pointer: z.string(),
      parts: z.array(z.object({ kind: z.enum(["same", "added", "removed"]), text: z.string() })),
    }),
  ),
});

export const calendarView = z.object({
  items: z.array(
    scheduleView.extend({
      id: z.uuid(),
      version: z.number(),
      kind: z.enum(contentKinds),
      class: z.enum(contentClasses),
      title: z.string(),
      state: z.enum(versionStates),
    }),
  ),
});
