import { z } from "zod";
import type { HawkbitClient } from "#protocol/model.ts";
import { isSafeText } from "#protocol/text.ts";

/** Most texts that one report may carry, as hawkBit has it, and what is kept of them. */
const detailsMax = 512;
const reasonLengthMax = 500;

const executions = [
  "closed",
  "proceeding",
  "canceled",
  "scheduled",
  "rejected",
  "resumed",
  "download",
  "downloaded",
] as const;

/** What a client reports of an action. Fields that nobody needs here are passed over, whatever is in them. */
export const feedback = z.object({
  status: z.object({
    execution: z.enum(executions),
    result: z.object({
      finished: z.enum(["success", "failure", "none"]),
      progress: z.object({ cnt: z.number(), of: z.number() }).nullish().catch(null),
    }),
    code: z.number().int().nullish().catch(null),
    details: z.array(z.string()).max(detailsMax).nullish().catch(null),
  }),
});
export type Feedback = z.infer<typeof feedback>;

export const confirmation = z.object({
  confirmation: z.enum(["confirmed", "denied"]),
  code: z.number().int().nullish().catch(null),
  details: z.array(z.string()).max(detailsMax).nullish().catch(null),
});
export type Confirmation = z.infer<typeof confirmation>;

/** What a report means for the delivery behind the action. */
export interface Meaning {
  /** A step of a firmware delivery; null where it says nothing new. */
  step: "downloading" | "downloaded" | "installing" | "rebooting" | "confirmed" | "failed" | "rejected" | null;
  progress: number | null;
  reason: string | null;
  /** The client has said its last word on the action. */
  ends: boolean;
}

/** What is known of the action beside the report. */
export interface Known {
  success: HawkbitClient["success"];
  /** The whole image went over the wire, or the client said so. */
  handedOver: boolean;
}

/** Reads a report on an action that nobody asked to stop. */
export function meaningOf({ status }: Feedback, { success, handedOver }: Known): Meaning {
  const reason = reasonOf(status);
  const goesOn = (step: Meaning["step"]): Meaning => ({ step, progress: progressOf(status), reason: null, ends: false });
  const ends = (step: Meaning["step"], why: string | null): Meaning => ({ step, progress: null, reason: why, ends: true });
  switch (status.execution) {
    case "closed":
      if (status.result.finished === "failure") return ends("failed", reason ?? "failure");
      return ends(success === "booted" ? "confirmed" : "rebooting", null);
    case "download":
      return goesOn("downloading");
    case "downloaded":
      return goesOn("downloaded");
    case "proceeding":
    case "resumed":
      // The word comes before, during and after the download.
      return goesOn(handedOver ? "installing" : "downloading");
    case "scheduled":
      return goesOn(null);
    case "rejected":
      return ends("rejected", reason ?? "rejected");
    case "canceled":
      return ends("rejected", reason ?? "canceled at the appliance");
  }
}

/** What a client answers when it was asked to stop: it has stopped, it goes on, or it has not decided yet. */
export function answerToCancel({ status }: Feedback): "stopped" | "goes_on" | "undecided" {
  switch (status.execution) {
    case "closed":
    case "canceled":
      return status.result.finished === "failure" ? "goes_on" : "stopped";
    case "rejected":
      return "goes_on";
    case "proceeding":
    case "resumed":
    case "scheduled":
    case "download":
    case "downloaded":
      return "undecided";
  }
}

function progressOf({ result }: Feedback["status"]): number | null {
  const { cnt = 0, of = 0 } = result.progress ?? {};
  if (!(of > 0) || !(cnt >= 0)) return null;
  return Math.min(1, cnt / of);
}

/** Words of clients that say why, and what deliveries call it. The first that fits counts. */
const knownReasons: readonly [RegExp, string][] = [
  [/downgrad|older than|reinstalling/i, "not_newer"],
  [/not compatible with hardware|HW .*not|compatible string|hardware.*(mismatch|not)/i, "wrong_hardware"],
  [/signature|signer|certificate verif|CMS/i, "bad_signature"],
  [/no space|free ?space|available space|disk full|ENOSPC|not enough/i, "disk_full"],
  [/checksum|hash|sha1|sha256/i, "hash_wrong"],
  [/download|channel|connection|timed? ?out|HTTP/i, "download_failed"],
];

/** One word that can be counted, and the client's own behind it. */
export function reasonOf({ code, details }: Pick<Feedback["status"], "code" | "details">): string | null {
  const texts = (details ?? []).map((text) => text.trim()).filter((text) => text !== "" && isSafeText(text));
  if (texts.length === 0) return code == null ? null : `code ${code}`;
  const said = texts.join(" | ");
  const [, word = "failure"] = knownReasons.find(([pattern]) => pattern.test(said)) ?? [];
  const codeText = code == null ? "" : `code ${code}: `;
  return cut(`${word}: ${codeText}${said}`);
}

/** Cut where no surrogate loses its other half. */
const cut = (text: string): string => text.slice(0, reasonLengthMax).replace(/[\ud800-\udbff]$/, "");
