/** What the API says of a message that is sent until it arrives: of events to webhooks as of what staff are told. */
import { z } from "zod";

/** Every attempt, the first one first. */
export const triesView = z.array(
  z.object({
    attempt: z.number(),
    atMs: z.number(),
    tookMs: z.number(),
    outcome: z.string(),
    /** `HTTP 503`, `SMTP 450`, or why there was no answer. */
    detail: z.string(),
  }),
);

export type Try = z.infer<typeof triesView>[number];

/** Only what is still queued is tried again. */
export const queuedAlone = <D extends { status: string; nextAtMs: number }>(delivery: D) => ({
  ...delivery,
  nextAtMs: delivery.status === "queued" ? delivery.nextAtMs : null,
});
