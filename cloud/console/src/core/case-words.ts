/** Cases in words. */
import type {
  CaseDossier,
  Beside,
  CaseEntry,
  CasePromise,
  CaseStatus,
  EscalationStep,
  QueuedCase,
  Severity,
} from "../api/case-shapes.ts";
import type { Tone } from "./rollouts.ts";
import { agoText, durationText } from "./time.ts";

export const severityWords: Record<Severity, { words: string; tone: Tone }> = {
  safety: { words: "Safety", tone: "wrong" },
  service: { words: "Service", tone: "plain" },
  info: { words: "Info", tone: "plain" },
};

export const statusWords: Record<CaseStatus, { words: string; tone: Tone }> = {
  open: { words: "Open", tone: "plain" },
  reopened: { words: "Reopened", tone: "mind" },
  waiting_for_owner: { words: "Waits for the owner", tone: "plain" },
  waiting_for_staff: { words: "The owner answered", tone: "mind" },
  waiting_for_release: { words: "Waits for a release", tone: "plain" },
  resolved: { words: "Resolved", tone: "well" },
  resolved_in_release: { words: "Resolved in a release", tone: "well" },
  merged: { words: "Merged into another", tone: "plain" },
};

export const isClosed = (status: CaseStatus): boolean =>
  status === "resolved" || status === "resolved_in_release" || status === "merged";

/** Whether a safety matter is open because no person has seen it, or because its cause went away before one had. */
export const waitsForPerson = ({
  severity,
  status,
  seen,
  causeGoneAtMs,
}: Pick<QueuedCase, "severity" | "status" | "seen" | "causeGoneAtMs">): boolean =>
  !isClosed(status) && severity === "safety" && (seen === null || causeGoneAtMs !== null);

/** Less than this is soon. */
const soonMs = 3_600_000;

export interface Due {
  words: string;
  tone: "plain" | "mind" | "wrong";
  isOverdue: boolean;
}

/** What is due next and when: `First answer overdue by 2 h 5 min`, `Solution due in 3 d`. */
export function dueOf(promise: CasePromise, status: CaseStatus, nowMs: number): Due {
  const { dueAtMs, answeredAtMs, pausedAtMs } = promise;
  if (dueAtMs === null) {
    const words = isClosed(status)
      ? "Nothing is due"
      : pausedAtMs === null
        ? "Nothing is due"
        : "The clock stands still";
    return { words, tone: "plain", isOverdue: false };
  }
  const what = answeredAtMs === null && dueAtMs === promise.firstAnswerDueAtMs ? "First answer" : "Solution";
  const leftMs = dueAtMs - nowMs;
  if (leftMs < 0) return { words: `${what} overdue by ${durationText(-leftMs)}`, tone: "wrong", isOverdue: true };
  return {
    words: `${what} due in ${durationText(leftMs)}`,
    tone: leftMs < soonMs ? "mind" : "plain",
    isOverdue: false,
  };
}

export const isMessage = ({ kind }: CaseEntry): boolean => kind === "message_to_owner" || kind === "message_from_owner";

const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);

/** Who a message is from, so that an answer of a machine is never taken for one of a person. */
export function speakerOf({ kind, data }: CaseEntry): "owner" | "automatic" | "staff" {
  if (kind === "message_from_owner") return "owner";
  return data["automatic"] === true ? "automatic" : "staff";
}

/** When a message was seen on the appliance's display; null where it was not yet, undefined where it never goes there. */
export function shownAtMs({ data }: CaseEntry, { shown }: Pick<Beside, "shown">): number | null | undefined {
  return shown.find(({ deliveryId }) => deliveryId === data["deliveryId"])?.shownAtMs;
}

const wordsOfStatus = (value: unknown): string | undefined =>
  Object.entries(statusWords).find(([status]) => status === value)?.[1].words;

/** Where the owner reads what is written to them. */
export const reachWords: Record<Beside["reach"], string> = {
  app_and_display: "What you send reaches their app and the appliance’s display.",
  app: "The case is of no appliance: what you send reaches their app.",
  display: "The appliance belongs to no household: what you send reaches its display alone.",
  nobody:
    "Nobody is there who could read an answer: nobody of the household has joined yet, or the appliance has left it. Keep a note instead.",
};

/** That something changed hands, and how. */
export function assignedWords(
  { by, data }: { by: string; data: Record<string, unknown> },
  nameOf: (principal: string) => string,
): string {
  const { assignee } = data;
  if (typeof assignee !== "string") return "Put back for anybody";
  return assignee === by ? "Taken" : `Given to ${nameOf(assignee)}`;
}

