/** Releases in words. */
import type { Release } from "../api/rollout-shapes.ts";
import type { Tone } from "./rollouts.ts";
import { durationText } from "./time.ts";

export const releaseStateWords: Record<Release["state"], { words: string; tone: Tone }> = {
  draft: { words: "Draft", tone: "plain" },
  signed: { words: "Signed, not published", tone: "plain" },
  published: { words: "Published", tone: "well" },
  withdrawn: { words: "Withdrawn", tone: "wrong" },
};

export interface Adoption {
  devices: number;
  /** Of the model, whatever they run. */
  total: number;
  /** 0 to 1. */
  share: number;
}

/** How many of its model's appliances run a release. */
export function adoptionOf(
  { model, running }: Pick<Release, "model" | "running">,
  models: readonly { model: string; total: number }[],
): Adoption {
  const total = models.find((one) => one.model === model)?.total ?? 0;
  return { devices: running, total, share: total === 0 ? 0 : running / total };
}

const yearMs = 365 * 86_400_000;

/** What is to be said of the end of support, or null where it is far off or nobody said. */
export function supportText(endsAtMs: number | null, nowMs: number): { words: string; isOver: boolean } | null {
  if (endsAtMs === null) return null;
  if (endsAtMs <= nowMs) return { words: `Support ended ${durationText(nowMs - endsAtMs)} ago.`, isOver: true };
  return endsAtMs - nowMs < yearMs
    ? { words: `Support ends in ${durationText(endsAtMs - nowMs)}.`, isOver: false }
    : null;
}
