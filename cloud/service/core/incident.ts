/**
 * The life of an incident: one cause that hits many devices of a model at once.
 *
 *             a device joins                  quiet for half an hour,
 *   open <---------------------- settling ------------------------------> resolved
 *     |                             ^                                        |
 *     +--(nearly) all have cleared--+                                        |
 *     |                             +--staff resolves----------------------->+
 *     +--staff resolves----------------------------------------------------->+
 *     ^                                                                      |
 *     +------------it hits many at once again, within 7 days-----------------+
 *
 * Later than that it is another incident, as with cases.
 */
import { reopenWithinMs } from "./case.ts";

export type IncidentState =
  | { status: "open"; openedAtMs: number }
  | { status: "settling"; sinceMs: number }
  | { status: "resolved"; resolvedAtMs: number; by: string };

export type IncidentStatus = IncidentState["status"];
export const incidentStatuses = ["open", "settling", "resolved"] as const satisfies IncidentStatus[];

export type IncidentEvent =
  | { kind: "joined"; atMs: number }
  /** A member's cause went away; `standing` of `members` are left. */
  | { kind: "cleared"; atMs: number; standing: number; members: number }
  | { kind: "quiet"; atMs: number }
  | { kind: "resolved"; atMs: number; by: string }
  | { kind: "returned"; atMs: number };

/** Why an event changed nothing. */
export type IncidentRefusal =
  | "incident_still_stands"
  | "incident_not_quiet_yet"
  | "incident_already_open"
  | "incident_already_settling"
  | "incident_already_resolved"
  | "incident_resolved_too_long_ago";

export type IncidentOutcome = { kind: "moved"; to: IncidentState } | { kind: "refused"; rule: IncidentRefusal };

/** How long nothing new may happen before an incident whose members have cleared resolves by itself. */
export const quietMs = 1_800_000;
/** Who resolved an incident that resolved itself. */
export const byCalm = "cause";

/** Nearly all: so few may still stand, each of which gets a case of its own. */
const standingShareMax = 0.05;
export const standingCasesMax = 50;
const isNearlyOver = ({ standing, members }: { standing: number; members: number }): boolean =>
  standing <= Math.min(members * standingShareMax, standingCasesMax);

type Of<S extends IncidentStatus> = Extract<IncidentState, { status: S }>;
type On<K extends IncidentEvent["kind"]> = Extract<IncidentEvent, { kind: K }>;

const moved = (to: IncidentState): IncidentOutcome => ({ kind: "moved", to });
const refused = (rule: IncidentRefusal): IncidentOutcome => ({ kind: "refused", rule });
const open = (_now: unknown, on: { atMs: number }): IncidentOutcome => moved({ status: "open", openedAtMs: on.atMs });
const resolve = (_now: unknown, on: On<"resolved">): IncidentOutcome =>
  moved({ status: "resolved", resolvedAtMs: on.atMs, by: on.by });

/** Every status by every event: a cell that is missing does not compile. */
const transitions: {
  [S in IncidentStatus]: { [K in IncidentEvent["kind"]]: (now: Of<S>, on: On<K>) => IncidentOutcome };
} = {
  open: {
    joined: () => refused("incident_already_open"),
    cleared: (_now, on) =>
      isNearlyOver(on) ? moved({ status: "settling", sinceMs: on.atMs }) : refused("incident_still_stands"),
    quiet: () => refused("incident_still_stands"),
    resolved: resolve,
    returned: () => refused("incident_already_open"),
  },
  settling: {
    joined: open,
    cleared: () => refused("incident_already_settling"),
    quiet: (now, on) =>
      on.atMs - now.sinceMs >= quietMs
        ? moved({ status: "resolved", resolvedAtMs: on.atMs, by: byCalm })
        : refused("incident_not_quiet_yet"),
    resolved: resolve,
    returned: () => refused("incident_already_open"),
  },
  resolved: {
    joined: () => refused("incident_already_resolved"),
    cleared: () => refused("incident_already_resolved"),
    quiet: () => refused("incident_already_resolved"),
    resolved: () => refused("incident_already_resolved"),
    returned: (now, on) =>
      on.atMs - now.resolvedAtMs < reopenWithinMs ? open(now, on) : refused("incident_resolved_too_long_ago"),
  },
};

/** What `on` makes of `now`. Pure: the clock is the event's own `atMs`. */
export function stepIncident(now: IncidentState, on: IncidentEvent): IncidentOutcome {
  // The table is total, so the pair is always a cell of it; TypeScript cannot correlate two unions on its own.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const cell = transitions[now.status][on.kind] as (now: IncidentState, on: IncidentEvent) => IncidentOutcome;
  return cell(now, on);
}
