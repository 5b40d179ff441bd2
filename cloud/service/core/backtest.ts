/** What a back-test reads, what it says of one appliance, and when a rule fires on too many. */
import { createHash } from "node:crypto";
import { markerOf } from "./marks.ts";
import { presenceTypes, type RuleDefinition } from "./rule.ts";

export const verdicts = ["fired", "never_fired", "no_data"] as const;
export type Verdict = (typeof verdicts)[number];

/** "Never fired" is said only where the rule had something to look at. */
export const verdictOf = ({ evaluated, raises }: { evaluated: number; raises: number }): Verdict =>
  raises > 0 ? "fired" : evaluated > 0 ? "never_fired" : "no_data";

/** A rule that would fire on more than this share of the appliances that it looked at is put in force only by somebody who says so. */
export const firesWidelyShare = 0.05;
/** Among fewer appliances a share says little. */
export const firesWidelyDevicesMin = 10;

/** @returns the share, or null where too few appliances had anything to look at */
export function firingShare({ fired, neverFired }: { fired: number; neverFired: number }): number | null {
  const looked = fired + neverFired;
  return looked < firesWidelyDevicesMin ? null : fired / looked;
}

/** Keys in one order, whatever a store made of it. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, own]) => [key, sorted(own)]),
  );
}

/** Two definitions have the same hash where they fire alike: how a rule is called and what follows from it is no part of that. */
export function firingSha256(definition: RuleDefinition): string {
  const { title: _title, severity: _severity, mode: _mode, actions: _actions, ...fires } = definition;
  return createHash("sha256")
    .update(JSON.stringify(sorted(fires)))
    .digest("hex");
}

/** What a rule looks at; `metrics` and `types` are null where it may be anything. */
export interface Reads {
  readings: boolean;
  metrics: readonly string[] | null;
  events: boolean;
  types: readonly string[] | null;
  presence: boolean;
}

const nothing: Reads = { readings: false, metrics: [], events: false, types: [], presence: false };

/** A condition may ask for whatever a reading has. */
const readingsOf = (where: string | undefined, ...metrics: string[]): Reads => ({
  ...nothing,
  readings: true,
  metrics: where === undefined ? metrics : null,
});

const isPresence = (type: string): boolean => type === presenceTypes.opened || type === presenceTypes.closed;

export function readsOf(rule: RuleDefinition): Reads {
  switch (rule.kind) {
    case "threshold":
      return readingsOf(rule.where, rule.metric);
    case "frozen":
      return readingsOf(rule.where, rule.metric, rule.driver.metric);
    case "fault":
      return { ...nothing, events: true, types: ["fault.raised", "fault.cleared"] };
    case "trend": {
      const { feature } = rule;
      const metrics = feature.kind === "rate" ? [feature.metric, feature.per.metric] : [feature.metric];
      return { ...readingsOf(rule.where, ...metrics), events: true, types: [...markerOf(rule).types] };
    }
    case "absence":
      if (rule.of.kind === "anything")
        return { readings: true, metrics: null, events: true, types: null, presence: true };
      if (rule.of.kind === "metric") return readingsOf(undefined, rule.of.metric);
      return ofEvents([...markerOf(rule).types]);
    case "count":
    case "sequence":
    case "accumulate":
      return ofEvents([...markerOf(rule).types]);
  }
}

function ofEvents(types: readonly string[]): Reads {
  const said = types.filter((type) => !isPresence(type));
  return { ...nothing, events: said.length > 0, types: said, presence: types.some(isPresence) };
}
