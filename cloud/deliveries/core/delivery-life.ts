/**
 * The life of a delivery on its way to one appliance.
 *
 *   queued --written--> sent --receipt--> received --receipt--> done
 *     ^ ^                |                  |    (a receipt may also overtake the news that the message was written)
 *     | +--- silence ----+                  |
 *     +------ a new attempt, while the budget lasts, after `failed` or a step's time-out
 *
 *   queued, sent --held--> queued, until the household's quiet hours end
 *
 *   queued, sent, received --deadline--> expired      --cancelled--> cancelled      --superseded--> superseded
 *                          --receipt---> failed, rejected, expired (the device's own word)
 *                          --household_left, stopped--> cancelled, however far it was
 *                          --beyond_limit--> cancelled, and a person may still take it back for good
 *                          --declined---> rejected, for good, while the device has not gone too far
 *
 * Invariants: nothing is sent at or after its deadline; `done` is never left; a receipt whose step ranks at or below the current
 * one changes nothing; what the cloud closed by itself while the device had it (time-out, deadline, a limit, a household that left) a
 * late success still makes `done`, because a delivery says what became of the thing.
 */
import type { DeliveryKind } from "#protocol/delivery.ts";
import { failurePolicy } from "./failure-policy.ts";
import { backOffMs, kindPolicies, meaningOf, type RankedStep, retryPauseMs, stepsOf } from "./step-table.ts";

/** What a delivery was created with. Only when it may begin changes. */
export interface DeliveryTerms {
  kind: DeliveryKind;
  expiresAtMs: number;
  /** How often it is tried; null: as often as its kind is. */
  attemptsMax?: number | null;
  /** The device may not begin before: until then its waiting for people is no silence. */
  quietUntilMs?: number | null;
}

export type DeliveryState =
  | { phase: "queued"; attempt: number; sends: number; notBeforeMs: number }
  | { phase: "sent"; attempt: number; sends: number; sentAtMs: number }
  | { phase: "received"; attempt: number; step: string; sinceMs: number }
  | { phase: "done"; attempt: number; step: string }
  | { phase: "failed"; attempt: number; step: string | null; cause: "device" | "timed_out" }
  | { phase: "rejected"; attempt: number; step: string | null; cause: "device" | "owner" }
  | { phase: "expired"; attempt: number; step: string | null; cause: "device" | "deadline" }
  | { phase: "superseded"; attempt: number; step: string | null }
  | { phase: "cancelled"; attempt: number; step: string | null; cause: CancelCause };

/**
 * Taken back by a person, or closed because the device no longer belongs to the household that it was for; `limit`: because its model no
 * longer allows what it carries.
 */
export type CancelCause = "person" | "household_left" | "limit";

export const deliveryPhases = [
  "queued",
  "sent",
  "received",
  "done",
  "failed",
  "rejected",
  "expired",
  "superseded",
  "cancelled",
] as const satisfies readonly DeliveryState["phase"][];
export type DeliveryPhase = DeliveryState["phase"];

/** `atMs` is the cloud's or the gateway's time, never the device's. */
export type DeliveryEvent =
  /** Written to the device's socket. */
  | { kind: "written"; attempt: number; atMs: number }
  | { kind: "receipt"; attempt: number; step: string; atMs: number; reason?: string | null }
  /** The delivery's own end of life. */
  | { kind: "deadline"; atMs: number }
  /** Too long without a word in `sent`, or in a step. */
  | { kind: "timed_out"; atMs: number }
  /** A newer one for the same (device, kind, subject) was created. */
  | { kind: "superseded"; atMs: number }
  | { kind: "cancelled"; atMs: number }
  /** Its device's model allows what it carries no more. */
  | { kind: "beyond_limit"; atMs: number }
  /** The household does not want it, and said so elsewhere than at the appliance. */
  | { kind: "declined"; atMs: number }
  /** The device left its household: nothing that was on its way goes on, not even what a person could no longer take back. */
  | { kind: "household_left"; atMs: number }
  /** A person asked for it back, and the device says that it has stopped in the middle of it. */
  | { kind: "stopped"; atMs: number }
  /** Its household wants quiet until then: what the device does not have yet waits, and the attempt stays the same. */
  | { kind: "held"; untilMs: number; atMs: number };

/** Why an event changed nothing. Part of the record, never an exception. */
type DeliveryRefusal =
  | "already_closed"
  | "already_received"
  | "stale_attempt"
  | "attempt_not_made"
  | "unknown_step"
  | "step_not_later"
  | "past_deadline"
  | "deadline_not_reached"
  | "nothing_timed_out"
  | "under_way";

