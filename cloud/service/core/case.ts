/**
 * The life of a service case: one cause on one device.
 *
 *   open <--> waiting_for_owner <--> waiting_for_staff
 *     |              |                      |
 *     +--------------+----------------------+--cause cleared, or staff resolves--> resolved
 *                                                                                     |
 *     reopened (lives on like open) <-----------the cause returns within 7 days-------+
 *
 * A cause that returns later than that is a new case: what happened a season ago is not what a technician should read first.
 */

export type CaseState =
  | { status: "open"; openedAtMs: number }
  | { status: "waiting_for_owner"; sinceMs: number }
  | { status: "waiting_for_staff"; sinceMs: number }
  | { status: "resolved"; resolvedAtMs: number; by: string }
  | { status: "reopened"; reopenedAtMs: number };

export type CaseStatus = CaseState["status"];
export const caseStatuses = [
  "open",
  "waiting_for_owner",
  "waiting_for_staff",
  "resolved",
  "reopened",
] as const satisfies CaseStatus[];

export type CaseEvent =
  | { kind: "cause_returned"; atMs: number }
  | { kind: "cause_cleared"; atMs: number }
  | { kind: "resolved"; atMs: number; by: string }
  | { kind: "ask_owner"; atMs: number }
  | { kind: "owner_answered"; atMs: number }
  | { kind: "take_up"; atMs: number };

/** Why an event changed nothing. */
export type CaseRefusal =
  | "case_already_open"
  | "case_already_resolved"
  | "case_already_waiting"
  | "case_not_waiting"
  | "resolved_too_long_ago";

export type CaseOutcome = { kind: "moved"; to: CaseState } | { kind: "refused"; rule: CaseRefusal };

/** How long a resolved case is reopened by its cause. */
export const reopenWithinMs = 7 * 86_400_000;

/** Who resolved a case that resolved itself. */
export const byCause = "cause";

type Of<S extends CaseStatus> = Extract<CaseState, { status: S }>;
type On<K extends CaseEvent["kind"]> = Extract<CaseEvent, { kind: K }>;

const moved = (to: CaseState): CaseOutcome => ({ kind: "moved", to });
const refused = (rule: CaseRefusal): CaseOutcome => ({ kind: "refused", rule });

const cleared = (_now: unknown, on: On<"cause_cleared">): CaseOutcome =>
  moved({ status: "resolved", resolvedAtMs: on.atMs, by: byCause });
const resolve = (_now: unknown, on: On<"resolved">): CaseOutcome =>
  moved({ status: "resolved", resolvedAtMs: on.atMs, by: on.by });
const askOwner = (_now: unknown, on: On<"ask_owner">): CaseOutcome =>
  moved({ status: "waiting_for_owner", sinceMs: on.atMs });
const waitForStaff = (_now: unknown, on: On<"owner_answered">): CaseOutcome =>
  moved({ status: "waiting_for_staff", sinceMs: on.atMs });
const takeUp = (_now: unknown, on: On<"take_up">): CaseOutcome => moved({ status: "open", openedAtMs: on.atMs });

/** Somebody works on it; nobody waits. */
const inHand = {
  cause_returned: () => refused("case_already_open"),
  cause_cleared: cleared,
  resolved: resolve,
  ask_owner: askOwner,
  owner_answered: () => refused("case_not_waiting"),
  take_up: () => refused("case_already_open"),
};

/** Every status by every event: a cell that is missing does not compile. */
const transitions: {
  [S in CaseStatus]: { [K in CaseEvent["kind"]]: (now: Of<S>, on: On<K>) => CaseOutcome };
} = {
  open: inHand,
  reopened: inHand,
  waiting_for_owner: {
    cause_returned: () => refused("case_already_open"),
    cause_cleared: cleared,
    resolved: resolve,
    ask_owner: () => refused("case_already_waiting"),
    owner_answered: waitForStaff,
    take_up: takeUp,
  },
  waiting_for_staff: {
    cause_returned: () => refused("case_already_open"),
    cause_cleared: cleared,
    resolved: resolve,
    ask_owner: askOwner,
    owner_answered: () => refused("case_already_waiting"),
    take_up: takeUp,
  },
  resolved: {
    cause_returned: (now, on) =>
      on.atMs - now.resolvedAtMs < reopenWithinMs
        ? moved({ status: "reopened", reopenedAtMs: on.atMs })
        : refused("resolved_too_long_ago"),
    cause_cleared: () => refused("case_already_resolved"),
    resolved: () => refused("case_already_resolved"),
    ask_owner: () => refused("case_already_resolved"),
    owner_answered: () => refused("case_already_resolved"),
    take_up: () => refused("case_already_resolved"),
  },
};

/** What `on` makes of `now`. Pure: the clock is the event's own `atMs`. */
export function stepCase(now: CaseState, on: CaseEvent): CaseOutcome {
  // The table is total, so the pair is always a cell of it; TypeScript cannot correlate two unions on its own.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const cell = transitions[now.status][on.kind] as (now: CaseState, on: CaseEvent) => CaseOutcome;
  return cell(now, on);
}
