import { z } from "zod";
import { maintenanceWindow, maintenanceWindowsMax } from "#protocol/maintenance-window.ts";
import { id } from "#protocol/ids.ts";
import { epochMs, safeText } from "#protocol/text.ts";
import {
  firmwareOffer,
  firmwareVersion,
  imageBytesMax,
  releaseCounter,
  targetCustom,
  targetPath,
} from "#protocol/update.ts";

const sha256 = z.hex().length(64).lowercase();
const length = z.int().min(1).max(imageBytesMax);

/** What may be changed of a release until an appliance was offered it. None of it is signed: no appliance believes it. */
export const releaseNotes = z.strictObject({
  kind: z.enum(["security", "feature"]),
  /** No appliance below its counter is brought past it. */
  passThrough: z.boolean(),
  notes: safeText(4_000),
  supportEndsAtMs: epochMs.nullable(),
});

/** What a team says of an image before it comes: the same as it signs, and what goes beside it. */
export const releaseDescription = z.strictObject({
  path: targetPath,
  ...targetCustom.shape,
  length,
  sha256,
  kind: releaseNotes.shape.kind,
  passThrough: z.boolean().default(false),
  notes: safeText(4_000).default(""),
  supportEndsAtMs: epochMs.nullable().default(null),
});
export type ReleaseDescription = z.infer<typeof releaseDescription>;
export type ReleaseNotes = z.infer<typeof releaseNotes>;

export const releaseStates = ["draft", "signed", "published", "withdrawn"] as const;
export type ReleaseState = (typeof releaseStates)[number];

export interface Release extends ReleaseDescription {
  id: string;
  state: ReleaseState;
  /** Null until the image is there. */
  sha1: string | null;
  md5: string | null;
  /** How many components its SBOM names; null where it has none. */
  components: number | null;
  createdAtMs: number;
  createdBy: string;
  publishedAtMs: number | null;
  withdrawnAtMs: number | null;
  withdrawnReason: string | null;
  /** When an appliance was first offered it. From then on nothing of it changes. */
  offeredAtMs: number | null;
}

/** What the cloud decides about how an offer reaches a household. */
const offerTerms = z.object({
  rolloutId: id.nullable(),
  consent: firmwareOffer.shape.consent,
  notBeforeMs: epochMs.nullable(),
  postponeUntilMsMax: epochMs.nullable(),
  windows: z.array(maintenanceWindow).max(maintenanceWindowsMax),
});
export type OfferTerms = z.infer<typeof offerTerms>;

/** The body that a firmware delivery keeps. Links are made when it is sent. */
export const storedOffer = z.object({
  releaseId: id,
  path: targetPath,
  sha256,
  length,
  releaseCounter,
  version: firmwareVersion,
  security: z.boolean(),
  notes: safeText(4_000),
  ...offerTerms.shape,
});
export type StoredOffer = z.infer<typeof storedOffer>;

/** The body of a delivery of `release` on these terms. */
export const offerBody = (release: Release, terms: OfferTerms): StoredOffer => ({
  releaseId: release.id,
  path: release.path,
  sha256: release.sha256,
  length: release.length,
  releaseCounter: release.releaseCounter,
  version: release.version,
  security: release.kind === "security",
  notes: release.notes,
  ...terms,
});
