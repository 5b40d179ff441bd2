import { z } from "zod";
import {
  firmwareVersion,
  imageBytesMax,
  releaseCounter,
  type TargetCustom,
  targetPath,
  type UpdateFailure,
  type UpdateStatement,
} from "#protocol/update.ts";

/** A target as the family's role signed it. */
export interface SignedTarget {
  path: string;
  length: number;
  sha256: string;
  custom: TargetCustom;
}

/** What an appliance knows of itself. */
export interface OwnFacts {
  model: string;
  hardwareId: string;
  /** Of the release that was last confirmed by a healthy boot. */
  confirmedCounter: number;
  slotBytesMax: number;
}

/** What will be installed: nothing of it comes from the offer. */
export const checkedImage = z.object({
  path: targetPath,
  sha256: z.hex().length(64).lowercase(),
  length: z.int().min(1).max(imageBytesMax),
  releaseCounter,
  version: firmwareVersion,
});
export type CheckedImage = z.infer<typeof checkedImage>;

export type ImageDecision = { kind: "accepted"; image: CheckedImage } | { kind: "refused"; rule: UpdateFailure };

const refused = (rule: UpdateFailure): ImageDecision => ({ kind: "refused", rule });

/** What the paths of a model's images begin with. */
export const targetPrefix = (model: string): string => `fw/${model}/`;

/**
 * Whether an image may run here: image repository and director speak of the same one, it is made for this hardware, and it is a step
 * forward that leaves out nothing.
 *
 * @param target null where no role that may sign for the path has signed it
 */
export function decideImage(target: SignedTarget | null, statement: UpdateStatement, own: OwnFacts): ImageDecision {
  if (target === null) return refused("target_unknown");
  const { path, length, sha256, custom } = target;
  const isTheSame =
    path === statement.path &&
    sha256 === statement.sha256 &&
    length === statement.length &&
    custom.releaseCounter === statement.releaseCounter;
  if (!isTheSame) return refused("mix_and_match");
  if (custom.model !== own.model || !path.startsWith(targetPrefix(own.model))) return refused("wrong_model");
  if (!custom.hardwareIds.includes(own.hardwareId)) return refused("wrong_hardware");
  if (custom.releaseCounter <= own.confirmedCounter) return refused("not_newer");
  if (own.confirmedCounter < custom.minCounter) return refused("below_min_counter");
  if (length > own.slotBytesMax) return refused("image_too_large");
  const { releaseCounter: counter, version } = custom;
  return { kind: "accepted", image: { path, sha256, length, releaseCounter: counter, version } };
}
