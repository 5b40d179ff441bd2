/**
 * The life of a manufactured serial number.
 *
 *   manufactured --enrolled--> enrolled --re_provisioned--> manufactured
 *        |  ^
 *        |  +--unblocked--+
 *        +--blocked--> blocked
 *
 * An appliance that is enrolled is blocked as a device: its certificates then let nobody in, and stay what they are.
 */
export const serialStates = ["manufactured", "enrolled", "blocked"] as const;
export type SerialState = (typeof serialStates)[number];
export type SerialEvent = "enrolled" | "re_provisioned" | "blocked" | "unblocked";

export type SerialRefusal = "serial_enrolled" | "serial_blocked" | "serial_not_blocked";
export type SerialStep = { kind: "moved"; to: SerialState } | { kind: "refused"; rule: SerialRefusal };

const moved = (to: SerialState): SerialStep => ({ kind: "moved", to });
const refused = (rule: SerialRefusal): SerialStep => ({ kind: "refused", rule });

/** Every state by every event: a cell that is missing does not compile. */
const transitions: Record<SerialState, Record<SerialEvent, SerialStep>> = {
  manufactured: {
    enrolled: moved("enrolled"),
    // Registered by hand before it was on the list: what it logs in with is taken from it.
    re_provisioned: moved("manufactured"),
    blocked: moved("blocked"),
    unblocked: refused("serial_not_blocked"),
  },
  enrolled: {
    enrolled: refused("serial_enrolled"),
    re_provisioned: moved("manufactured"),
    blocked: refused("serial_enrolled"),
    unblocked: refused("serial_not_blocked"),
  },
  blocked: {
    enrolled: refused("serial_blocked"),
    re_provisioned: refused("serial_blocked"),
    blocked: moved("blocked"),
    unblocked: moved("manufactured"),
  },
};

export const stepSerial = (now: SerialState, on: SerialEvent): SerialStep => transitions[now][on];
