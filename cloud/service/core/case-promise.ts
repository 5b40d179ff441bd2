/**
 * What is promised for a case: a first answer and a solution, each within the time of its severity.
 *
 * The first answer is the first word to the owner, by a person or by automation, and its clock never stands still. The clock of the
 * solution stands still while the case waits for its owner, or for a release that the appliance does not have yet, since staff can do
 * nothing then; what was left of it goes on afterwards. A promise that was made stands when the policy changes; a case that reopens is
 * promised a solution anew. Escalation goes by what is due next, and begins anew when something else is.
 */
import { z } from "zod";
import { safeText } from "#protocol/text.ts";
import type { CaseStatus } from "./case.ts";
import type { Severity } from "./severity.ts";

const durationMs = z
  .int()
  .min(60_000)
  .max(366 * 86_400_000);
const stepsMax = 10;

const escalationTarget = z.discriminatedUnion("kind", [
  /** Whoever works on the case; nobody where nobody does. */
  z.strictObject({ kind: z.literal("assignee") }),
  z.strictObject({ kind: z.literal("role"), role: z.enum(["support", "admin"]) }),
  /** A name that notifications are subscribed under. */
  z.strictObject({ kind: z.literal("group"), name: safeText(64).trim().min(1) }),
]);
export type EscalationTarget = z.infer<typeof escalationTarget>;

const severityTerms = z
  .strictObject({
    firstAnswerMs: durationMs,
    resolveMs: durationMs,
    /** In order: level 1, level 2, ...; below zero is before the promise is missed. */
    escalation: z
      .array(
        z.strictObject({
          afterDueMs: z
            .int()
            .min(-30 * 86_400_000)
            .max(366 * 86_400_000),
          to: escalationTarget,
        }),
      )
      .max(stepsMax)
      .refine(
        (steps) => steps.every((step, at) => at === 0 || step.afterDueMs > (steps[at - 1]?.afterDueMs ?? 0)),
        "must go up in time",
      ),
  })
  .refine(
    ({ firstAnswerMs, resolveMs }) => firstAnswerMs <= resolveMs,
    "the first answer must come before the solution",
  );
export type SeverityTerms = z.infer<typeof severityTerms>;

export const casePolicy = z
  .strictObject({ safety: severityTerms, service: severityTerms, info: severityTerms })
  .meta({ id: "CasePolicy" });
export type CasePolicy = z.infer<typeof casePolicy>;

/** Before what is due is missed, when it is, and further on. */
export type EscalationStage = "due_soon" | "overdue" | "escalated";

export interface CasePromise {
  firstAnswerDueAtMs: number;
  resolveDueAtMs: number;
  answeredAtMs: number | null;
  /** Since when the clock of the solution stands still. */
  pausedAtMs: number | null;
  /** What is due next; null where nothing is. */
  dueAtMs: number | null;
  /** How many steps of the escalation were reached; 0 is none. */
  level: number;
  /** When the next step is reached; null where there is none. */
  escalatesAtMs: number | null;
  /** What it took over of the cases that went into its own; null where none did. */
  takenOver: TakenOver | null;
}

/** What was promised for one case: null where that promises no moment. */
interface Offer {
  firstAnswerDueAtMs: number | null;
  resolveDueAtMs: number | null;
  severity: Severity;
}

/** A case goes on by the soonest of what was promised for it and for those that went into it, and each has its own back. */
export interface TakenOver {
  own: { firstAnswerDueAtMs: number; resolveDueAtMs: number; severity: Severity };
  /** How far the escalation was of what was due by its own promise alone. */
  reached: { dueAtMs: number | null; level: number; escalatedTo: string | null };
  /** Of the cases that went into it. `waitsSinceMs`: since when an owner waited there for an answer that is owed here now. */
  offers: (Offer & { caseId: string; waitsSinceMs: number | null })[];
}

const closed = new Set<CaseStatus>(["resolved", "resolved_in_release", "merged"]);
const paused = new Set<CaseStatus>(["waiting_for_owner", "waiting_for_release"]);

export const isClosed = (status: CaseStatus): boolean => closed.has(status);

/** Sets what is due next, and with it the escalation where that is something else than before. */
export function settled(promise: CasePromise, status: CaseStatus, { escalation }: SeverityTerms): CasePromise {
  const answer = promise.answeredAtMs === null ? promise.firstAnswerDueAtMs : null;
  const solution = promise.pausedAtMs === null ? promise.resolveDueAtMs : null;
  const open = [answer, solution].filter((due) => due !== null);
  const dueAtMs = isClosed(status) || open.length === 0 ? null : Math.min(...open);
  const level = dueAtMs === promise.dueAtMs ? promise.level : 0;
  const next = escalation[level];
  return {
    ...promise,
    dueAtMs,
    level,
    escalatesAtMs: dueAtMs === null || next === undefined ? null : dueAtMs + next.afterDueMs,
  };
}

