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

/** How long a signed timestamp lives. A verified one proves that it is no earlier than so long before its expiry. */
export const timestampLifeMs = 86_400_000;

/** Why an appliance does not bring an update to its end: the `reason` of its receipt. The codes are stable; a sentence may improve. */
export const updateFailures = {
  link_not_allowed: "A link of the offer leads where this appliance does not go.",
  no_factory_root: "The appliance was made without a root and director's keys, so it can believe no update.",
  update_under_way: "Another update is past the point where it could give way.",
  superseded: "A newer offer took its place before it had begun.",
  declined_by_owner: "The household does not want it.",

  metadata_unreachable: "The signed metadata could not be fetched.",
  metadata_too_slow: "The signed metadata came more slowly than any honest link.",
  metadata_too_long: "A piece of metadata was longer than it may be.",
  metadata_incomplete: "The newest metadata names a part that could not be had.",
  metadata_malformed: "A piece of metadata is not in TUF's form.",
  metadata_not_signed: "A piece of metadata is not signed by enough of the keys that its role has.",
  metadata_expired: "The newest metadata that could be had is past its expiry.",
  metadata_rolled_back: "A piece of metadata is older than one that was verified before.",
  mix_and_match: "Metadata, statement and image were not made for one another.",
  target_unknown: "No role that may sign for its path has signed such an image.",

  statement_unreachable: "The director's statement could not be fetched.",
  statement_too_slow: "The director's statement came more slowly than over any honest link.",
  statement_too_long: "What came as the director's statement was longer than one may be.",
  statement_refused:
    "The director gives no statement: the link has run out, the delivery is closed or the release withdrawn.",
  statement_malformed: "What came as the director's statement is none.",
  statement_not_signed: "The statement is not signed by a director whom the appliance knows.",
  statement_expired: "The statement is past its expiry.",
  statement_for_another: "The statement speaks to another appliance, or of another delivery.",
  statement_replayed: "The statement is no newer than one that was followed before.",

  wrong_model: "The image is for another model.",
  wrong_hardware: "The image does not list this hardware.",
  not_newer: "The image's release counter is not above the one of the last confirmed boot.",
  below_min_counter: "A release that must not be skipped comes first.",
  image_too_large: "The image does not fit into a slot.",

  download_unreachable: "The image's server could not be reached, or went away again and again.",
  download_too_slow: "The image came more slowly than the least rate, or not at all.",
  download_ended_early: "The image ended before its signed length, again and again.",
  download_range_wrong: "The server sent another part of the image than was asked for.",
  download_http_3xx: "The link to the image leads on; it is signed as it is, and not followed.",
  download_http_4xx: "The link to the image was refused; it may have run out.",
  download_http_5xx: "The image's server had trouble of its own.",
  image_too_long: "More bytes came than the image's signed length.",
  image_hash_wrong: "The image's bytes are not those that were signed.",
  image_lost: "The stored image is not the one that was verified.",
  offer_changed: "Between download and installation the director came to want another image.",
  image_signature_wrong: "The image's own signature is not one that the appliance's update client trusts.",
  install_failed: "The appliance's update client could not install it; its own words say why.",
  disk_full: "There is no room for the image.",
  health_check_failed: "The new firmware did not come up well; the appliance went back to what it had.",
} as const;
export type UpdateFailure = keyof typeof updateFailures;
