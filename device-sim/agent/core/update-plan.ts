import type { UpdateState } from "../device-record.ts";

/**
 * What to do next about an update: pure, and asked again after every step and every restart.
 *
 *   offered -> confirmed_by_owner -> downloading -> downloaded -> verified -> installing -> rebooting -> (confirmed | rolled_back)
 *
 * Metadata and statement are checked before the download begins, and again before the installation where the statement has expired in
 * the meantime. Nothing begins while the appliance is hot or running: neither the download nor, hours later perhaps, the installation,
 * which also waits for an open window. An offer that expires before its download began is given up; after that the image is brought home.
 */
export type UpdateStep =
  | { do: "nothing" }
  | { do: "wait"; why: "owner" | "postponed" | "window" | "hot" | "running" | "work" | "reboot" }
  | { do: "expire" }
  | { do: "agree" }
  | { do: "check" }
  | { do: "transfer" }
  | { do: "verify" }
  | { do: "check_again" }
  | { do: "begin_installation" }
  | { do: "write_slot" }
  | { do: "boot" };

export interface UpdateFacts {
  nowMs: number;
  /** What deadlines are held against. */
  deadlineMs: number;
  hot: boolean;
  running: boolean;
  /** Whether a window of the offer is open where the appliance stands. */
  windowOpen: boolean;
  /** Whether a check or a transfer is on its way. */
  working: boolean;
}

const wait = (why: Extract<UpdateStep, { do: "wait" }>["why"]): UpdateStep => ({ do: "wait", why });

export function nextUpdateStep(update: UpdateState, facts: UpdateFacts): UpdateStep {
  switch (update.kind) {
    case "none":
      return { do: "nothing" };
    case "offered":
      if (facts.deadlineMs >= update.expiresAtMs) return { do: "expire" };
      if (update.offer.consent === "automatic") return whenAtRest(update, facts, { do: "check" });
      return update.offer.consent === "given" || facts.nowMs >= update.agreesAtMs ? { do: "agree" } : wait("owner");
    case "confirmed_by_owner":
      if (facts.deadlineMs >= update.expiresAtMs) return { do: "expire" };
      return whenAtRest(update, facts, { do: "check" });
    case "downloading":
      return facts.working ? wait("work") : { do: "transfer" };
    case "downloaded":
      return { do: "verify" };
    case "verified":
      if (!facts.windowOpen) return wait("window");
      return whenAtRest(update, facts, {
        do: facts.deadlineMs >= update.statementUntilMs ? "check_again" : "begin_installation",
      });
    case "installing":
      return { do: "write_slot" };
    case "rebooting":
      return facts.nowMs >= update.backAtMs ? { do: "boot" } : wait("reboot");
  }
}

type Waiting = Extract<UpdateState, { kind: "offered" | "confirmed_by_owner" | "verified" }>;

function whenAtRest(update: Waiting, { hot, running, working, deadlineMs }: UpdateFacts, step: UpdateStep): UpdateStep {
  if (deadlineMs < Math.max(update.offer.notBeforeMs ?? 0, update.postponedUntilMs ?? 0)) return wait("postponed");
  if (running) return wait("running");
  if (hot) return wait("hot");
  return working ? wait("work") : step;
}
