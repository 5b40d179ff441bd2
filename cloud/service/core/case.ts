/**
 * The life of a service case: one cause on one device.
 *
 *   open <--> waiting_for_owner <--> waiting_for_staff
 *     |              |                      |
 *     +--------------+----------------------+--cause cleared, or staff resolves--> resolved
 *     |                                                                               |
 *     |  reopened (lives on like open) <--------the cause returns within 7 days-------+
 *     |     ^
 *     |     +-----the cause returns there, or still stands a day after it came--------+
 *     |                                                                               |
 *     +--staff: mended in release X--> waiting_for_release --the device has it--> resolved_in_release
 *     |
 *     +--staff: the same matter as another case--> merged --it was not--> open, or resolved where the other one is
 *
 * A safety matter that no person has seen yet does not end because its cause went away: somebody shall have looked at it first.
 *
 * A cause that returns later than that is a new case: what happened a season ago is not what a technician should read first. A release
 * that was to mend it is another matter: that it did not is a regression whenever it shows. While a device has an older release its
 * cause may come and go, and the case waits on.
 */

/** The release that staff said mends a case. */
export interface FixedIn {
  version: string;
  /** The release counter: higher is newer. */
  counter: number;
}

export type CaseState =
  | { status: "open"; openedAtMs: number }
  | { status: "waiting_for_owner"; sinceMs: number }
  | { status: "waiting_for_staff"; sinceMs: number }
  /** `confirmedAtMs`: when the device was first seen with the release while the cause stood all the same. */
  | { status: "waiting_for_release"; sinceMs: number; fixedIn: FixedIn; confirmedAtMs: number | null }
  /** `fixedIn` where the cause went away before the release came. */
  | { status: "resolved"; resolvedAtMs: number; by: string; fixedIn: FixedIn | null }
  | { status: "resolved_in_release"; resolvedAtMs: number; by: string; fixedIn: FixedIn }
  | { status: "reopened"; reopenedAtMs: number }
  /** It stands for itself no longer: `intoId` is the case that it went into, which may have gone into another one since. */
  | { status: "merged"; mergedAtMs: number; by: string; intoId: string };

export type CaseStatus = CaseState["status"];
export const caseStatuses = [
  "open",
  "waiting_for_owner",
  "waiting_for_staff",
  "waiting_for_release",
  "resolved",
  "resolved_in_release",
  "reopened",
  "merged",
] as const satisfies CaseStatus[];

export type CaseEvent =
  /** `counter`: of the release that the device has; null where it never said. */
  | { kind: "cause_returned"; atMs: number; counter: number | null }
  /** `isUnseen`: it is a safety matter, and no person has seen it. */
  | { kind: "cause_cleared"; atMs: number; counter: number | null; isUnseen: boolean }
  | { kind: "resolved"; atMs: number; by: string }
  | { kind: "ask_owner"; atMs: number }
  | { kind: "owner_answered"; atMs: number }
  | { kind: "take_up"; atMs: number }
  | { kind: "fixed_in"; atMs: number; fixedIn: FixedIn }
  /** The device has the release or a newer one; `stands`: a rule still holds the cause. */
  | { kind: "release_confirmed"; atMs: number; stands: boolean }
  | { kind: "merged"; atMs: number; by: string; intoId: string }
  /** `isOver`: the case that it was in is resolved, and so was this one with it. */
  | { kind: "unmerged"; atMs: number; by: string; isOver: boolean };

/** Why an event changed nothing. */
export type CaseRefusal =
  | "case_already_open"
  | "case_already_resolved"
  | "case_already_waiting"
  | "case_not_waiting"
  | "case_waits_for_release"
  | "case_merged"
  | "case_not_merged"
  | "case_unseen"
  | "resolved_too_long_ago";

export type CaseOutcome = { kind: "moved"; to: CaseState } | { kind: "refused"; rule: CaseRefusal };

/** How long a resolved case is reopened by its cause. */
export const reopenWithinMs = 7 * 86_400_000;

/** How long a cause may outlive the release that was to mend it: what it shows is often cleared by the next program alone. */
export const releaseGraceMs = 86_400_000;

/** Who resolved a case that resolved itself, and who opened one that a rule found. */
export const byCause = "cause";
/** Who resolved a case that the release resolved. */
export const byRelease = "release";

type Of<S extends CaseStatus> = Extract<CaseState, { status: S }>;
type On<K extends CaseEvent["kind"]> = Extract<CaseEvent, { kind: K }>;

const moved = (to: CaseState): CaseOutcome => ({ kind: "moved", to });
const refused = (rule: CaseRefusal): CaseOutcome => ({ kind: "refused", rule });

const hasRelease = (counter: number | null, { counter: needed }: FixedIn): boolean =>
  counter !== null && counter >= needed;

const cleared = (_now: unknown, on: On<"cause_cleared">): CaseOutcome =>
  on.isUnseen
    ? refused("case_unseen")
    : moved({ status: "resolved", resolvedAtMs: on.atMs, by: byCause, fixedIn: null });
const resolve = (_now: unknown, on: On<"resolved">): CaseOutcome =>
  moved({ status: "resolved", resolvedAtMs: on.atMs, by: on.by, fixedIn: null });
const askOwner = (_now: unknown, on: On<"ask_owner">): CaseOutcome =>
  moved({ status: "waiting_for_owner", sinceMs: on.atMs });
const waitForStaff = (_now: unknown, on: On<"owner_answered">): CaseOutcome =>
  moved({ status: "waiting_for_staff", sinceMs: on.atMs });
