import type {
  CampaignState,
  Counts,
  DecisionTrace,
  EngagementPolicy,
  RecallStatus,
  UnreachableWhy,
} from "../api/campaign-shapes.ts";
import { measureText, plural } from "./numbers.ts";
import type { Tone } from "./rollouts.ts";

export const campaignStateWords: Record<CampaignState, { words: string; tone: Tone }> = {
  draft: { words: "Draft", tone: "plain" },
  approved: { words: "Approved", tone: "plain" },
  running: { words: "Running", tone: "well" },
  paused: { words: "Paused", tone: "mind" },
  finished: { words: "Finished", tone: "plain" },
};

export const recallStatusWords: Record<RecallStatus, { words: string; tone: Tone }> = {
  acknowledged: { words: "Acknowledged", tone: "well" },
  shown: { words: "Shown", tone: "well" },
  emailed: { words: "Letter by e-mail", tone: "plain" },
  on_its_way: { words: "On its way", tone: "mind" },
  unreachable: { words: "Unreachable", tone: "wrong" },
  not_decided: { words: "Not decided yet", tone: "plain" },
};

/** How many of a household's appliances acknowledged a recall, where some did and others did not. */
export function acknowledgedWords(appliances: readonly { acknowledgedAtMs: number | null }[]): string | null {
  const count = appliances.filter(({ acknowledgedAtMs }) => acknowledgedAtMs !== null).length;
  return count === 0 || count === appliances.length ? null : `Acknowledged ${count} of ${appliances.length}`;
}

export const unreachableWords: Record<UnreachableWhy, string> = {
  never_registered: "Made, and never registered",
  no_household: "Nobody owns it, and it did not show it",
  no_address: "No address, and no appliance showed it",
  no_mail: "No mail server is set up here, and no appliance showed it",
  never_seen: "No letter arrived, and no appliance showed it",
};

const reasons: Record<string, string> = {
  no_consent: "No consent to marketing",
  disengaged: "Turned away, left in peace",
  held_out: "In this quarter’s hold-out",
  quiet_hours: "Quiet hours",
  capped: "Had as many as it may have",
  wants_none: "Wants no such messages",
  another_suits_better: "Another item suits better",
  expired: "Expired",
  expires_while_waiting: "Would expire while waiting",
  does_not_fit: "No appliance that fits",
  no_channel: "No channel reaches it",
  withdrawn: "The item was withdrawn",
  campaign_finished: "The campaign ended first",
  consent_withdrawn: "Consent was withdrawn",
  turned_away: "Turned away before it was sent",
  merged: "Became part of another household",
  not_yet: "Its time has not come",
  best_hour: "Waits for the best hour",
  no_room: "Earlier ones are unseen",
  more_important: "Something more important first",
  way_failed: "Came to nothing, another way is chosen",
  only_a_person: "Too late for a message, not for a person",
  display: "On the display",
  email: "By e-mail",
  webhook: "In the maker's app",
};
export const reasonWords = (reason: string): string => reasons[reason] ?? reason.replaceAll("_", " ");

const wayNames: Record<string, string> = {
  display: "The display",
  email: "E-mail",
  webhook: "The maker’s app",
  web_push: "Web push",
  human: "A person",
};
const wayWords: Record<string, string> = {
  open: "open",
  not_for_displays: "it lies on the feed",
  does_not_fit: "no appliance that fits",
  no_appliance: "no appliance",
  needs_a_display: "it is redeemed at an appliance",
  no_address: "no address",
  address_stopped: "no letter may go to the address",
  not_set_up: "not set up here",
  not_offered: "not offered",
  not_for_promotions: "not for promotions",
  failed: "came to nothing",
  too_late: "too late",
};