export type DeliveryOutcome = { kind: "moved"; to: DeliveryState } | { kind: "refused"; rule: DeliveryRefusal };

type Of<P extends DeliveryPhase> = Extract<DeliveryState, { phase: P }>;
type On<K extends DeliveryEvent["kind"]> = Extract<DeliveryEvent, { kind: K }>;
type Open = Of<"queued" | "sent" | "received">;

const moved = (to: DeliveryState): DeliveryOutcome => ({ kind: "moved", to });
const refused = (rule: DeliveryRefusal): DeliveryOutcome => ({ kind: "refused", rule });

const lastStep = (now: DeliveryState): string | null => ("step" in now ? now.step : null);

export const isOpenPhase = (phase: DeliveryPhase): phase is Open["phase"] =>
  phase === "queued" || phase === "sent" || phase === "received";

export const isOpen = (state: DeliveryState): state is Open => isOpenPhase(state.phase);

/** A delivery as it is created. */
export const newDelivery: DeliveryState = { phase: "queued", attempt: 1, sends: 0, notBeforeMs: 0 };

/** Ends an attempt that failed: another one while the budget lasts, or the end. */
function endAttempt(
  terms: DeliveryTerms,
  now: Open,
  failure: { step: string | null; retry: boolean; pauseMs: number; atMs: number; cause: "device" | "timed_out" },
): DeliveryOutcome {
  const attemptsMax = terms.attemptsMax ?? kindPolicies[terms.kind].attemptsMax;
  if (!failure.retry || now.attempt >= attemptsMax) {
    return moved({ phase: "failed", attempt: now.attempt, step: failure.step, cause: failure.cause });
  }
  const notBeforeMs = failure.atMs + backOffMs(failure.pauseMs, now.attempt);
  return moved({ phase: "queued", attempt: now.attempt + 1, sends: 0, notBeforeMs });
}

function reach(terms: DeliveryTerms, now: Open, on: On<"receipt">, meaning: RankedStep): DeliveryOutcome {
  const { attempt, step } = on;
  switch (meaning.phase) {
    case "received":
      return moved({ phase: "received", attempt, step, sinceMs: on.atMs });
    case "done":
      return moved({ phase: "done", attempt, step });
    case "failed":
      return failByDevice(terms, now, on, meaning.retry);
    case "rejected":
      return moved({ phase: "rejected", attempt, step, cause: "device" });
    case "expired":
      return moved({ phase: "expired", attempt, step, cause: "device" });
  }
}

function failByDevice(terms: DeliveryTerms, now: Open, on: On<"receipt">, mayRetry: boolean): DeliveryOutcome {
  const policy = failurePolicy(terms.kind, on.reason ?? null);
  const { step, atMs } = on;
  return endAttempt(terms, now, {
    step,
    retry: mayRetry && policy.retry,
    pauseMs: policy.retry ? policy.pauseMs : retryPauseMs,
    atMs,
    cause: "device",
  });
}

function receiveOpen(terms: DeliveryTerms, now: Open, on: On<"receipt">): DeliveryOutcome {
  const meaning = meaningOf(terms.kind, on.step);
  if (meaning === null) return refused("unknown_step");
  if (on.attempt > now.attempt) return refused("attempt_not_made");
  // The success of an attempt that the cloud had given up is still a success.
  if (on.attempt < now.attempt && meaning.phase !== "done") return refused("stale_attempt");
  const current = now.phase === "received" ? meaningOf(terms.kind, now.step) : null;
  if (on.attempt === now.attempt && current !== null && meaning.rank <= current.rank) return refused("step_not_later");
  return reach(terms, now, on, meaning);
}

/** After `done` only the step may go on: a stored recipe is opened, then cooked. */
function receiveDone(terms: DeliveryTerms, now: Of<"done">, on: On<"receipt">): DeliveryOutcome {
  const meaning = meaningOf(terms.kind, on.step);
  if (meaning === null) return refused("unknown_step");
  if (on.attempt > now.attempt) return refused("attempt_not_made");
  if (meaning.phase !== "done") return refused("already_closed");
  const rank = meaningOf(terms.kind, now.step)?.rank ?? 0;
  return meaning.rank > rank ? moved({ phase: "done", attempt: on.attempt, step: on.step }) : refused("step_not_later");
}

