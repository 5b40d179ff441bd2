import { z } from "zod";
import { modelKey } from "./ids.ts";
import { safeText } from "./text.ts";

/** Most bytes of one firmware image. */
export const imageBytesMax = 1_073_741_824;

/** What a release says of its image. Signed offline; checked by the cloud on upload and by the appliance before it installs. */
export const firmwareManifest = z
  .object({
    model: modelKey,
    hardwareIds: z.array(safeText(64).min(1)).min(1).max(50),
    version: z.string().regex(/^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$/, "must be 1-64 characters of 0-9 A-Z a-z . + -"),
    releaseCounter: z.int().min(1).max(2_147_483_647),
    length: z.int().min(1).max(imageBytesMax),
    sha256: z.hex().length(64).lowercase(),
  })
  .meta({ id: "FirmwareManifest" });
export type FirmwareManifest = z.infer<typeof firmwareManifest>;

/**
 * The manifest as it was signed. `payload` is the exact bytes (base64url of UTF-8 JSON) that the Ed25519 `signature` (base64url)
 * covers, so that no two parsers can disagree on what was signed.
 */
export const signedManifest = z
  .object({
    keyId: z.hex().length(16),
    payload: z.base64url().max(16_384),
    signature: z.base64url().length(86),
  })
  .meta({ id: "SignedManifest" });
export type SignedManifest = z.infer<typeof signedManifest>;
