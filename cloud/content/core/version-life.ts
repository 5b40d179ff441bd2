/**
 * The life of one version of a content item.
 *
 *   draft --submit--> in_review --approve--> approved --schedule--> scheduled --start--> live --expire--> expired
 *     ^                   |                     ^                       |                 |
 *     +-send_back,--------+                     +-----unschedule--------+                 |
 *       overtake                                |                       |                 |
 *                                               +---withdraw, replace---+-----------------+--> withdrawn
 *
 * What was withdrawn or is over stays so: the next version is another row. A newer draft overtakes what is in review, since nobody
 * should read what will not go out; it leaves alone what is approved.
 */
export const versionStates = ["draft", "in_review", "approved", "scheduled", "live", "withdrawn", "expired"] as const;
export type VersionState = (typeof versionStates)[number];

export const versionEvents = [
  "submit",
  "approve",
  "send_back",
  "overtake",
  "schedule",
  "unschedule",
  "start",
  "withdraw",
  "replace",
  "expire",
] as const;
export type VersionEvent = (typeof versionEvents)[number];

/** Why an event changed nothing. */
export type VersionRefusal =
  | "content_not_draft"
  | "content_not_in_review"
  | "content_not_approved"
  | "content_not_scheduled"
  | "content_not_live"
  | "content_withdrawn"
  | "content_expired";

export type VersionOutcome = { kind: "moved"; to: VersionState } | { kind: "refused"; rule: VersionRefusal };

const to = (state: VersionState): VersionOutcome => ({ kind: "moved", to: state });
const no = (rule: VersionRefusal): VersionOutcome => ({ kind: "refused", rule });

const over = (rule: VersionRefusal): Record<VersionEvent, VersionOutcome> => ({
  submit: no(rule),
  approve: no(rule),
  send_back: no(rule),
  overtake: no(rule),
  schedule: no(rule),
  unschedule: no(rule),
  start: no(rule),
  withdraw: no(rule),
  replace: no(rule),
  expire: no(rule),
});

/** Every state by every event: a cell that is missing does not compile. */
const transitions: Record<VersionState, Record<VersionEvent, VersionOutcome>> = {
  draft: {
    submit: to("in_review"),
    approve: no("content_not_in_review"),
    send_back: no("content_not_in_review"),
    overtake: no("content_not_in_review"),
    schedule: no("content_not_approved"),
    unschedule: no("content_not_scheduled"),
    start: no("content_not_scheduled"),
    withdraw: no("content_not_live"),
    replace: no("content_not_live"),
    expire: no("content_not_live"),
  },
  in_review: {
    submit: no("content_not_draft"),
    approve: to("approved"),
    send_back: to("draft"),
    overtake: to("draft"),
    schedule: no("content_not_approved"),
    unschedule: no("content_not_scheduled"),
    start: no("content_not_scheduled"),
    withdraw: no("content_not_live"),
    replace: no("content_not_live"),
    expire: no("content_not_live"),
  },
  approved: {
    submit: no("content_not_draft"),
    approve: no("content_not_in_review"),
    send_back: no("content_not_in_review"),
    overtake: no("content_not_in_review"),
    schedule: to("scheduled"),
    unschedule: no("content_not_scheduled"),
    start: no("content_not_scheduled"),
    withdraw: to("withdrawn"),
    replace: to("withdrawn"),
    expire: no("content_not_live"),
  },
  scheduled: {
    submit: no("content_not_draft"),
    approve: no("content_not_in_review"),
    send_back: no("content_not_in_review"),
    overtake: no("content_not_in_review"),
    schedule: to("scheduled"),
    unschedule: to("approved"),
    start: to("live"),
    withdraw: to("withdrawn"),
    replace: to("withdrawn"),
    expire: to("expired"),
  },
  live: {
    submit: no("content_not_draft"),
    approve: no("content_not_in_review"),
    send_back: no("content_not_in_review"),
    overtake: no("content_not_in_review"),
    // For other models, or until another time; it does not stop being live for that.
    schedule: to("live"),
    unschedule: no("content_not_scheduled"),
    start: no("content_not_scheduled"),
    withdraw: to("withdrawn"),
    replace: to("withdrawn"),
    expire: to("expired"),
  },
  withdrawn: over("content_withdrawn"),
  expired: over("content_expired"),
};

/** What `on` makes of a version. Pure; a refusal is a value. */
export const stepVersion = (state: VersionState, on: VersionEvent): VersionOutcome => transitions[state][on];