/** Closed by the cloud alone: the device may know better. */
function receiveLate(
  terms: DeliveryTerms,
  now: Of<"failed" | "expired" | "cancelled">,
  on: On<"receipt">,
): DeliveryOutcome {
  const meaning = meaningOf(terms.kind, on.step);
  if (meaning === null) return refused("unknown_step");
  if (on.attempt > now.attempt) return refused("attempt_not_made");
  if (now.cause === "device" || now.cause === "person" || meaning.phase !== "done") return refused("already_closed");
  return moved({ phase: "done", attempt: on.attempt, step: on.step });
}

function write(terms: DeliveryTerms, now: Of<"queued" | "sent">, on: On<"written">): DeliveryOutcome {
  if (on.atMs >= terms.expiresAtMs) return refused("past_deadline");
  if (on.attempt !== now.attempt) return refused("stale_attempt");
  return moved({ phase: "sent", attempt: now.attempt, sends: now.sends + 1, sentAtMs: on.atMs });
}

function expire(terms: DeliveryTerms, now: Open, on: On<"deadline">): DeliveryOutcome {
  if (on.atMs < terms.expiresAtMs) return refused("deadline_not_reached");
  return moved({ phase: "expired", attempt: now.attempt, step: lastStep(now), cause: "deadline" });
}

/** Whether the device has gone so far that the cloud can no longer take it back. */
export function isCommitted(terms: DeliveryTerms, now: Open): boolean {
  const { committedFrom } = kindPolicies[terms.kind];
  if (committedFrom === null || now.phase !== "received") return false;
  const from = meaningOf(terms.kind, committedFrom);
  const current = meaningOf(terms.kind, now.step);
  return from !== null && current !== null && current.rank >= from.rank;
}

const takeBack =
  (cause: "person" | "limit") =>
  (terms: DeliveryTerms, now: Open): DeliveryOutcome =>
    isCommitted(terms, now)
      ? refused("under_way")
      : moved({ phase: "cancelled", attempt: now.attempt, step: lastStep(now), cause });
const cancel = takeBack("person");
const exceed = takeBack("limit");

/** What a limit took back waits for the limit: a person may say that it is wanted no more. */
const cancelForGood = (_terms: DeliveryTerms, now: Of<"cancelled">): DeliveryOutcome =>
  now.cause === "limit" ? moved({ ...now, cause: "person" }) : refused("already_closed");

const decline = (terms: DeliveryTerms, now: Open): DeliveryOutcome =>
  isCommitted(terms, now)
    ? refused("under_way")
    : moved({ phase: "rejected", attempt: now.attempt, step: lastStep(now), cause: "owner" });

const stop = (_terms: DeliveryTerms, now: Open): DeliveryOutcome =>
  moved({ phase: "cancelled", attempt: now.attempt, step: lastStep(now), cause: "person" });

const hold = (_terms: DeliveryTerms, now: Of<"queued" | "sent">, on: On<"held">): DeliveryOutcome =>
  moved({ phase: "queued", attempt: now.attempt, sends: now.sends, notBeforeMs: on.untilMs });

const leaveHousehold = (_terms: DeliveryTerms, now: Open): DeliveryOutcome =>
  moved({ phase: "cancelled", attempt: now.attempt, step: lastStep(now), cause: "household_left" });

const supersede = (terms: DeliveryTerms, now: Open): DeliveryOutcome =>
  isCommitted(terms, now) || (now.phase !== "queued" && !kindPolicies[terms.kind].supersedableOnceSent)
    ? refused("under_way")
    : moved({ phase: "superseded", attempt: now.attempt, step: lastStep(now) });

const closed = {
  written: () => refused("already_closed"),
  receipt: () => refused("already_closed"),
  deadline: () => refused("already_closed"),
  timed_out: () => refused("already_closed"),
  superseded: () => refused("already_closed"),
  cancelled: () => refused("already_closed"),
  beyond_limit: () => refused("already_closed"),
  declined: () => refused("already_closed"),
  household_left: () => refused("already_closed"),
  stopped: () => refused("already_closed"),
  held: () => refused("already_closed"),
};

