import { z } from "zod";
import { metadataBytesMax } from "#protocol/update.ts";

/** Most roles of which metadata is kept. */
const rolesMax = 16;

/**
 * The metadata that an appliance verified last, by role, each byte for byte as it was signed. One record, so that a power cut leaves the
 * old set or the new one and never parts of both.
 */
export const trustedSet = z
  .record(z.string().max(100), z.string().max(metadataBytesMax))
  .refine(
    (set) => Object.keys(set).length <= rolesMax && set["root"] !== undefined,
    "must hold a root, and not more roles than an appliance follows",
  );
export type TrustedSet = z.infer<typeof trustedSet>;