/** What is promised for a case that becomes known. */
export const promiseOf = (terms: SeverityTerms, knownAtMs: number): CasePromise =>
  settled(
    {
      firstAnswerDueAtMs: knownAtMs + terms.firstAnswerMs,
      resolveDueAtMs: knownAtMs + terms.resolveMs,
      answeredAtMs: null,
      pausedAtMs: null,
      dueAtMs: null,
      level: 0,
      escalatesAtMs: null,
      takenOver: null,
    },
    "open",
    terms,
  );

/** What happens to a due time happens to all that it could be. */
const eachResolveDue = (takenOver: TakenOver | null, change: (dueAtMs: number) => number): TakenOver | null =>
  takenOver === null
    ? null
    : {
        ...takenOver,
        own: { ...takenOver.own, resolveDueAtMs: change(takenOver.own.resolveDueAtMs) },
        offers: takenOver.offers.map((offer) => ({
          ...offer,
          resolveDueAtMs: offer.resolveDueAtMs === null ? null : change(offer.resolveDueAtMs),
        })),
      };

/** What becomes of a promise when its case goes from one status to another at `nowMs`. */
export function promiseAfter(
  promise: CasePromise,
  move: { from: CaseStatus; to: CaseStatus; nowMs: number },
  terms: SeverityTerms,
): CasePromise {
  const { from, to, nowMs } = move;
  const stoodMs = promise.pausedAtMs === null ? 0 : Math.max(0, nowMs - promise.pausedAtMs);
  // One wait may follow another, for the owner and then for a release: the clock goes on standing still.
  const pausedAtMs = paused.has(to) ? (promise.pausedAtMs ?? nowMs) : null;
  // One that is taken out of another is owed what it was owed before: nobody shall wait longer for having been mistaken for somebody else.
  const isAnew = isClosed(from) && from !== "merged" && !isClosed(to);
  const moved = (dueAtMs: number) => (isAnew ? nowMs + terms.resolveMs : dueAtMs + (pausedAtMs === null ? stoodMs : 0));
  const takenOver = eachResolveDue(promise.takenOver, moved);
  return settled({ ...promise, pausedAtMs, resolveDueAtMs: moved(promise.resolveDueAtMs), takenOver }, to, terms);
}

/** The owner was told something. Only the first time counts. */
export function promiseAnswered(
  promise: CasePromise,
  status: CaseStatus,
  atMs: number,
  terms: SeverityTerms,
): CasePromise {
  return promise.answeredAtMs === null ? settled({ ...promise, answeredAtMs: atMs }, status, terms) : promise;
}

/**
 * A first answer is promised anew: the owner wants a person where automation answered, or chose when they want to hear from us.
 *
 * @param dueAtMs when it is due
 */
export const promiseAnew = (
  promise: CasePromise,
  status: CaseStatus,
  dueAtMs: number,
  terms: SeverityTerms,
): CasePromise =>
  settled(
    {
      ...promise,
      answeredAtMs: null,
      firstAnswerDueAtMs: dueAtMs,
      resolveDueAtMs: Math.max(promise.resolveDueAtMs, dueAtMs),
      takenOver: answerAnew(
        eachResolveDue(promise.takenOver, (before) => Math.max(before, dueAtMs)),
        dueAtMs,
      ),
    },
    status,
    terms,
  );

const answerAnew = (takenOver: TakenOver | null, firstAnswerDueAtMs: number): TakenOver | null =>
  takenOver === null
    ? null
    : {
        ...takenOver,
        own: { ...takenOver.own, firstAnswerDueAtMs },
        offers: takenOver.offers.map((offer) => ({ ...offer, firstAnswerDueAtMs: null })),
      };

/** What climbs while it is not done. */
export type Escalating = Pick<CasePromise, "dueAtMs" | "level" | "escalatesAtMs">;

/**
 * An owner wrote where nobody owes them a first answer any more. Nothing is promised for that, and yet nobody shall wait longer than for a
 * first answer: staff are told as they would be of one.
 */
export function ownerWaits(sinceMs: number, level: number, { firstAnswerMs, escalation }: SeverityTerms): Escalating {
  const dueAtMs = sinceMs + firstAnswerMs;
  const next = escalation[level];
  return { dueAtMs, level, escalatesAtMs: next === undefined ? null : dueAtMs + next.afterDueMs };
}

/** The highest step that is reached by `nowMs`; null where none is that was not reached before. */
export function escalate<P extends Escalating>(
  promise: P,
  nowMs: number,
  { escalation }: SeverityTerms,
): { promise: P; level: number; to: EscalationTarget; stage: EscalationStage } | null {
  const { dueAtMs } = promise;
  if (dueAtMs === null) return null;
  const level = escalation.filter(({ afterDueMs }) => dueAtMs + afterDueMs <= nowMs).length;
  const step = escalation[level - 1];
  if (step === undefined || level <= promise.level) return null;
  const next = escalation[level];
  const escalatesAtMs = next === undefined ? null : dueAtMs + next.afterDueMs;
  const before = escalation[promise.level - 1];
  const wasOverdue = before !== undefined && before.afterDueMs >= 0;
  const stage = step.afterDueMs < 0 ? "due_soon" : wasOverdue ? "escalated" : "overdue";
  return { promise: { ...promise, level, escalatesAtMs }, level, to: step.to, stage };
}
