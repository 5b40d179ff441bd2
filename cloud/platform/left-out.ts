import { z } from "zod";

/**
 * Appliances that are missing from an answer about several households together: whoever has them did not agree that what they say improves
 * the product, or withdrew it. Null where none is missing.
 */
export const leftOut = z
  .object({ devices: z.number(), because: z.literal("no_consent_to_improve") })
  .nullable()
  .meta({ id: "LeftOut" });
export type LeftOut = z.infer<typeof leftOut>;

export const leftOutOf = (devices: number): LeftOut =>
  devices === 0 ? null : { devices, because: "no_consent_to_improve" };
