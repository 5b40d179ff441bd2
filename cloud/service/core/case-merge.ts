/**
 * Two cases that are one matter: one goes into the other, which stands for both from then on.
 *
 * Only what is open is merged: what is closed is history, and told as it was. Both are of one household, so that nobody reads what others
 * wrote, and of one appliance; a case of a household alone may go into one of an appliance, and not the other way round, since what an
 * appliance does would find its case no more.
 */
import type { CaseState } from "./case.ts";
import { type CasePromise, isClosed, promiseJoined, type SeverityTerms } from "./case-promise.ts";
import { severities, type Severity } from "./severity.ts";

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

/**
 * How bad the matter is, and what is promised for it, once `from` has gone into `into`.
 *
 * @param terms of each severity
 */
export function joined(
  from: Mergeable,
  into: Mergeable,
  terms: (severity: Severity) => SeverityTerms,
): { severity: Severity; promise: CasePromise } {
  const graver = severities.indexOf(from.severity) > severities.indexOf(into.severity);
  const severity = graver ? from.severity : into.severity;
  return { severity, promise: promiseJoined(into.promise, into.state.status, from.promise, terms(severity)) };
}
