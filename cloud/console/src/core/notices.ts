/** What staff are told, in words. */
import type { NoticeKind, Subscription } from "../api/notice-shapes.ts";
import { severityWords } from "./case-words.ts";

export const noticeKindWords: Record<NoticeKind, string> = {
  case_opened: "a case opens",
  case_reopened: "a case reopens",
  case_graver: "a case turns out graver",
  case_due_soon: "a case is due soon",
  case_overdue: "a case is overdue",
  case_escalated: "a case escalates",
  case_assigned: "a case is given to somebody",
  owner_wrote: "an owner writes, or waits for an answer",
  incident_opened: "an incident opens",
  incident_graver: "an incident turns out graver",
  incident_resolved: "an incident is resolved",
  incident_assigned: "an incident is given to somebody",
  store_away: "the store of readings is away",
  store_back: "the store of readings is back",
  webhook_disabled: "a webhook for events is disabled",
  recipes_left_feed: "recipes leave a model's feed",
  test: "a test",
};

/** What a subscription asks for: `When a case opens, of severity safety`. */
export function subscriptionWords(
  { kinds, severities, levelMin, reaches }: Subscription,
  nameOf: (principal: string) => string,
): string {
  const what = kinds === undefined ? "Everything" : `When ${kinds.map((kind) => noticeKindWords[kind]).join(", or ")}`;
  const severity =
    severities === undefined
      ? ""
      : `, of severity ${severities.map((one) => severityWords[one].words.toLowerCase()).join(" or ")}`;
  const level = levelMin === undefined || levelMin === 0 ? "" : `, from level ${levelMin} on`;
  const reach = reaches === undefined ? "" : `, where it reaches ${reaches.map(nameOf).join(" or ")}`;
  return what + severity + level + reach;
}
