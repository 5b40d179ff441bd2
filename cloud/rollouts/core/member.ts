/** What a move of its delivery makes of an appliance's place in a rollout. */
import type { MemberState } from "./plan.ts";

/** Where the delivery came to, in the words of the deliveries slice. */
export interface MovedTo {
  phase: "queued" | "sent" | "received" | "done" | "failed" | "rejected" | "expired" | "superseded" | "cancelled";
  step: string | null;
  cause: string | null;
  /** What the appliance said. */
  reason: string | null;
}

/** The next state; `null`: as before. */
export interface MemberMove {
  /** For one that had only been offered it. */
  fresh: MemberState | null;
  /** For one that had begun. */
  begun: MemberState | null;
  reason: string | null;
}

const both = (state: MemberState | null, reason: string | null = null): MemberMove => ({
  fresh: state,
  begun: state,
  reason,
});

/** Steps in which an appliance has said that it knows, and no more. */
const notBegun = new Set(["offered", "confirmed_by_owner"]);

/** Why an appliance has no outcome in the end. They stand in the list of members, and count in no share. */
export const noAnswer = "no_answer";

/** What an appliance does not want by itself is the release's failure, and not a person's word. */
function rejected(reason: string | null): MemberMove {
  switch (reason) {
    case null:
    case "declined_by_owner":
      return both("declined", reason);
    case "superseded":
    case "older_generation":
      return both("cancelled", "superseded");
    case "update_under_way":
      return { fresh: "skipped", begun: "failed", reason: "other_update_under_way" };
    default:
      return both("failed", reason);
  }
}

/** Pure, and without the state before: the one statement that applies it knows that. */
export function memberAfter({ phase, step, cause, reason }: MovedTo): MemberMove {
  switch (phase) {
    // Another attempt: it stays where the first one brought it.
    case "queued":
    case "sent":
      return both(null);
    case "received":
      return both(step === null || notBegun.has(step) ? null : "started");
    case "done":
      return both("done");
    case "failed":
      if (cause === "timed_out")
        return { fresh: "skipped", begun: "timed_out", reason: step === null ? noAnswer : `silent_after_${step}` };
      return both("failed", reason ?? (step === "rolled_back" ? "rolled_back" : "unknown"));
    case "rejected":
      return rejected(reason);
    case "expired":
      return { fresh: "skipped", begun: "timed_out", reason: reason ?? "expired" };
    case "superseded":
      return both("cancelled", "superseded");
    case "cancelled":
      return both("cancelled", cause ?? reason);
  }
}
