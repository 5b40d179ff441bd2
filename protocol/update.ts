import { z } from "zod";
import { deviceId, id, modelKey } from "./ids.ts";
import { maintenanceWindow, maintenanceWindowsMax } from "./maintenance-window.ts";
import { epochMs, safeText } from "./text.ts";

/** Most bytes of one firmware image. */
export const imageBytesMax = 1_073_741_824;

/** Most bytes of one piece of signed metadata, and of a director's statement. */
export const metadataBytesMax = 4_194_304;
export const statementBytesMax = 8_192;

export const firmwareVersion = z
  .string()
  .regex(/^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$/, "must be 1-64 characters of 0-9 A-Z a-z . + -");

/** Counts every release of a model. An appliance never goes back. */
export const releaseCounter = z.int().min(1).max(2_147_483_647);

/**
 * The name of an image in the signed repository: `fw/{model}/{file}`. Each model is a family of its own, signed by the delegated role
 * `fw-{model}`, which may sign `fw/{model}/*` and nothing else.
 */
export const targetPath = z.string().regex(/^fw\/[a-z0-9][a-z0-9-]{0,63}\/[0-9A-Za-z][0-9A-Za-z._+-]{0,127}$/);
export const familyRole = (model: string): string => `fw-${model}`;
export const familyPaths = (model: string): string => `fw/${model}/*`;

/** What a signed target says of its image beside length and hash (TUF's `custom`). */
export const targetCustom = z
  .object({
    model: modelKey,
    hardwareIds: z.array(safeText(64).min(1)).min(1).max(50),
    version: firmwareVersion,
    releaseCounter,
    /** The image installs only over a release with at least this counter; 0: over any. */
    minCounter: z.int().min(0).max(2_147_483_647),
  })
  .meta({ id: "TargetCustom" });
export type TargetCustom = z.infer<typeof targetCustom>;

/**
 * The director's word to one appliance: which of the signed images it is to have. The claims of a compact JWS (EdDSA) with the header
 * `typ: hearth-update+jwt`. `iat` and `exp` are seconds, as in RFC 7519; `seq` only grows for one appliance.
 */
export const updateStatement = z
  .object({
    deviceId,
    deliveryId: id,
    path: targetPath,
    sha256: z.hex().length(64).lowercase(),
    length: z.int().min(1).max(imageBytesMax),
    releaseCounter,
    rolloutId: id.nullable(),
    seq: z.int().min(1),
    iat: z.int().min(0),
    exp: z.int().min(0),
  })
  .meta({ id: "UpdateStatement" });
export type UpdateStatement = z.infer<typeof updateStatement>;
export const statementType = "hearth-update+jwt";

/**
 * The body of a firmware delivery: the hint to go and check. Nothing in it is believed. What is installed follows from the signed
 * metadata, the director's statement, and what the appliance knows of itself; both travel over HTTP.
 */
export const firmwareOffer = z
  .object({
    /** For the display. */
    version: firmwareVersion,
    security: z.boolean(),
    notes: safeText(4_000).default(""),
    /** `ask`: a person agrees first, at the appliance or elsewhere. `given`: somebody did, elsewhere. */
    consent: z.enum(["automatic", "ask", "given"]),
    /** Nothing begins before: the household is told first, or has postponed it. */
    notBeforeMs: epochMs.nullable(),
    /** The latest time to which the household may postpone it; null where it may not. */
    postponeUntilMsMax: epochMs.nullable(),
    /** In the appliance's own time zone; none: whenever it is at rest. */
    windows: z.array(maintenanceWindow).max(maintenanceWindowsMax),
    /** Base of the signed metadata, with a slash at its end: `{metadataHref}timestamp.json`, `{metadataHref}2.root.json`. */
    metadataHref: z.url().max(2_048),
    /** Answers the director's statement as text, fresh each time. */
    statementHref: z.url().max(2_048),
    /** The image; takes Range and If-Range. */
    imageHref: z.url().max(2_048),
  })
  .meta({ id: "FirmwareOffer" });
export type FirmwareOffer = z.infer<typeof firmwareOffer>;
