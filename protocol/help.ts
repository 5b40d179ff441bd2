import { z } from "zod";
import { id } from "./ids.ts";
import { epochMs, safeText } from "./text.ts";

/** What a household asks help with, in the words of the appliance's own menu. */
export const helpTopics = ["error", "result", "cleaning", "connection", "update", "other"] as const;

export const helpTextMax = 1_000;

/** A fault code as `fault.raised` has it. */
export const faultCode = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, "must be a fault code");

/**
 * The data of `help.requested`. All of it is optional: one touch is enough. A part that does not fit is passed over, because whoever
 * calls for help is heard also where the appliance garbles what they say.
 */
export const helpRequested = z
  .object({
    topic: z.enum(helpTopics).optional().catch(undefined),
    /** The fault on the display. */
    code: faultCode.optional().catch(undefined),
    text: safeText(helpTextMax).trim().min(1).optional().catch(undefined),
    /** They want a person, and no automatic answer. */
    wantsHuman: z.boolean().default(false).catch(false),
  })
  .meta({ id: "HelpRequested" });
export type HelpRequested = z.infer<typeof helpRequested>;

/** One touch after a case was closed: 1 is bad, 5 is good. */
export const rating = z.int().min(1).max(5);

/** The data of `feedback.given`: how a case went, or without one how they like the appliance. */
export const feedbackGiven = z.object({ caseId: id.optional(), rating }).meta({ id: "FeedbackGiven" });

/** Most bytes of a log: of what is sent, and of what is kept. */
export const logBytesMax = 10_485_760;

/** The arguments of `send_log`: where the log goes, once, by PUT as `text/plain` or `application/gzip`. */
export const logUpload = z
  .object({ href: z.url().max(2_048), expiresAtMs: epochMs, bytesMax: z.int().min(1).max(logBytesMax) })
  .meta({ id: "LogUpload" });
export type LogUpload = z.infer<typeof logUpload>;
