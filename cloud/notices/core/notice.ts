/** What staff are told of, who wants it, and how many messages it becomes. */
import { z } from "zod";
import { safeText } from "#protocol/text.ts";

export const noticeKinds = [
  "case_opened",
  "case_reopened",
  "case_graver",
  "case_due_soon",
  "case_overdue",
  "case_escalated",
  "case_assigned",
  "owner_wrote",
  "incident_opened",
  "incident_graver",
  "incident_resolved",
  "incident_assigned",
  "store_away",
  "store_back",
  "webhook_disabled",
  "recipes_left_feed",
  "test",
] as const;
export type NoticeKind = (typeof noticeKinds)[number];

export const noticeSeverities = ["info", "service", "safety"] as const;
export type NoticeSeverity = (typeof noticeSeverities)[number];

export interface Notice {
  id: string;
  kind: NoticeKind;
  /** Null where it is about Hearth itself. */
  severity: NoticeSeverity | null;
  /** How far a case has escalated; 0: it has not. */
  level: number;
  /** Whom an escalation reaches: `role:admin`, `group:...`, a principal; null: nobody in particular. */
  reaches: string | null;
  /** `case:...`, `incident:...`. */
  subject: string;
  title: string;
  atMs: number;
  /** Ids, and no word about a household. */
  data: Record<string, unknown>;
}

const listMax = 50;

/** What a channel wants to hear of. What is left out asks nothing. */
export const subscription = z
  .strictObject({
    kinds: z.array(z.enum(noticeKinds)).min(1).max(noticeKinds.length).optional(),
    severities: z.array(z.enum(noticeSeverities)).min(1).max(noticeSeverities.length).optional(),
    /** Escalated at least so far. */
    levelMin: z.int().min(0).max(10).optional(),
    /** Only what reaches one of these: `role:admin`, `group:...`, `staff:...`. */
    reaches: z.array(safeText(100).trim().min(1)).min(1).max(listMax).optional(),
  })
  .meta({ id: "NoticeSubscription" });
export type Subscription = z.infer<typeof subscription>;

const openedAs: Partial<Record<NoticeKind, NoticeKind>> = {
  case_graver: "case_opened",
  incident_graver: "incident_opened",
};

/** Whether a subscription asks for a notice. A notice about Hearth itself has no severity, and is asked for by its kind. */
export function wants(asked: Subscription, notice: Pick<Notice, "kind" | "severity" | "level" | "reaches">): boolean {
  const { kinds, severities, levelMin, reaches } = asked;
  // Who asks for what is opened as a safety matter asks for what becomes one.
  const opened = openedAs[notice.kind];
  if (kinds !== undefined && !kinds.includes(notice.kind) && (opened === undefined || !kinds.includes(opened)))
    return false;
  if (severities !== undefined && notice.severity !== null && !severities.includes(notice.severity)) return false;
  if (levelMin !== undefined && notice.level < levelMin) return false;
  return reaches === undefined || (notice.reaches !== null && reaches.includes(notice.reaches));
}

/** What a fact of the outbox says, as far as staff may want to hear of it. */
const factData = z.object({
  title: z.string().catch(""),
  severity: z.enum(noticeSeverities).nullable().catch(null),
  level: z.number().catch(0),
  reaches: z.string().nullable().catch(null),
  by: z.string().catch(""),
  assignee: z.string().nullable().catch(null),
  stage: z.enum(["due_soon", "overdue", "escalated"]).catch("escalated"),
});

const plainKinds: Readonly<Record<string, NoticeKind>> = {
  "hearth.case.opened": "case_opened",
  "hearth.case.reopened": "case_reopened",
  "hearth.case.graver": "case_graver",
  "hearth.case.owner_wrote": "owner_wrote",
  "hearth.case.owner_waits": "owner_wrote",
  "hearth.incident.opened": "incident_opened",
  "hearth.incident.reopened": "incident_opened",
  "hearth.incident.graver": "incident_graver",
  "hearth.incident.resolved": "incident_resolved",
  "hearth.store.away": "store_away",
  "hearth.store.back": "store_back",
  "hearth.webhook.disabled": "webhook_disabled",
  "hearth.content.left_feed": "recipes_left_feed",
};
/** Who is given something is told so; what people take for themselves or put back is news to nobody. */
const givenKinds: Readonly<Record<string, NoticeKind>> = {
  "hearth.case.assigned": "case_assigned",
  "hearth.incident.assigned": "incident_assigned",
};
/** What a notice repeats of a fact: ids and numbers of the matter. Households are left out, since messages leave the house. */
const repeated = ["caseId", "incidentId", "deviceId", "model", "cause", "dueAtMs", "members", "store", "webhookId"];

/** The notice that a fact makes; null where staff are not told of its like. */
export function noticeOf(fact: {
  type: string;
  subject: string;
  atMs: number;
  data: Record<string, unknown>;
}): Omit<Notice, "id"> | null {
  const escalates = fact.type === "hearth.case.escalated";
  const given = givenKinds[fact.type];
  const plain = plainKinds[fact.type] ?? given;
  if (!escalates && plain === undefined) return null;
  const { title, severity, level, reaches, stage, by, assignee } = factData.parse(fact.data);
  if (given !== undefined && (assignee === null || assignee === by)) return null;
  const data = Object.fromEntries(repeated.flatMap((key) => (key in fact.data ? [[key, fact.data[key]]] : [])));
  const kind = plain ?? (`case_${stage}` as const);
  return { kind, severity, level, reaches, subject: fact.subject, title, atMs: fact.atMs, data };
}

/** So many messages a minute a channel gets one by one; what is beyond comes bundled. */
export const singlesPerMinute = 5;
export const digestEveryMs = 60_000;
/** So many notices are in one message; the rest waits for the next. */
export const noticesPerMessageMax = 500;

/**
 * How what is pending for a channel becomes messages.
 *
 * @param pending ids of notices, in order
 * @param made when the channel's messages of the last minute were made, and with how many notices
 */
export function bundle(
  pending: readonly string[],
  made: readonly { atMs: number; notices: number }[],
  nowMs: number,
): string[][] {
  const recent = made.filter(({ atMs }) => atMs > nowMs - digestEveryMs);
  if (recent.length + pending.length <= singlesPerMinute) return pending.map((id) => [id]);
  // A bundle has one place beyond those, once a minute: what comes after it waits for the next, a minute at most.
  const isBundled = recent.length > singlesPerMinute || recent.some(({ notices }) => notices > 1);
  return isBundled ? [] : [pending.slice(0, noticesPerMessageMax)];
}
