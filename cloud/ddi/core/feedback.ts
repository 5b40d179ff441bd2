import { z } from "zod";
import type { HawkbitClient } from "#protocol/model.ts";
import { isSafeText } from "#protocol/text.ts";
import type { UpdateFailure } from "#protocol/update.ts";

/** Most texts that one report may carry, as hawkBit has it, and what is kept of them. */
const detailsMax = 512;
const linesMax = 50;
const errorsMax = 20;
const lineLengthMax = 500;
const saidLengthMax = 8_000;

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
  reason: UpdateFailure | null;
  /** The client has said its last word on the action. */
  ends: boolean;
}

/** What is known of the action beside the report. */
export interface Known {
  success: HawkbitClient["success"];
  /** The whole image went over the wire, or the client said so. */
  handedOver: boolean;
  /** What the client said on the way of what went wrong. */
  errors: readonly string[];
}

/** Reads a report on an action that nobody asked to stop. */
export function meaningOf({ status }: Feedback, { success, handedOver, errors }: Known): Meaning {
  const goesOn = (step: Meaning["step"]): Meaning => ({
    step,
    progress: progressOf(status),
    reason: null,
    ends: false,
  });
  const ends = (step: Meaning["step"], reason: Meaning["reason"]): Meaning => ({
    step,
    progress: null,
    reason,
    ends: true,
  });
  switch (status.execution) {
    case "closed":
      if (status.result.finished === "failure") return ends("failed", causeOf([...(status.details ?? []), ...errors]));
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
    case "canceled":
      // Nobody asked it to stop: it will not, or the person in front of it will not.
      return ends("rejected", null);
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

/** Words of clients that say why, and the code for it. The first that fits counts: what follows from a cause is listed after it. */
const causes: readonly [RegExp, UpdateFailure][] = [
  // SWUpdate's word after a reboot into what it had before.
  [/^Update Failed\.$/m, "health_check_failed"],
  [/downgrad|older than|reinstall/i, "not_newer"],
  [/signature|signer|certificate|CMS/i, "image_signature_wrong"],
  [/not compatible with hardware|hardware (revision|compat)|compatible .*mismatch/i, "wrong_hardware"],
  [/no space|free ?space|available space|disk ?space|ENOSPC|not enough (space|memory)/i, "disk_full"],
  [/checksum|hash (mismatch|wrong)|sha1|sha256/i, "image_hash_wrong"],
  [/download|channel|connection|time(d)? ?out|HTTP/i, "download_unreachable"],
];

/** Why it failed, as far as the client's words tell. */
export function causeOf(details: readonly string[]): UpdateFailure {
  const said = details.join("\n");
  return causes.find(([pattern]) => pattern.test(said))?.[1] ?? "install_failed";
}

/** Errors on the way, the newest last, with those before. Lines of SWUpdate's log that are none are not kept. */
export function withErrors(before: readonly string[], { details }: Pick<Feedback["status"], "details">): string[] {
  const errors = saidIn({ details: (details ?? []).filter((line) => /^\s*ERROR\b/.test(line)) }).details ?? [];
  return [...before, ...errors].slice(-errorsMax);
}

/** What is kept of the client's own words. */
export interface Said {
  code?: number;
  details?: string[];
}

export function saidIn({
  code,
  details,
}: {
  code?: number | null | undefined;
  details?: string[] | null | undefined;
}): Said {
  const kept: string[] = [];
  let room = saidLengthMax;
  for (const text of details ?? []) {
    const line = cut(text.trim(), Math.min(room, lineLengthMax));
    if (line === "" || !isSafeText(line)) continue;
    kept.push(line);
    room -= line.length;
    if (room <= 0 || kept.length === linesMax) break;
  }
  return { ...(code == null ? {} : { code }), ...(kept.length === 0 ? {} : { details: kept }) };
}

/** Cut where no surrogate loses its other half. */
const cut = (text: string, lengthMax: number): string => text.slice(0, lengthMax).replace(/[\ud800-\udbff]$/, "");
