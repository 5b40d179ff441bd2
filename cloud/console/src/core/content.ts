/** Content in words. */
import type { Tone } from "./rollouts.ts";
import type { ContentClass, ContentKind, VersionState } from "../api/content-shapes.ts";

export const contentKindWords: Record<ContentKind, string> = {
  recipe: "Recipe",
  tip: "Tip",
  notice: "Notice",
  message: "Message",
  offer: "Offer",
};

export const contentClassWords: Record<ContentClass, string> = {
  safety: "Safety",
  security: "Security",
  recall: "Recall",
  service: "Service",
  requested: "Asked for",
  loyalty_status: "Points and tiers",
  promotional: "Promotional",
};

export const versionStateWords: Record<VersionState, { words: string; tone: Tone }> = {
  draft: { words: "Draft", tone: "plain" },
  in_review: { words: "In review", tone: "mind" },
  approved: { words: "Approved", tone: "well" },
  scheduled: { words: "Scheduled", tone: "mind" },
  live: { words: "Live", tone: "well" },
  withdrawn: { words: "Withdrawn", tone: "plain" },
  expired: { words: "Over", tone: "plain" },
};
