import type { UpdateState } from "./device-record.ts";

/**
 * What to do next about an update: pure, and asked again after every step and every restart.
 *
 *   offered -> confirmed_by_owner -> downloading -> downloaded -> verified -> installing -> rebooting -> (confirmed | rolled_back)
 *
 * Nothing begins while the appliance is hot or running: neither the download nor, hours later perhaps, the installation. An offer
 * that expires before its download began is given up; after that the image is brought home.
 */
export type UpdateStep =
  | { do: "nothing" }
  | { do: "wait"; why: "owner" | "hot" | "running" | "transfer" | "reboot" }
  | { do: "expire" }
  | { do: "agree" }
  | { do: "begin_download" }
  | { do: "transfer" }
  | { do: "verify" }
  | { do: "begin_installation" }
  | { do: "write_slot" }
  | { do: "boot" };

export interface UpdateFacts {
  nowMs: number;
  /** What deadlines are held against. */
  deadlineMs: number;
  hot: boolean;
  running: boolean;
  transferring: boolean;
}

export function nextUpdateStep(update: UpdateState, facts: UpdateFacts): UpdateStep {
  switch (update.kind) {
    case "none":
      return { do: "nothing" };
    case "offered":
      if (facts.deadlineMs >= update.expiresAtMs) return { do: "expire" };
      return facts.nowMs >= update.agreesAtMs ? { do: "agree" } : { do: "wait", why: "owner" };
    case "confirmed_by_owner":
      if (facts.deadlineMs >= update.expiresAtMs) return { do: "expire" };
      return whenAtRest(facts, { do: "begin_download" });
    case "downloading":
      return facts.transferring ? { do: "wait", why: "transfer" } : { do: "transfer" };
    case "downloaded":
      return { do: "verify" };
    case "verified":
      return whenAtRest(facts, { do: "begin_installation" });
    case "installing":
      return { do: "write_slot" };
    case "rebooting":
      return facts.nowMs >= update.backAtMs ? { do: "boot" } : { do: "wait", why: "reboot" };
  }
}

function whenAtRest({ hot, running }: UpdateFacts, step: UpdateStep): UpdateStep {
  if (running) return { do: "wait", why: "running" };
  return hot ? { do: "wait", why: "hot" } : step;
}
