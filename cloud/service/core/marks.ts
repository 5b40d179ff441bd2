import type { Presence } from "#protocol/link/messages.ts";
import type { Facts } from "../../platform/predicate/predicate.ts";
import { compileCondition, type Condition } from "./condition.ts";
import type { Mark } from "./operators/operator.ts";
import { presenceTypes, type RuleOf, type Selector } from "./rule.ts";

/** An event as rules see it: what an appliance said of itself, or its coming and going. */
export interface RuleEvent {
  id: string;
  atMs: number;
  type: string;
  data: Readonly<Record<string, unknown>>;
}

/** An appliance came or went, as an event; null for what is neither. */
export function presenceEvent(
  atMs: number,
  { state, bootId, connectionId, reason }: Pick<Presence, "state" | "bootId" | "connectionId" | "reason">,
): RuleEvent | null {
  if (state !== "connected" && state !== "disconnected") return null;
  const type = state === "connected" ? presenceTypes.opened : presenceTypes.closed;
  return { id: `${bootId}:${connectionId}:${state}`, atMs, type, data: reason === undefined ? {} : { reason } };
}

export type MarkRule = RuleOf<"count" | "sequence" | "accumulate" | "trend" | "absence">;

/** Turns events into what they are to one rule. */
export interface Marker {
  /** Types of events that it looks at. */
  types: ReadonlySet<string>;
  /** Whether its conditions ask for more of the appliance than its model. */
  needsAppliance: boolean;
  /** Null where the event is nothing to the rule. */
  markOf(event: RuleEvent, appliance: Facts): Mark | null;
}

interface Role {
  role: string;
  type: string;
  /** Where in the data the time stands that counts; the event's own where there is none. */
  atField: string | undefined;
  condition: Condition;
}

export function markerOf(rule: MarkRule): Marker {
  const roles = rolesOf(rule).map(([role, { type, where, atField }]): Role => ({
    role,
    type,
    atField,
    condition: compileCondition(where, "event", rule.fields),
  }));
  const field = rule.kind === "accumulate" ? rule.field : undefined;
  return {
    types: new Set(roles.map(({ type }) => type)),
    needsAppliance: roles.some(({ condition }) => condition.needsAppliance),
    markOf(event, appliance) {
      const played = roles.filter(
        ({ type, condition }) => type === event.type && condition.holds(event.data, appliance),
      );
      if (played.length === 0) return null;
      const { id, type } = event;
      const atMs = timeIn(event, played.find(({ atField }) => atField !== undefined)?.atField);
      return { id, atMs, type, roles: played.map(({ role }) => role), amount: amountOf(event, field) };
    },
  };
}

/** How long ago an event may tell of: longer than any rule looks back. */
const toldOfMsMax = 90 * 86_400_000;

/** A time that cannot be what the event tells of is none: its own counts then. */
function timeIn({ atMs, data }: RuleEvent, field: string | undefined): number {
  const value = field !== undefined && Object.hasOwn(data, field) ? data[field] : undefined;
  return typeof value === "number" && value <= atMs && value > atMs - toldOfMsMax ? value : atMs;
}

function rolesOf(rule: MarkRule): [string, Selector & { atField?: string | undefined }][] {
  switch (rule.kind) {
    case "count":
      return [rule.event, ...(rule.alsoToldBy?.events ?? [])].map((event) => ["count", event]);
    case "sequence": {
      const places = rule.events.map((event, at): [string, Selector] => [String(at), event]);
      return rule.without === undefined ? places : [...places, ["without", rule.without]];
    }
    case "accumulate":
      return [
        ["reset", rule.reset],
        ["add", rule.add],
      ];
    case "trend":
      return [
        ["from", rule.from],
        ["to", rule.to],
      ];
    case "absence":
      return rule.of.kind === "event" ? [["seen", rule.of.event]] : [];
  }
}

/** What an event adds. A number that is missing, or goes backwards, adds nothing. */
function amountOf(event: RuleEvent, field: string | undefined): number {
  if (field === undefined) return 1;
  const value = Object.hasOwn(event.data, field) ? event.data[field] : undefined;
  return typeof value === "number" && value > 0 ? value : 0;
}
