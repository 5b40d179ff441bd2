import { type CasePromise, isClosed, type TakenOver } from "./core/case-promise.ts";
import type { CaseState, CaseStatus } from "./core/case.ts";
import type { Severity } from "./core/severity.ts";

export interface ServiceCase {
  id: string;
  /** Null where it is of a household alone. */
  deviceKey: number | null;
  model: string;
  householdId: string | null;
  /** Whose case it was when the device left them while it was open. */
  formerHouseholdId: string | null;
  /** Null where a person opened it. */
  ruleId: string | null;
  cause: string;
  severity: Severity;
  title: string;
  /** `cause` where a rule opened it, else the principal who did. */
  openedBy: string;
  /** In the device's time. */
  openedAtMs: number;
  /** When it came to be known here: what promises count from. */
  knownAtMs: number;
  state: CaseState;
  promise: CasePromise;
  /** Who gave the first answer; null while nobody did. */
  answeredBy: string | null;
  /** Whom the escalation reached last: `assignee`, `role:admin`, `group:...`. */
  escalatedTo: string | null;
  /** The principal who works on it. */
  assignee: string | null;
  assignedAtMs: number | null;
  reopenedCount: number;
  firstResolvedAtMs: number | null;
  /** Whether that was in time; null while it never was resolved. */
  resolveKept: boolean | null;
  /** The first of the staff who did something with it since it was opened, or opened again; null while nobody did. */
  seen: { atMs: number; by: string } | null;
  /** Since when its cause is gone, while it waits for a person all the same. In the device's time. */
  causeGoneAtMs: number | null;
}

/** Whether it ends by no other hand than a person's: a safety matter that none has seen. */
export const wantsPerson = ({ severity, seen }: Pick<ServiceCase, "severity" | "seen">): boolean =>
  severity === "safety" && seen === null;

/**
 * Whether a case is still of those who have its appliance: what somebody left behind is nobody's to be answered. A case of a household
 * alone is that household's.
 *
 * @param device null where the case is of no appliance, or the appliance is no more
 */
export const isTheirs = (
  { deviceKey, householdId, formerHouseholdId }: ServiceCase,
  device: { householdId: string | null } | null,
): boolean =>
  device === null
    ? deviceKey === null && householdId !== null
    : householdId === device.householdId && (householdId !== null || formerHouseholdId === null);

export interface CaseRow {
  id: string;
  device_key: number | null;
  model: string;
  household_id: string | null;
  former_household_id: string | null;
  rule_id: string | null;
  cause: string;
  severity: Severity;
  title: string;
  status: CaseStatus;
  opened_by: string;
  opened_at_ms: number;
  known_at_ms: number;
  status_at_ms: number;
  resolved_by: string | null;
  fixed_in_version: string | null;
  fixed_in_counter: number | null;
  release_confirmed_at_ms: number | null;
  first_answer_due_at_ms: number;
  resolve_due_at_ms: number;
  answered_at_ms: number | null;
  answered_by: string | null;
  paused_at_ms: number | null;
  due_at_ms: number;
  escalation_level: number;
  escalated_to: string | null;
  escalates_at_ms: number | null;
  assignee: string | null;
  assigned_at_ms: number | null;
  reopened_count: number;
  first_resolved_at_ms: number | null;
  resolve_kept: boolean | null;
  merged_into_id: string | null;
  seen_at_ms: number | null;
  seen_by: string | null;
  cause_gone_at_ms: number | null;
  taken_over: TakenOver | null;
}

/** Of a case of which nothing is due: it sorts after all others. */
export const nothingDueMs = Number.MAX_SAFE_INTEGER;

function fixedInOf(row: CaseRow) {
  const { fixed_in_version: version, fixed_in_counter: counter } = row;
  return version === null || counter === null ? null : { version, counter };
}

function toState(row: CaseRow): CaseState {
  const atMs = row.status_at_ms;
  const fixedIn = fixedInOf(row);
  const by = row.resolved_by ?? "";
  switch (row.status) {
    case "open":
      return { status: "open", openedAtMs: atMs };
    case "waiting_for_owner":
    case "waiting_for_staff":
      return { status: row.status, sinceMs: atMs };
    case "waiting_for_release":
    case "resolved_in_release":
      if (fixedIn === null) throw new Error(`case ${row.id} names no release`);
      return row.status === "resolved_in_release"
        ? { status: "resolved_in_release", resolvedAtMs: atMs, by, fixedIn }
        : { status: "waiting_for_release", sinceMs: atMs, fixedIn, confirmedAtMs: row.release_confirmed_at_ms };
    case "resolved":
      return { status: "resolved", resolvedAtMs: atMs, by, fixedIn };
    case "reopened":
      return { status: "reopened", reopenedAtMs: atMs };
    case "merged":
      if (row.merged_into_id === null) throw new Error(`case ${row.id} went into none`);
      return { status: "merged", mergedAtMs: atMs, by, intoId: row.merged_into_id };
  }
}

