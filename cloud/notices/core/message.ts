import { oneLine } from "../../platform/one-line.ts";
import type { Notice, NoticeKind } from "./notice.ts";

const listedMax = 50;
const subjectCharsMax = 150;

const kindWords: Record<NoticeKind, string> = {
  case_opened: "Case opened",
  case_reopened: "Case reopened",
  case_graver: "Case became graver",
  case_due_soon: "Case due soon",
  case_overdue: "Case overdue",
  case_escalated: "Case escalated",
  case_assigned: "Case is yours",
  owner_wrote: "Owner wrote",
  incident_opened: "Incident",
  incident_graver: "Incident became graver",
  incident_resolved: "Incident over",
  incident_assigned: "Incident is yours",
  store_away: "Store away",
  store_back: "Store back",
  webhook_disabled: "Webhook disabled",
  recipes_left_feed: "Off the feed",
  test: "Test",
};

/** Where a person reads on; null where there is no page for it. */
function hrefOf({ subject }: Notice, publicUrl: string): string | null {
  const [kind, id] = subject.split(":");
  if (kind === "webhook") return `${publicUrl}/webhooks?webhook=${id}`;
  if (kind === "model") return `${publicUrl}/models?model=${id}`;
  return kind === "case" || kind === "incident" ? `${publicUrl}/${kind}s/${id}` : null;
}

const lineOf = (notice: Notice): string => {
  const severity = notice.severity === null ? "" : ` [${notice.severity}]`;
  const words =
    notice.kind === "owner_wrote" && notice.level > 0 ? "Owner waits for an answer" : kindWords[notice.kind];
  return oneLine(`${words}${severity}: ${notice.title}`);
};

/** The body that webhooks are posted. */
export function webhookBody(notices: readonly Notice[], atMs: number, publicUrl: string): string {
  const listed = notices.slice(0, listedMax);
  return JSON.stringify({
    type: notices.length === 1 ? `hearth.notice.${notices[0]?.kind}` : "hearth.notice.digest",
    timestamp: new Date(atMs).toISOString(),
    data: {
      count: notices.length,
      notices: listed.map((notice) => ({ ...notice, href: hrefOf(notice, publicUrl) })),
    },
  });
}

/** The letter that says the same. */
export function letter(notices: readonly Notice[], publicUrl: string): { subject: string; text: string } {
  const [first] = notices;
  const only = notices.length === 1 && first !== undefined;
  const subject = only ? lineOf(first) : `${notices.length} notices: ${first === undefined ? "" : lineOf(first)}, ...`;
  const lines = notices.slice(0, listedMax).map((notice) => {
    const href = hrefOf(notice, publicUrl);
    const device = notice.data["deviceId"];
    const where = typeof device === "string" && device !== "" ? ` (${device})` : "";
    return `${new Date(notice.atMs).toISOString()} ${lineOf(notice)}${where}${href === null ? "" : `\n  ${href}`}`;
  });
  const more = notices.length > listedMax ? [`... and ${notices.length - listedMax} more`] : [];
  return { subject: subject.slice(0, subjectCharsMax), text: `${[...lines, ...more].join("\n\n")}\n` };
}