const takeUp = (_now: unknown, on: On<"take_up">): CaseOutcome => moved({ status: "open", openedAtMs: on.atMs });
const waitForRelease = (_now: unknown, on: On<"fixed_in">): CaseOutcome =>
  moved({ status: "waiting_for_release", sinceMs: on.atMs, fixedIn: on.fixedIn, confirmedAtMs: null });
const merge = (_now: unknown, { atMs, by, intoId }: On<"merged">): CaseOutcome =>
  moved({ status: "merged", mergedAtMs: atMs, by, intoId });
const unmerge = (_now: unknown, { atMs, by, isOver }: On<"unmerged">): CaseOutcome =>
  moved(isOver ? { status: "resolved", resolvedAtMs: atMs, by, fixedIn: null } : { status: "open", openedAtMs: atMs });
const reopen = (atMs: number): CaseOutcome => moved({ status: "reopened", reopenedAtMs: atMs });

function returned(now: Of<"resolved">, on: On<"cause_returned">): CaseOutcome {
  const { fixedIn, resolvedAtMs } = now;
  if (fixedIn !== null && hasRelease(on.counter, fixedIn)) return reopen(on.atMs);
  if (on.atMs - resolvedAtMs >= reopenWithinMs) return refused("resolved_too_long_ago");
  return fixedIn === null
    ? reopen(on.atMs)
    : moved({ status: "waiting_for_release", sinceMs: on.atMs, fixedIn, confirmedAtMs: null });
}

function confirmed(now: Of<"waiting_for_release">, { atMs, stands }: On<"release_confirmed">): CaseOutcome {
  const { fixedIn, confirmedAtMs } = now;
  if (!stands) return moved({ status: "resolved_in_release", resolvedAtMs: atMs, by: byRelease, fixedIn });
  if (confirmedAtMs === null) return moved({ ...now, confirmedAtMs: atMs });
  return atMs - confirmedAtMs >= releaseGraceMs ? reopen(atMs) : refused("case_waits_for_release");
}

/** Somebody works on it; nobody waits. */
const inHand = {
  cause_returned: () => refused("case_already_open"),
  cause_cleared: cleared,
  resolved: resolve,
  ask_owner: askOwner,
  owner_answered: () => refused("case_not_waiting"),
  take_up: () => refused("case_already_open"),
  fixed_in: waitForRelease,
  release_confirmed: () => refused("case_not_waiting"),
  merged: merge,
  unmerged: () => refused("case_not_merged"),
};

/** What all that are closed have in common. */
const isOver = {
  cause_cleared: () => refused("case_already_resolved"),
  resolved: () => refused("case_already_resolved"),
  ask_owner: () => refused("case_already_resolved"),
  owner_answered: () => refused("case_already_resolved"),
  take_up: () => refused("case_already_resolved"),
  fixed_in: () => refused("case_already_resolved"),
  release_confirmed: () => refused("case_already_resolved"),
  merged: () => refused("case_already_resolved"),
  unmerged: () => refused("case_not_merged"),
};

/** Every status by every event: a cell that is missing does not compile. */
const transitions: {
  [S in CaseStatus]: { [K in CaseEvent["kind"]]: (now: Of<S>, on: On<K>) => CaseOutcome };
} = {
  open: inHand,
  reopened: inHand,
  waiting_for_owner: {
    ...inHand,
    ask_owner: () => refused("case_already_waiting"),
    owner_answered: waitForStaff,
    take_up: takeUp,
  },
  waiting_for_staff: {
    ...inHand,
    owner_answered: () => refused("case_already_waiting"),
    take_up: takeUp,
  },
  waiting_for_release: {
    cause_returned: () => refused("case_already_open"),
    // A person said so, and has seen it.
    cause_cleared: ({ fixedIn }, on) =>
      hasRelease(on.counter, fixedIn)
        ? moved({ status: "resolved_in_release", resolvedAtMs: on.atMs, by: byRelease, fixedIn })
        : moved({ status: "resolved", resolvedAtMs: on.atMs, by: byCause, fixedIn }),
    resolved: resolve,
    ask_owner: askOwner,
    // An owner who writes is heard: somebody has to look at it again.
    owner_answered: waitForStaff,
    take_up: takeUp,
    fixed_in: (now, on) =>
      now.fixedIn.counter === on.fixedIn.counter ? refused("case_already_waiting") : waitForRelease(now, on),
    release_confirmed: confirmed,
    merged: merge,
    unmerged: () => refused("case_not_merged"),
  },
  resolved: { ...isOver, cause_returned: returned },
  resolved_in_release: {
    ...isOver,
    cause_returned: ({ fixedIn }, on) =>
      hasRelease(on.counter, fixedIn)
        ? reopen(on.atMs)
        : // It went back to an older release, so that what was known of it counts again.
          moved({ status: "waiting_for_release", sinceMs: on.atMs, fixedIn, confirmedAtMs: null }),
  },
  merged: {
    cause_returned: () => refused("case_merged"),
    cause_cleared: () => refused("case_merged"),
    resolved: () => refused("case_merged"),
    ask_owner: () => refused("case_merged"),
    owner_answered: () => refused("case_merged"),
    take_up: () => refused("case_merged"),
    fixed_in: () => refused("case_merged"),
    release_confirmed: () => refused("case_merged"),
    merged: () => refused("case_merged"),
    unmerged: unmerge,
  },
};

/** What `on` makes of `now`. Pure: the clock is the event's own `atMs`. */
export function stepCase(now: CaseState, on: CaseEvent): CaseOutcome {
  // The table is total, so the pair is always a cell of it; TypeScript cannot correlate two unions on its own.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const cell = transitions[now.status][on.kind] as (now: CaseState, on: CaseEvent) => CaseOutcome;
  return cell(now, on);
}
