import type { Answer, TraceLine } from "./decide.ts";

/** A time as people read it where the household lives. */
function when(atMs: unknown, timeZone: string): string {
  if (typeof atMs !== "number") return "later";
  const at = Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(timeZone);
  return `${at.toPlainDate().toString()} ${at.toPlainTime().toString({ smallestUnit: "minute" })}`;
}

const channelWords: Record<string, string> = {
  display: "on the appliance's display",
  email: "by e-mail",
  webhook: "in the maker's app",
};

/**
 * Why it went as it did, as support tells it and an owner reads it.
 *
 * @param trace null where it is no longer kept: then it says what happened, and of the reasons what the answer itself names
 * @param became what became of it, where it was sent
 */
export function sentenceOf(
  answer: Answer,
  trace: readonly TraceLine[] | null,
  timeZone: string,
  became: { isSeen: boolean; ended: string | null; heldUntilMs?: number | undefined } = { isSeen: false, ended: null },
): string {
  switch (answer.kind) {
    case "send": {
      const how = answer.channels.map((name) => channelWords[name] ?? name).join(" and ");
      const wait =
        became.heldUntilMs === undefined
          ? ""
          : ` It waits until ${when(became.heldUntilMs, timeZone)}: ${holdWords.quiet_hours}.`;
      const end = became.isSeen ? "" : (endWords[became.ended ?? ""] ?? wait);
      return trace === null ? `Sent ${how}.${end}` : `Sent ${how}: ${whySent(trace)}.${end}`;
    }
    case "human":
      return "No channel reaches this household by itself, so a person takes over.";
    case "hold":
      return `Waits until ${when(answer.untilMs, timeZone)}: ${holdWords[answer.reason]}.`;
    case "suppress":
      return `Not sent: ${suppressWords(answer.reason, trace ?? [])}.`;
  }
}

const wayNames: Record<string, string> = {
  display: "The appliance's display",
  email: "E-mail",
  webhook: "The maker's app",
  web_push: "Web push",
  human: "A person",
};
const wayWords: Record<string, string> = {
  open: "open",
  not_for_displays: "what it is lies on the feed, and opens no display",
  does_not_fit: "no appliance of theirs can do what it asks for",
  no_appliance: "they have no appliance",
  needs_a_display: "it is redeemed at an appliance",
  no_address: "they gave no address",
  address_stopped: "no letter may go to their address any more",
  not_set_up: "this service is not set up for it",
  not_offered: "not offered",
  not_for_promotions: "not for promotions",
  failed: "it was tried, and came to nothing",
  too_late: "too late for it",
};

/** The ways that were looked at, as `email:no_address`, in a sentence each. */
export const triedWords = (tried: readonly string[]): string[] =>
  tried.map((one) => {
    const [name = "", outcome = ""] = one.split(":");
    return `${wayNames[name] ?? name}: ${wayWords[outcome] ?? outcome.replaceAll("_", " ")}.`;
  });

/** How it ended before anybody saw it. */
const endWords: Record<string, string> = {
  cancelled: " It was taken back before anybody saw it.",
  limit: " It was taken back before anybody saw it: the appliance's limits no longer allow it.",
  superseded: " Something newer took its place before anybody saw it.",
  expired: " Nobody saw it in time.",
  failed: " It did not arrive.",
};

const holdWords: Record<Extract<Answer, { kind: "hold" }>["reason"], string> = {
  not_yet: "its time has not come",
  best_hour: "that is when this household cooks most",
  quiet_hours: "these are the household's quiet hours",
  capped: "the household has had as many messages as it may have",
  no_room: "earlier messages have not been looked at yet",
  more_important: "something more important is on its way",
};

function suppressWords(reason: Extract<Answer, { kind: "suppress" }>["reason"], trace: readonly TraceLine[]): string {
  const values = trace.find(({ says }) => says === reason)?.with;
  switch (reason) {
    case "no_consent":
      return "the household did not agree to marketing";
    case "disengaged":
      return "the household has turned away, and is left in peace";
    case "held_out":
      return "the household is in this quarter's hold-out, by which the effect is measured";
    case "quiet_hours":
      return "it fell into the household's quiet hours, and the household chose to skip what does";
    case "capped":
      return "a cap allows none";
    case "wants_none":
      return "the household wants no such messages";
    case "another_suits_better":
      return `'${String(values?.["instead"] ?? "another item")}' suits this household better`;
    case "expired":
      return "it has expired";
    case "expires_while_waiting":
      return "it would have expired before its time came";
    case "does_not_fit":
      return "no appliance of the household can do what it asks for";
    case "no_channel":
      return "no channel reaches this household";
  }
}

function whySent(trace: readonly TraceLine[]): string {
  const moment = trace.find(({ test }) => test === "moment")?.says;
  const consent = trace.find(({ test }) => test === "consent")?.says;
  const basis = consent === "agreed" ? "you agreed to marketing" : "it belongs to your appliance and account";
  return moment === "best_hour" ? `${basis}, and this is the hour in which you cook most` : basis;
}
