import { z } from "zod";
import type { CaseWithDevice } from "./case-desk.ts";
import { entryKinds } from "./case-entries-store.ts";
import { fixedInNow, mergedInto, resolvedBy, statusAtMs } from "./case-row.ts";
import { caseStatuses } from "./core/case.ts";
import { severities } from "./core/severity.ts";

export const caseId = z.object({ id: z.uuid() });

export const fixedInView = z.object({ version: z.string(), counter: z.number() }).meta({ id: "FixedIn" });

export const caseView = z
  .object({
    id: z.string(),
    /** Null where it is of a household alone. */
    deviceId: z.string().nullable(),
    model: z.string().nullable(),
    householdId: z.string().nullable(),
    /** Null where a person opened it. */
    ruleId: z.string().nullable(),
    cause: z.string(),
    severity: z.enum(severities),
    title: z.string(),
    status: z.enum(caseStatuses),
    /** `cause` where a rule found it, else who opened it. */
    openedBy: z.string(),
    openedAtMs: z.number(),
    /** When it came to be known here; promises count from then. */
    knownAtMs: z.number(),
    statusAtMs: z.number(),
    /** `cause` where it cleared by itself, `release` where a release mended it, else who resolved it. */
    resolvedBy: z.string().nullable(),
    /** The release that staff said mends it. */
    fixedIn: fixedInView.nullable(),
    promise: z.object({
      firstAnswerDueAtMs: z.number(),
      resolveDueAtMs: z.number(),
      answeredAtMs: z.number().nullable(),
      /** Since when the clock of the solution stands still. */
      pausedAtMs: z.number().nullable(),
      /** What is due next; null where nothing is. */
      dueAtMs: z.number().nullable(),
      level: z.number(),
      escalatesAtMs: z.number().nullable(),
    }),
    escalatedTo: z.string().nullable(),
    assignee: z.string().nullable(),
    reopenedCount: z.number(),
    /** The first of the staff who did something with it since it was opened, or opened again; null while nobody did. */
    seen: z.object({ atMs: z.number(), by: z.string() }).nullable(),
    /** Since when its cause is gone, while it waits for a person to have seen it: a safety matter does not end by itself before. */
    causeGoneAtMs: z.number().nullable(),
    /** The case that stands for it since it turned out to be the same matter; null where it stands for itself. */
    mergedInto: z.string().nullable(),
  })
  .meta({ id: "ServiceCase" });
export type CaseView = z.infer<typeof caseView>;

export const caseEntryView = z
  .object({
    sequence: z.number(),
    kind: z.enum(entryKinds),
    atMs: z.number(),
    by: z.string(),
    text: z.string().nullable(),
    data: z.record(z.string(), z.unknown()),
    /** The case that it was written in, where that one went into this one. */
    fromCaseId: z.string().nullable(),
  })
  .meta({ id: "ServiceCaseEntry" });

export const caseWithEntries = caseView
  .extend({ entries: z.array(caseEntryView) })
  .meta({ id: "ServiceCaseWithEntries" });

export const viewOf = ({ serviceCase, deviceId }: CaseWithDevice): CaseView => ({
  id: serviceCase.id,
  deviceId,
  model: serviceCase.model === "" ? null : serviceCase.model,
  householdId: serviceCase.householdId,
  ruleId: serviceCase.ruleId,
  cause: serviceCase.cause,
  severity: serviceCase.severity,
  title: serviceCase.title,
  status: serviceCase.state.status,
  openedBy: serviceCase.openedBy,
  openedAtMs: serviceCase.openedAtMs,
  knownAtMs: serviceCase.knownAtMs,
  statusAtMs: statusAtMs(serviceCase.state),
  resolvedBy: resolvedBy(serviceCase.state),
  fixedIn: fixedInNow(serviceCase.state),
  promise: serviceCase.promise,
  escalatedTo: serviceCase.escalatedTo,
  assignee: serviceCase.assignee,
  reopenedCount: serviceCase.reopenedCount,
  seen: serviceCase.seen,
  causeGoneAtMs: serviceCase.causeGoneAtMs,
  mergedInto: mergedInto(serviceCase.state),
});