/** Since when a case has its status. */
export function statusAtMs(state: CaseState): number {
  switch (state.status) {
    case "open":
      return state.openedAtMs;
    case "waiting_for_owner":
    case "waiting_for_staff":
    case "waiting_for_release":
      return state.sinceMs;
    case "resolved":
    case "resolved_in_release":
      return state.resolvedAtMs;
    case "reopened":
      return state.reopenedAtMs;
    case "merged":
      return state.mergedAtMs;
  }
}

/** The release that was said to mend it, as far as that still counts. */
export const fixedInNow = (state: CaseState) => ("fixedIn" in state ? state.fixedIn : null);

/** The case that it went into; null where it stands for itself. */
export const mergedInto = (state: CaseState) => (state.status === "merged" ? state.intoId : null);

/** Who resolved it, or what; null while it is open. */
export const resolvedBy = (state: CaseState): string | null =>
  isClosed(state.status) && "by" in state ? state.by : null;

export const toCase = (row: CaseRow): ServiceCase => ({
  id: row.id,
  deviceKey: row.device_key,
  model: row.model,
  householdId: row.household_id,
  formerHouseholdId: row.former_household_id,
  ruleId: row.rule_id,
  cause: row.cause,
  severity: row.severity,
  title: row.title,
  openedBy: row.opened_by,
  openedAtMs: row.opened_at_ms,
  knownAtMs: row.known_at_ms,
  state: toState(row),
  promise: {
    firstAnswerDueAtMs: row.first_answer_due_at_ms,
    resolveDueAtMs: row.resolve_due_at_ms,
    answeredAtMs: row.answered_at_ms,
    pausedAtMs: row.paused_at_ms,
    dueAtMs: row.due_at_ms === nothingDueMs ? null : row.due_at_ms,
    level: row.escalation_level,
    escalatesAtMs: row.escalates_at_ms,
    takenOver: row.taken_over,
  },
  answeredBy: row.answered_by,
  escalatedTo: row.escalated_to,
  assignee: row.assignee,
  assignedAtMs: row.assigned_at_ms,
  reopenedCount: row.reopened_count,
  firstResolvedAtMs: row.first_resolved_at_ms,
  resolveKept: row.resolve_kept,
  seen: row.seen_at_ms === null || row.seen_by === null ? null : { atMs: row.seen_at_ms, by: row.seen_by },
  causeGoneAtMs: row.cause_gone_at_ms,
});

export function toRow(serviceCase: ServiceCase): CaseRow {
  const { state, promise } = serviceCase;
  const fixedIn = fixedInNow(state);
  return {
    id: serviceCase.id,
    device_key: serviceCase.deviceKey,
    model: serviceCase.model,
    household_id: serviceCase.householdId,
    former_household_id: serviceCase.formerHouseholdId,
    rule_id: serviceCase.ruleId,
    cause: serviceCase.cause,
    severity: serviceCase.severity,
    title: serviceCase.title,
    status: state.status,
    opened_by: serviceCase.openedBy,
    opened_at_ms: serviceCase.openedAtMs,
    known_at_ms: serviceCase.knownAtMs,
    status_at_ms: statusAtMs(state),
    resolved_by: resolvedBy(state),
    fixed_in_version: fixedIn?.version ?? null,
    fixed_in_counter: fixedIn?.counter ?? null,
    release_confirmed_at_ms: state.status === "waiting_for_release" ? state.confirmedAtMs : null,
    first_answer_due_at_ms: promise.firstAnswerDueAtMs,
    resolve_due_at_ms: promise.resolveDueAtMs,
    answered_at_ms: promise.answeredAtMs,
    answered_by: serviceCase.answeredBy,
    paused_at_ms: promise.pausedAtMs,
    due_at_ms: promise.dueAtMs ?? nothingDueMs,
    escalation_level: promise.level,
    escalated_to: serviceCase.escalatedTo,
    escalates_at_ms: promise.escalatesAtMs,
    assignee: serviceCase.assignee,
    assigned_at_ms: serviceCase.assignedAtMs,
    reopened_count: serviceCase.reopenedCount,
    first_resolved_at_ms: serviceCase.firstResolvedAtMs,
    resolve_kept: serviceCase.resolveKept,
    merged_into_id: mergedInto(state),
    seen_at_ms: serviceCase.seen?.atMs ?? null,
    seen_by: serviceCase.seen?.by ?? null,
    cause_gone_at_ms: serviceCase.causeGoneAtMs,
    taken_over: promise.takenOver,
  };
}