/** Every phase by every event: a cell that is missing does not compile. */
const transitions: {
  [P in DeliveryPhase]: {
    [K in DeliveryEvent["kind"]]: (terms: DeliveryTerms, now: Of<P>, on: On<K>) => DeliveryOutcome;
  };
} = {
  queued: {
    written: write,
    receipt: receiveOpen,
    deadline: expire,
    // Waiting for a device that is away has no end but the deadline.
    timed_out: () => refused("nothing_timed_out"),
    superseded: supersede,
    cancelled: cancel,
    beyond_limit: exceed,
    declined: decline,
    household_left: leaveHousehold,
    stopped: stop,
    held: hold,
  },
  sent: {
    // A plain re-send: the same attempt, and the wait for its receipt begins again.
    written: write,
    receipt: receiveOpen,
    deadline: expire,
    timed_out: (terms, now, on) =>
      on.atMs >= timeoutAtMs(terms, now)
        ? moved({ phase: "queued", attempt: now.attempt, sends: now.sends, notBeforeMs: on.atMs })
        : refused("nothing_timed_out"),
    superseded: supersede,
    cancelled: cancel,
    beyond_limit: exceed,
    declined: decline,
    household_left: leaveHousehold,
    stopped: stop,
    held: hold,
  },
  received: {
    written: () => refused("already_received"),
    receipt: receiveOpen,
    deadline: expire,
    timed_out: (terms, now, on) =>
      on.atMs >= timeoutAtMs(terms, now)
        ? endAttempt(terms, now, {
            step: now.step,
            retry: true,
            pauseMs: retryPauseMs,
            atMs: on.atMs,
            cause: "timed_out",
          })
        : refused("nothing_timed_out"),
    superseded: supersede,
    cancelled: cancel,
    beyond_limit: exceed,
    declined: decline,
    household_left: leaveHousehold,
    stopped: stop,
    held: () => refused("already_received"),
  },
  done: { ...closed, receipt: receiveDone },
  failed: { ...closed, receipt: receiveLate },
  rejected: closed,
  expired: { ...closed, receipt: receiveLate },
  superseded: closed,
  cancelled: { ...closed, receipt: receiveLate, cancelled: cancelForGood },
};

/** The steps from which a delivery of this kind can no longer be taken back. */
export function committedSteps(kind: DeliveryKind): string[] {
  const { committedFrom } = kindPolicies[kind];
  const from = committedFrom === null ? null : meaningOf(kind, committedFrom);
  return from === null ? [] : stepsOf(kind).filter((step) => (meaningOf(kind, step)?.rank ?? -1) >= from.rank);
}

/** When the silence in a phase has lasted too long. */
function timeoutAtMs(terms: DeliveryTerms, now: Of<"sent" | "received">): number {
  if (now.phase === "sent") {
    return now.sentAtMs + backOffMs(kindPolicies[terms.kind].sentTimeoutMs, Math.max(1, now.sends));
  }
  const meaning = meaningOf(terms.kind, now.step);
  if (meaning?.phase !== "received") return terms.expiresAtMs;
  const sinceMs = meaning.waitsForPeople ? Math.max(now.sinceMs, terms.quietUntilMs ?? 0) : now.sinceMs;
  return sinceMs + meaning.timeoutMs;
}

/** What `on` makes of `now`. Pure: the clock is the event's own `atMs`. */
export function stepDelivery(terms: DeliveryTerms, now: DeliveryState, on: DeliveryEvent): DeliveryOutcome {
  // The table is total, so the pair is always a cell of it; TypeScript cannot correlate two unions on its own.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const cell = transitions[now.phase][on.kind] as (
    terms: DeliveryTerms,
    now: DeliveryState,
    on: DeliveryEvent,
  ) => DeliveryOutcome;
  return cell(terms, now, on);
}

/** What the clock alone does to a delivery at `nowMs`, or null where nothing is due. */
export function dueEvent(terms: DeliveryTerms, now: DeliveryState, nowMs: number): DeliveryEvent | null {
  if (!isOpen(now)) return null;
  if (nowMs >= terms.expiresAtMs) return { kind: "deadline", atMs: nowMs };
  if (now.phase === "queued" || nowMs < timeoutAtMs(terms, now)) return null;
  return { kind: "timed_out", atMs: nowMs };
}

/** When the cloud must look at a delivery again by itself; null once it is closed. */
export function dueAtMs(terms: DeliveryTerms, now: DeliveryState, nowMs: number): number | null {
  if (!isOpen(now)) return null;
  if (now.phase !== "queued") return Math.min(terms.expiresAtMs, timeoutAtMs(terms, now));
  return now.notBeforeMs > nowMs ? Math.min(terms.expiresAtMs, now.notBeforeMs) : terms.expiresAtMs;
}
