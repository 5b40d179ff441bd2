import { z } from "zod";
import { safeText } from "#protocol/text.ts";
import { predicateLimits } from "../../platform/predicate/predicate.ts";

/** Most segments of one installation: each event asks those that read what it changed. */
export const segmentsMax = 200;

export const segmentId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, "must be lower case letters, digits and hyphens, at most 64");

export const expressionText = z.string().min(1).max(predicateLimits.charactersMax);

export const segmentDefinition = z
  .strictObject({
    title: safeText(120).trim().min(1),
    /** Whom it means, for people. */
    description: safeText(500).trim().default(""),
    /** In CEL, over the facts of `GET /api/v1/segments/facts`. */
    expression: expressionText,
  })
  .meta({ id: "SegmentDefinition" });
export type SegmentDefinition = z.infer<typeof segmentDefinition>;
