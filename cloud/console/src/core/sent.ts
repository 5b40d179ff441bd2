/** What was sent to a receiver outside, a webhook or a channel of staff, in words. */
import type { SentStatus } from "../api/sent-shapes.ts";
import type { Tone } from "./rollouts.ts";

export const sentStatuses: readonly SentStatus[] = ["queued", "delivered", "failed", "dropped"];

export const sentStatusWords: Record<SentStatus, { words: string; tone: Tone }> = {
  queued: { words: "To be sent", tone: "plain" },
  delivered: { words: "Delivered", tone: "well" },
  failed: { words: "Failed", tone: "wrong" },
  dropped: { words: "Dropped", tone: "mind" },
};
