/** What the API says of cases, as far as the console reads it; test/console holds these against what the service declares. */
import type { RangePoint } from "./shapes.ts";

export type Severity = "info" | "service" | "safety";
export type CaseStatus =
  | "open"
  | "waiting_for_owner"
  | "waiting_for_staff"
  | "waiting_for_release"
  | "resolved"
  | "resolved_in_release"
  | "reopened"
  | "merged";

/** As much of a case as the pages of its appliance and its household show. */
export interface ServiceCase {
  id: string;
  /** Null where the case is of a household alone. */
  deviceId: string | null;
  title: string;
  severity: Severity;
  status: CaseStatus;
  openedAtMs: number;
}

export interface CasePromise {
  firstAnswerDueAtMs: number;
  resolveDueAtMs: number;
  answeredAtMs: number | null;
  /** Since when the clock of the solution stands still. */
  pausedAtMs: number | null;
  /** What is due next; null where nothing is. */
  dueAtMs: number | null;
  level: number;
}

export interface QueuedCase {
  id: string;
  /** Null where the case is of a household alone. */
  deviceId: string | null;
  model: string | null;
  householdId: string | null;
  ruleId: string | null;
  cause: string;
  severity: Severity;
  title: string;
  status: CaseStatus;
  openedBy: string;
  openedAtMs: number;
  statusAtMs: number;
  resolvedBy: string | null;
  fixedIn: { version: string; counter: number } | null;
  promise: CasePromise;
  escalatedTo: string | null;
  assignee: string | null;
  reopenedCount: number;
  /** The first of the staff who did something with it since it was opened, or opened again; null while nobody did. */
  seen: { atMs: number; by: string } | null;
  /** Since when its cause is gone, while it waits for a person to have seen it. */
  causeGoneAtMs: number | null;
  /** The case that stands for it since both turned out to be one matter; null where it stands for itself. */
  mergedInto: string | null;
}

export interface CaseEntry {
  sequence: number;
  kind:
    | "opened"
    | "reopened"
    | "resolved"
    | "status"
    | "note"
    | "assigned"
    | "escalated"
    | "message_to_owner"
    | "message_from_owner"
    | "diagnosis"
    | "merged"
    | "unmerged"
    | "acknowledged"
    | "cause_gone"
    | "cause_back"
    | "also_found";
  atMs: number;
  by: string;
  text: string | null;
  data: Record<string, unknown>;
  /** The case that it was written in, where that one went into this one. */
  fromCaseId: string | null;
}

export interface Snapshot {
  fromMs: number;
  toMs: number;
  whole: boolean;
  firmware: { version: string | null; releaseCounter: number | null; hardware: string | null };
  bucketMs: number;
  /** Label and unit as they were when the copy was taken; null where the model declared none, or it was not kept. */
  series: { metric: string; label: string | null; unit: string | null; points: RangePoint[] }[];
  events: { atMs: number; title: string; type: string }[];
}

export interface RelatedCase {
  id: string;
  deviceId: string;
  cause: string;
  title: string;
  status: CaseStatus;
  firmware: string | null;
  openedAtMs: number;
}

export interface CauseArticle {
  title: string;
  fix: string;
  part: { number: string; name: string } | null;
  article: Record<string, { title: string; text: string }>;
}

export interface CaseDossier extends QueuedCase {
  entries: CaseEntry[];
  appliance: {
    serial: string;
    firmware: string | null;
    hardware: string | null;
    soldAtMs: number | null;
    warrantyUntilMs: number | null;
    endOfSupportMs: number | null;
    underWarranty: boolean | null;
  } | null;
  causeArticle: CauseArticle | null;
  evidence: Snapshot | null;
  readingsHref: string | null;
  similar: {
    sinceMs: number;
    devices: number;
    open: number;
    sameModel: number;
    sameFirmware: number;
    cases: RelatedCase[];
  };
  past: RelatedCase[];
  merged: MergedCase[];
}

/** A case that went into another one. */
export interface MergedCase {
  id: string;
  title: string;
  cause: string;
  deviceId: string | null;
  openedAtMs: number;
  mergedAtMs: number;
  mergedBy: string;
}

/** What became of each case that something was done to at once. */
export interface BulkOutcome {
  done: string[];
  refused: { id: string; code: string; title: string; detail?: string | undefined }[];
}

export interface QueueCounts {
  open: number;
  mine: number;
  unassigned: number;
  overdue: number;
  escalated: number;
  bySeverity: Record<Severity, number>;
  byStatus: Partial<Record<CaseStatus, number>>;
}

export interface FilledAnswer {
  key: string;
  title: string;
  suggested: boolean;
  locale: string;
  text: string;
  missing: string[];
}

/** What stands beside the messages of a case. */
/** Somebody who may work on cases. */
export interface Assignee {
  principal: string;
  name: string;
}

export interface Beside {
  /** Where what we write is read. */
  reach: "app_and_display" | "app" | "display" | "nobody";
  wantsHuman: boolean;
  automaticAnswerAtMs: number | null;
  alternative: Record<string, unknown> | null;
  rating: number | null;
  ratedAtMs: number | null;
  shown: { deliveryId: string; shownAtMs: number | null }[];
}

export interface Diagnosis {
  id: string;
  kind: "self_test" | "send_log";
  state: "asked" | "sending" | "receiving" | "answered" | "failed" | "expired" | "removed";
  reason: string | null;
  askedAtMs: number;
  askedBy: string;
  changedAtMs: number;
  untilMs: number;
  result: Record<string, unknown> | null;
  log: { bytes: number; sha256: string; isCut: boolean; removals: Record<string, number> } | null;
}

export interface WeekOfCases {
  weekAtMs: number;
  opened: number;
  answered: number;
  firstAnswerMs: { median: number | null; p90: number | null };
  resolved: number;
  resolveMs: { median: number | null; p90: number | null };
  reopenedShare: number | null;
  automationShare: number | null;
  firstAnswerPromise: { kept: number; missed: number };
  resolvePromise: { kept: number; missed: number };
}

export interface FeedbackWeek {
  weekAtMs: number;
  asked: number;
  given: number;
  mean: number | null;
}

/** What is promised for cases of a severity, and who hears when that is in danger. */
export interface SeverityTerms {
  firstAnswerMs: number;
  resolveMs: number;
  escalation: EscalationStep[];
}

export interface EscalationStep {
  /** Below zero: before the promise is missed. */
  afterDueMs: number;
  to: { kind: "assignee" } | { kind: "role"; role: string } | { kind: "group"; name: string };
}

export type CasePolicy = Record<Severity, SeverityTerms>;

export interface PolicyVersion {
  version: number;
  policy: CasePolicy;
  createdAtMs: number;
  createdBy: string;
}
