/**
 * Two cases that are one matter: one goes into the other, which stands for both from then on.
 *
 * Only what is open is merged: what is closed is history, and told as it was. Both are of one household, so that nobody reads what others
 * wrote, and of one appliance; a case of a household alone may go into one of an appliance, and not the other way round, since what an
 * appliance does would find its case no more.
 */
import type { CaseState } from "./case.ts";
import { type CasePromise, isClosed, type SeverityTerms, settled, type TakenOver } from "./case-promise.ts";
import { isGraver, type Severity } from "./severity.ts";

/** Most cases that one case holds, at whatever remove. */
export const mergedCasesMax = 20;

export type MergeRefusal =
  | "case_merge_itself"
  | "case_merged"
  | "case_already_resolved"
  | "case_merge_target_merged"
  | "case_merge_target_resolved"
  | "case_merge_other_household"
  | "case_merge_other_appliance"
  | "case_merge_loses_appliance";

/** A case, as far as it matters here. */
export interface Mergeable {
  id: string;
  deviceKey: number | null;
  householdId: string | null;
  formerHouseholdId: string | null;
  severity: Severity;
  state: CaseState;
  promise: CasePromise;
}

/** Why one case cannot go into another; null where it can. */
export function mergeRefusal(from: Mergeable, into: Mergeable): MergeRefusal | null {
  if (from.id === into.id) return "case_merge_itself";
  if (from.state.status === "merged") return "case_merged";
  if (isClosed(from.state.status)) return "case_already_resolved";
  if (into.state.status === "merged") return "case_merge_target_merged";
  if (isClosed(into.state.status)) return "case_merge_target_resolved";
  if (from.householdId !== into.householdId || from.formerHouseholdId !== into.formerHouseholdId)
    return "case_merge_other_household";
  if (from.deviceKey === into.deviceKey) return null;
  if (from.deviceKey === null) return null;
  return into.deviceKey === null ? "case_merge_loses_appliance" : "case_merge_other_appliance";
}

/** How bad a matter is, and what is promised for it. */
interface Owed {
  severity: Severity;
  promise: CasePromise;
  /** Whom the escalation reached last. */
  escalatedTo: string | null;
}

type TermsOf = (severity: Severity) => SeverityTerms;

const gravest = (all: readonly Severity[]): Severity => all.reduce((most, one) => (isGraver(one, most) ? one : most));

const soonest = (own: number, others: readonly (number | null)[]): number =>
  Math.min(own, ...others.filter((dueAtMs) => dueAtMs !== null));

/** What counts of what a case has of its own and of what others brought. */
const counted = ({ own, offers }: TakenOver) => ({
  severity: gravest([own.severity, ...offers.map(({ severity }) => severity)]),
  firstAnswerDueAtMs: soonest(
    own.firstAnswerDueAtMs,
    offers.map(({ firstAnswerDueAtMs }) => firstAnswerDueAtMs),
  ),
  resolveDueAtMs: soonest(
    own.resolveDueAtMs,
    offers.map(({ resolveDueAtMs }) => resolveDueAtMs),
  ),
});

/**
 * How bad the matter is, and what is promised for it, once `from` has gone into `into`. Nobody shall wait longer because of that: what was
 * promised sooner there holds here.
 *
 * @param terms of each severity
 * @param waitsSinceMs since when the owner waited in `from` for an answer that is owed in `into` from now on; null where none is
 */
export function joined(
  from: Mergeable & Owed,
  into: Mergeable & Owed,
  terms: TermsOf,
  waitsSinceMs: number | null,
): { severity: Severity; promise: CasePromise } {
  const { promise, severity, escalatedTo } = into;
  const own = promise.takenOver?.own ?? {
    firstAnswerDueAtMs: promise.firstAnswerDueAtMs,
    resolveDueAtMs: promise.resolveDueAtMs,
    severity,
  };
  // While what is due is due by its own promise, that is how far the escalation of it is.
  const { severity: _, ...ownDues } = own;
  const alone = settled({ ...promise, ...ownDues }, into.state.status, terms(own.severity));
  const reached =
    promise.takenOver === null || alone.dueAtMs === promise.dueAtMs
      ? { dueAtMs: promise.dueAtMs, level: promise.level, escalatedTo }
      : promise.takenOver.reached;
  const owesAnswers = promise.answeredAtMs === null && from.promise.answeredAtMs === null;
  const brought = [
    { ...(from.promise.takenOver?.own ?? { ...from.promise, severity: from.severity }), caseId: from.id, waitsSinceMs },
    ...(from.promise.takenOver?.offers ?? []),
  ].map((one) => ({
    caseId: one.caseId,
    severity: one.severity,
    firstAnswerDueAtMs: owesAnswers ? one.firstAnswerDueAtMs : null,
    // A clock that stands still promises no moment.
    resolveDueAtMs: from.promise.pausedAtMs === null ? one.resolveDueAtMs : null,
    waitsSinceMs: one.waitsSinceMs,
  }));
  const takenOver = { own, reached, offers: [...(promise.takenOver?.offers ?? []), ...brought] };
  const { severity: together, ...dues } = counted(takenOver);
  return {
    severity: together,
    promise: settled({ ...promise, ...dues, takenOver }, into.state.status, terms(together)),
  };
}

/**
 * What a case is owed once others are taken out of it again: as if they had never been in.
 *
 * @param ids the case that is taken out, and those that went into that one
 */
export function parted(ids: readonly string[], into: Mergeable & Owed, terms: TermsOf): Owed {
  const { promise, severity: before, escalatedTo } = into;
  if (promise.takenOver === null) return { severity: before, promise, escalatedTo };
  const { own, reached, offers } = promise.takenOver;
  const left = { own, reached, offers: offers.filter(({ caseId }) => !ids.includes(caseId)) };
  const { severity, ...dues } = counted(left);
  const takenOver = left.offers.length === 0 ? null : left;
  const settle = (from: CasePromise) => settled({ ...from, ...dues, takenOver }, into.state.status, terms(severity));
  const after = settle(promise);
  if (after.dueAtMs === promise.dueAtMs) return { severity, promise: after, escalatedTo };
  if (after.dueAtMs !== reached.dueAtMs) return { severity, promise: after, escalatedTo: null };
  // Steps that were reached before are not reached again.
  const { dueAtMs, level } = reached;
  return { severity, promise: settle({ ...promise, dueAtMs, level }), escalatedTo: reached.escalatedTo };
}
