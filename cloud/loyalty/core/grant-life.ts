/**
 * The life of an offer that was made to one household.
 *
 *   granted --redeemed--> redeeming --undo time over--> calling --shop took it--> redeemed
 *      |  ^                   |                            |
 *      |  +------undone-------+                            +--shop refused, or never answered--> failed
 *      +--expired--> expired
 *
 * From `calling` on it may be that the shop has charged, so nothing but the shop's own word ends it: the call is made again, under the
 * same key, until there is one.
 */
export const grantStates = ["granted", "redeeming", "calling", "redeemed", "failed", "expired"] as const;
export type GrantState = (typeof grantStates)[number];

export type GrantEvent = "redeem" | "undo" | "call" | "took" | "refuse" | "expire";

export type GrantRefusal =
  | "offer_already_redeemed"
  | "offer_not_redeemed"
  | "offer_expired"
  | "offer_failed"
  | "too_late_to_undo"
  | "offer_not_called";

type Outcome = { kind: "moved"; to: GrantState } | { kind: "refused"; rule: GrantRefusal };

const to = (state: GrantState): Outcome => ({ kind: "moved", to: state });
const no = (rule: GrantRefusal): Outcome => ({ kind: "refused", rule });

const ended = (redeem: GrantRefusal, undo: GrantRefusal): Record<GrantEvent, Outcome> => ({
  redeem: no(redeem),
  undo: no(undo),
  call: no(redeem),
  took: no("offer_not_called"),
  refuse: no("offer_not_called"),
  expire: no(redeem),
});

/** Every state by every event: a cell that is missing does not compile. */
const transitions: Record<GrantState, Record<GrantEvent, Outcome>> = {
  granted: {
    redeem: to("redeeming"),
    undo: no("offer_not_redeemed"),
    call: no("offer_not_redeemed"),
    took: no("offer_not_called"),
    refuse: no("offer_not_called"),
    expire: to("expired"),
  },
  redeeming: {
    redeem: no("offer_already_redeemed"),
    undo: to("granted"),
    call: to("calling"),
    took: no("offer_not_called"),
    refuse: no("offer_not_called"),
    expire: no("offer_already_redeemed"),
  },
  calling: {
    redeem: no("offer_already_redeemed"),
    undo: no("too_late_to_undo"),
    // Again, after an attempt that failed or of which nobody knows.
    call: to("calling"),
    took: to("redeemed"),
    refuse: to("failed"),
    expire: no("offer_already_redeemed"),
  },
  redeemed: ended("offer_already_redeemed", "too_late_to_undo"),
  failed: ended("offer_failed", "too_late_to_undo"),
  expired: ended("offer_expired", "offer_not_redeemed"),
};

/** What `event` makes of `state`. */
export const stepGrant = (state: GrantState, event: GrantEvent): Outcome => transitions[state][event];
