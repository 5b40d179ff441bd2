import { z } from "zod";
import { factGroups } from "./core/facts.ts";
import { segmentDefinition, segmentId } from "./core/segment.ts";

const user = z.object({ kind: z.string(), id: z.string(), name: z.string() });
const ofDay = z.object({ day: z.string(), members: z.number() });

export const segmentView = z
  .object({
    id: segmentId,
    version: z.number(),
    ...segmentDefinition.shape,
    description: z.string(),
    changedAtMs: z.number(),
    changedBy: z.string(),
    members: z.number(),
    /** Households are still being looked at since the expression was last changed. */
    isFilling: z.boolean(),
    /** What it cannot be deleted under. */
    usedBy: z.array(user),
    /** Its size at the end of each of the last days, of UTC, the oldest first. */
    trend: z.array(ofDay),
  })
  .meta({ id: "Segment" });

export const versionView = z
  .object({ version: z.number(), definition: segmentDefinition, changedAtMs: z.number(), changedBy: z.string() })
  .meta({ id: "SegmentVersion" });

export const factView = z
  .object({
    name: z.string(),
    type: z.enum(["text", "version", "number", "flag", "texts"]),
    help: z.string(),
    /** What it is made of. */
    reads: z.string(),
    /** The purpose for which the household must have agreed, or the fact is missing; `run` needs no consent. */
    purpose: z.enum(["run", "personalise", "market"]),
    group: z.enum(factGroups),
    /** It becomes another as days go by. */
    moves: z.boolean(),
  })
  .meta({ id: "HouseholdFact" });

const missing = z.enum(["not_known", "no_consent"]).nullable();
export const factSeen = z
  .object({
    name: z.string(),
    value: z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]).nullable(),
    /** Why it has no value. */
    missing,
  })
  .meta({ id: "FactSeen" });

export const explainedView = z
  .object({
    householdId: z.string(),
    name: z.string().nullable(),
    matches: z.boolean(),
    facts: z.array(factSeen),
    /** The conditions that stand side by side, each on its own; one that reads a missing fact is not met. */
    conditions: z.array(z.object({ text: z.string(), matches: z.boolean(), missing: z.array(z.string()) })),
  })
  .meta({ id: "SegmentTest" });

export const previewView = z
  .discriminatedUnion("kind", [
    z.object({
      kind: z.literal("ok"),
      reads: z.array(z.string()),
      /** How many households there are. */
      of: z.number(),
      /** Null where it took too long to count. */
      estimate: z
        .object({
          members: z.number(),
          isExact: z.boolean(),
          /** How far it may be off, in 95 of 100 cases. */
          margin: z.number(),
        })
        .nullable(),
      sample: z.array(explainedView),
    }),
    z.object({
      kind: z.literal("refused"),
      rule: z.string(),
      detail: z.string(),
      /** Characters from the beginning of the expression, 0 the first; `to` is the first behind it. */
      place: z.object({ from: z.number(), to: z.number() }).nullable(),
    }),
  ])
  .meta({ id: "SegmentPreview" });

export const memberView = z
  .object({ householdId: z.string(), name: z.string().nullable(), sinceMs: z.number() })
  .meta({ id: "SegmentMember" });

export const householdSegments = z
  .object({
    facts: z.array(factSeen),
    segments: z.array(z.object({ id: z.string(), title: z.string(), sinceMs: z.number() })),
  })
  .meta({ id: "HouseholdSegments" });
