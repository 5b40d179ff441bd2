/** What readings are to rules: each kind of rule that looks at readings, and the signals that it makes of them. */
import type { DeviceRef, ReadingFact } from "../devices/devices.ts";
import type { Facts } from "../platform/predicate/predicate.ts";
import { isClockSuspect } from "../telemetry/telemetry.ts";
import { compileCondition, type Condition } from "./core/condition.ts";
import { machineOf, type Moved, touchMs } from "./core/machine.ts";
import type { AbsenceState } from "./core/operators/absence.ts";
import {
  type Driven,
  frozenState,
  type FrozenState,
  neverDriven,
  standsAt,
  type stepFrozen,
} from "./core/operators/frozen.ts";
import type { Span } from "./core/operators/spans.ts";
import { evaluate, missed, neverSeen, thresholdState } from "./core/operators/threshold.ts";
import type { RuleDefinition, RuleOf, ServiceRule } from "./core/rule.ts";
import { movedBy, type Signal } from "./rule-signal.ts";

export interface ThresholdWatch {
  rule: ServiceRule;
  definition: RuleOf<"threshold">;
  condition: Condition | null;
  /**
   * Devices to look at closely, and the times of readings for which: all with which the rule is not idle, and perhaps a few more. A
   * device too many costs a look at its row; a device too few would cost a case. So a batch adds at once, and takes away only after its
   * commit. Of a device that was beyond the limit once, what comes later about that time is looked at, too: it is too late, and counted.
   */
  close: Map<number, Near>;
}

/** The times of readings that are looked at. */
export type Near = "always" | readonly Span[];

export interface FrozenWatch {
  rule: ServiceRule;
  definition: RuleOf<"frozen">;
  condition: Condition | null;
  /** Devices that are not idle, or of which it is to be told that their sensor moves. Where it stood still there is a row as well. */
  states: Map<number, FrozenState>;
  /** Devices whose stored readings were looked at since the start. */
  known: Set<number>;
  /** Where devices stood whose sensor had let go. */
  letGo: Map<number, FrozenState>;
}

export interface MetricWatch {
  rule: ServiceRule;
  definition: RuleOf<"absence">;
  metric: string;
  /** When the metric of each device was last noted. */
  noted: Map<number, number>;
  /** When it was there first, and when it was absent, as far as it is known. */
  past: Map<number, Pick<AbsenceState, "firstMs" | "absent">>;
}

export interface TrendWatch {
  rule: ServiceRule;
  definition: RuleOf<"trend">;
}

/** Readings of one device that lie in a time that a rule may have judged already. */
export interface LateReadings {
  device: DeviceRef;
  times: number[];
}

/** What conditions over readings may ask of the appliance: only what every batch knows. */
export const factsOf = ({ model }: DeviceRef): Facts => ({ model });

export const conditionOf = (definition: Extract<RuleDefinition, { kind: "threshold" | "frozen" }>): Condition | null =>
  definition.where === undefined ? null : compileCondition(definition.where, "reading", definition.fields);

/** A clock that runs ahead would make the rule deaf until then. */
export const timeOf = (fact: ReadingFact): number =>
  isClockSuspect(fact.atMs, fact.receivedAtMs, fact.device) ? fact.receivedAtMs : fact.atMs;

/** @param judgedUntilMs the newest reading of the device before this batch */
export function ofThreshold(
  { rule, definition }: ThresholdWatch,
  fact: ReadingFact,
  { value, isRepeated, judgedUntilMs }: { value: number; isRepeated: () => boolean; judgedUntilMs: () => number },
): Signal {
  const atMs = timeOf(fact);
  return {
    device: fact.device,
    rule,
    cause: definition.cause,
    atMs,
    judge(raw) {
      const before = raw === undefined ? neverSeen : thresholdState.parse(raw);
      const isLate = missed(definition, before, { atMs, value }, judgedUntilMs()) && !isRepeated();
      return movedBy(before, { ...evaluate(definition, before, { atMs, value }), tooLate: isLate ? 1 : 0 });
    },
    evidence: ({ trace }) => ({ metric: definition.metric, limit: definition.limit, readings: trace.readings }),
  };
}

export function drivenOf(
  { definition, condition }: FrozenWatch,
  device: DeviceRef,
  atMs: number,
  metrics: Readonly<Record<string, number | boolean>>,
): Driven | null {
  const [value, driver] = [metrics[definition.metric], metrics[definition.driver.metric]];
  if (value === undefined || driver === undefined || condition?.holds(metrics, factsOf(device)) === false) return null;
  return { atMs, value: Number(value), driver: Number(driver) };
}

/** A cause that memory found coming or going. The row decides: of what is sent again after it went, nothing comes back. */
export function ofFrozen(
  { rule, definition }: FrozenWatch,
  device: DeviceRef,
  atMs: number,
  stepped: ReturnType<typeof stepFrozen>,
): Signal {
  return {
    device,
    rule,
    cause: definition.cause,
    atMs,
    judge(raw) {
      const before = raw === undefined ? neverDriven : frozenState.parse(raw);
      const raises = stepped.state.phase === "holding";
      const isNews = (raises ? before.phase !== "holding" : standsAt(before) !== null) && atMs > before.lastAtMs;
      return movedBy(before, isNews ? stepped : { state: before, effects: [] });
    },
  };
}

/** Readings that came too late: of them nothing is made, and that is written. The row says how many of them. */
export function ofLate(
  rule: ServiceRule,
  cause: string,
  { device, times }: LateReadings,
  missedOf: (raw: unknown) => number,
): Signal {
  const [fromMs, toMs] = [Math.min(...times), Math.max(...times)];
  const judge = (raw: unknown): Moved => ({
    changed: false,
    state: raw,
    phase: "idle",
    dueMs: null,
    effects: [],
    tooLate: missedOf(raw),
  });
  return { device, rule, cause, atMs: fromMs, lateToMs: toMs, judge };
}

/** The appearance of a metric, which is noted now and then, so that the clock knows from when on to miss it. */
export function ofMetric({ rule, definition, metric }: MetricWatch, fact: ReadingFact): Signal {
  const atMs = timeOf(fact);
  const mark = { id: "", atMs, type: metric, roles: ["seen"], amount: 1 };
  const judge = (state: unknown) => machineOf(definition).step(state, mark, fact.receivedAtMs);
  return { device: fact.device, rule, cause: definition.cause, atMs, judge };
}

/** Whether the appearance of a metric is to be noted: now and then is enough. */
export const isToNote = ({ definition }: MetricWatch, lastMs: number | undefined, atMs: number): boolean =>
  lastMs === undefined || atMs - lastMs >= touchMs(definition.forMs);