/** The ways that a decision looked at, in their order; null: it did not come to that. `E-mail: not set up here` */
export function triedText({ with: values }: DecisionTrace["tests"][number]): string | null {
  const tried = values?.["tried"];
  if (!Array.isArray(tried) || tried.length === 0) return null;
  return tried
    .map((one: string) => {
      const [name = "", outcome = ""] = one.split(":");
      return `${wayNames[name] ?? name}: ${wayWords[outcome] ?? outcome.replaceAll("_", " ")}`;
    })
    .join(", ");
}

/** The most first. */
export const mostFirst = (counts: Counts): [string, number][] =>
  Object.entries(counts).toSorted(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));

const tests: Record<string, string> = {
  consent: "Consent",
  class: "Class",
  holdout: "Hold-out",
  moment: "Moment",
  cap: "Frequency cap",
  priority: "Priority",
  expiry: "Expiry",
  channel: "Channel",
};
export const testWords = (test: string): string => tests[test] ?? test;

export const outcomeWords: Record<DecisionTrace["tests"][number]["outcome"], { words: string; tone: Tone }> = {
  passes: { words: "passes", tone: "well" },
  holds: { words: "holds", tone: "mind" },
  suppresses: { words: "stops it", tone: "wrong" },
  not_asked: { words: "not asked", tone: "plain" },
};

/** `saved topic:fish +3` */
export const termText = ({ term, about, points }: DecisionTrace["terms"][number]): string =>
  `${term.replaceAll("_", " ")}${about === undefined ? "" : ` (${about.replace(/^(topic|item):/, "")})`} ${points > 0 ? "+" : "−"}${Math.abs(points)}`;

const two = (value: number) => String(value).padStart(2, "0");
export const minuteText = (minute: number): string => `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
export function minuteOf(text: string): number {
  const [hour = "0", minute = "0"] = text.split(":");
  return Number(hour) * 60 + Number(minute);
}

/** A difference of two shares, in points of a hundred. */
export const pointsText = (share: number): string =>
  `${share < 0 ? "−" : "+"}${Math.abs(share * 100).toFixed(1)} percentage points`;
export const shareText = (part: number, of: number): string =>
  of === 0 ? "0 %" : `${((100 * part) / of).toFixed(1)} %`;

export interface CampaignsSearch {
  cursor?: string | undefined;
}
export interface CampaignEditorSearch {
  draft?: string | undefined;
  kind?: "recall" | undefined;
}
const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);
export const campaignsSearch = (search: Record<string, unknown>): CampaignsSearch => ({
  cursor: text(search["cursor"]),
});
export const campaignEditorSearch = (search: Record<string, unknown>): CampaignEditorSearch => ({
  draft: text(search["draft"]),
  kind: search["kind"] === "recall" ? "recall" : undefined,
});

const capped: Record<EngagementPolicy["caps"][number]["classes"][number], string> = {
  promotional: "to sell something",
  loyalty_status: "about points",
};

export const noCapWords = "No cap: only what each household set for itself bounds how often it hears from you.";

function capSentence({ days, max, classes }: EngagementPolicy["caps"][number]): string {
  const of = classes
    .map((one) => capped[one])
    .toSorted()
    .join(" or ");
  return `At most ${plural(max, "message")} ${days === 1 ? "a day" : `in ${days} days`} that ${max === 1 ? "is" : "are"} ${of}.`;
}

/** What holds for every campaign, in sentences. */
export function policyWords({ caps, roomMax, holdoutShare }: EngagementPolicy) {
  return {
    caps: caps.length === 0 ? [noCapWords] : caps.map(capSentence),
    room: `At most ${plural(roomMax, "message")} unseen on a display at a time.`,
    holdout:
      holdoutShare === 0
        ? "Nobody is held out, so no campaign can say what it changed."
        : `${measureText(holdoutShare * 100)} % of households get no promotion in a quarter, to measure against.`,
  };
}

export function policySentences(policy: EngagementPolicy): string[] {
  const { caps, room, holdout } = policyWords(policy);
  return [...caps, room, holdout];
}