/** What an entry of a case's history is, in a few words. */
export function entryWords({ kind, data, by }: CaseEntry): string {
  switch (kind) {
    case "opened":
      return by === "cause" ? "A rule opened the case" : "Opened";
    case "reopened":
      return "Reopened";
    case "resolved":
      if (data["release"] === "confirmed") return "The release mended it";
      if (data["causeGone"] === true) return "Seen, and resolved: the cause was gone";
      return by === "cause" ? "The cause went away" : "Resolved";
    case "status":
      return wordsOfStatus(data["status"]) ?? "Moved on";
    case "note":
      return "Note";
    case "assigned":
      return data["assignee"] === null || data["assignee"] === undefined ? "Put back for anybody" : "Given to somebody";
    case "escalated":
      return `Escalated${text(data["reaches"]) === null ? "" : `, reaches ${String(data["reaches"]).replace(/^role:/, "role ")}`}`;
    case "message_to_owner":
      return data["automatic"] === true ? "Automatic answer to the owner" : "Answer to the owner";
    case "message_from_owner":
      return "The owner wrote";
    case "merged":
      return text(data["into"]) === null ? "Another case was merged into this one" : "Merged into another case";
    case "unmerged":
      return text(data["from"]) === null
        ? "A merged case was taken out again"
        : "Taken out of the case it was merged into";
    case "acknowledged":
      return "Seen";
    case "cause_gone":
      return "The cause is gone; the case waits for somebody to see it";
    case "cause_back":
      return "The cause is back";
    case "also_found":
      return `A rule found it as well${text(data["severity"]) === null ? "" : `: it is a ${String(data["severity"])} matter now`}`;
    case "diagnosis":
      return `${data["diagnosis"] === "send_log" ? "Log" : "Self-test"}: ${text(data["state"]) ?? "asked"}`;
  }
}

/** What the owner chose instead of waiting. */
export function alternativeWords(chosen: Record<string, unknown>, nowMs: number): string {
  const kind = text(chosen["kind"]) ?? "something else";
  const atMs = chosen["fromMs"];
  if (kind === "call_back")
    return `They want to be called back${typeof atMs === "number" ? `, ${agoText(atMs, nowMs)}` : ""}.`;
  if (kind === "self_help") return "They chose to help themselves with the instructions.";
  if (kind === "technician") return "They want a technician to come.";
  return `They chose: ${kind.replaceAll("_", " ")}.`;
}

/** One value that spoke for a cause. */
export interface TraceReading {
  atMs: number;
  metric: string;
  value: number;
}

export interface RuleTrace {
  ruleId: string | null;
  ruleVersion: number | null;
  readings: TraceReading[];
  events: { atMs: number; type: string }[];
  baseline: { median: number; mad: number; episodes: number; last: { atMs: number; value: number }[] } | null;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const listOf = (value: unknown): Record<string, unknown>[] => (Array.isArray(value) ? value.filter(isRecord) : []);
const number = (value: unknown): number => (typeof value === "number" ? value : Number.NaN);

/** A rule's trace, out of what it wrote beside its firing; null where there is none. */
export function traceOf(data: Record<string, unknown>): RuleTrace | null {
  const trace = isRecord(data["trace"]) ? data["trace"] : data;
  const readings = listOf(trace["readings"])
    .map((one) => ({ atMs: number(one["atMs"]), metric: String(one["metric"]), value: number(one["value"]) }))
    .filter(({ atMs, value }) => Number.isFinite(atMs) && Number.isFinite(value));
  const events = listOf(trace["events"])
    .map((one) => ({ atMs: number(one["atMs"]), type: String(one["type"]) }))
    .filter(({ atMs }) => Number.isFinite(atMs));
  const base = isRecord(trace["baseline"]) ? trace["baseline"] : null;
  const baseline =
    base === null
      ? null
      : {
          median: number(base["median"]),
          mad: number(base["mad"]),
          episodes: number(base["episodes"]),
          last: listOf(base["last"]).map((one) => ({ atMs: number(one["atMs"]), value: number(one["value"]) })),
        };
  if (readings.length === 0 && events.length === 0 && baseline === null) return null;
  const ruleVersion = trace["ruleVersion"] ?? data["ruleVersion"];
  return {
    ruleId: text(trace["ruleId"] ?? data["ruleId"]),
    ruleVersion: typeof ruleVersion === "number" ? ruleVersion : null,
    readings,
    events,
    baseline,
  };
}

/**
 * What a rule saw in a case, of several the one that says most: what can be drawn, before that the appliance said so. What the case took
 * over from another one has its own.
 */
export function tellingTrace({ id, entries }: Pick<CaseDossier, "id" | "entries">): RuleTrace | null {
  const traces = entries
    .filter(({ fromCaseId }) => fromCaseId === null || fromCaseId === id)
    .filter(({ kind }) => kind === "opened" || kind === "also_found")
    .flatMap(({ data }) => traceOf(data) ?? []);
  return traces.find(({ readings }) => readings.length > 0) ?? traces[0] ?? null;
}

/** One step of an escalation: `1 h before: whoever has it`. */
export function stepWords({ afterDueMs, to }: EscalationStep): string {
  const when =
    afterDueMs === 0
      ? "when it is missed"
      : `${durationText(Math.abs(afterDueMs))} ${afterDueMs < 0 ? "before" : "after"}`;
  const whom = to.kind === "assignee" ? "whoever has it" : to.kind === "role" ? `all of ${to.role}` : to.name;
  return `${when}: ${whom}`;
}
