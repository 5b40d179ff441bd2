import { z } from "zod";
import { maintenanceWindow } from "#protocol/maintenance-window.ts";

/** What a stored firmware delivery says, as far as it matters here. */
export const offerTerms = z.object({
  releaseId: z.uuid(),
  version: z.string(),
  consent: z.enum(["automatic", "ask", "given"]),
  notBeforeMs: z.number().nullable(),
  windows: z.array(maintenanceWindow),
});
export type OfferTerms = z.infer<typeof offerTerms>;
