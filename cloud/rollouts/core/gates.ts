/**
 * Whether a stage has gone so wrong that the rollout stops by itself.
 *
 * Failures and time-outs divide by the appliances that *started*, because one that is switched off says nothing about the release. A
 * share counts once the outcome of `sampleMin` of them is known; a stage that has fewer than that gives all it has. Too many failures
 * in absolute number count at once.
 */
import type { Gate, Tally } from "./plan.ts";

export const gateKinds = ["failure_share", "failures", "timeout_share", "metric"] as const;
export type GateKind = (typeof gateKinds)[number];

/** A metric on both sides, as it was last measured. */
export interface MeasuredMetric {
  treated: number;
  untreated: number;
  treatedDevices: number;
  untreatedDevices: number;
}

/** One line of a gate: what it is, where it is drawn, and how much stands behind it. */
export interface GateVerdict {
  gate: GateKind;
  /** null: nothing to divide by, or nothing measured. */
  value: number | null;
  line: number;
  /** What stands behind the value: known outcomes; for a metric the appliances of the smaller side. */
  sample: number;
  sampleMin: number;
  /** `too_early`: the sample is too small for the value to count. `tripped`: above the line. */
  verdict: "too_early" | "within" | "tripped";
}

/** Those that began: the divisor of every share. */
export const startedCount = (tally: Tally): number => tally.started + tally.done + tally.failed + tally.timed_out;

/** Those whose outcome is known. */
export const outcomeCount = (tally: Tally): number => tally.done + tally.failed + tally.timed_out;

/** How many outcomes a stage can have at all: who was left out, called back or declined has none. */
export const attainable = (tally: Tally): number => tally.waiting + tally.offered + startedCount(tally);

/** The sample that a stage waits for: never more than it can give. */
export const sampleWanted = (gate: Gate | null, tally: Tally): number =>
  gate === null ? 0 : Math.min(gate.sampleMin, attainable(tally));

function share(kind: "failure_share" | "timeout_share", counted: number, line: number, gate: Gate, tally: Tally) {
  const started = startedCount(tally);
  const sample = outcomeCount(tally);
  const sampleMin = sampleWanted(gate, tally);
  const value = started === 0 ? null : counted / started;
  const isCounting = value !== null && sample >= sampleMin;
  const verdict = !isCounting ? "too_early" : value > line ? "tripped" : "within";
  return { gate: kind, value, line, sample, sampleMin, verdict } satisfies GateVerdict;
}

function metricVerdict(gate: Gate, measured: MeasuredMetric | null): GateVerdict[] {
  if (gate.metric === null) return [];
  const { increaseMax, devicesMin } = gate.metric;
  const sample = measured === null ? 0 : Math.min(measured.treatedDevices, measured.untreatedDevices);
  const value = measured === null ? null : measured.treated - measured.untreated;
  const isCounting = value !== null && sample >= devicesMin;
  const verdict = !isCounting ? "too_early" : value > increaseMax ? "tripped" : "within";
  return [{ gate: "metric", value, line: increaseMax, sample, sampleMin: devicesMin, verdict }];
}

/** Every line of a stage's gate, drawn or not reached. Empty for a stage without a gate. */
export function gateVerdicts(gate: Gate | null, tally: Tally, measured: MeasuredMetric | null): GateVerdict[] {
  if (gate === null) return [];
  const verdicts: GateVerdict[] = [];
  if (gate.failureShareMax !== null)
    verdicts.push(share("failure_share", tally.failed, gate.failureShareMax, gate, tally));
  if (gate.failuresMax !== null) {
    const verdict = tally.failed > gate.failuresMax ? "tripped" : "within";
    const sample = outcomeCount(tally);
    verdicts.push({ gate: "failures", value: tally.failed, line: gate.failuresMax, sample, sampleMin: 0, verdict });
  }
  if (gate.timeoutShareMax !== null)
    verdicts.push(share("timeout_share", tally.timed_out, gate.timeoutShareMax, gate, tally));
  return [...verdicts, ...metricVerdict(gate, measured)];
}

/** The first line that was crossed, or null. */
export const trippedGate = (gate: Gate | null, tally: Tally, measured: MeasuredMetric | null): GateVerdict | null =>
  gateVerdicts(gate, tally, measured).find(({ verdict }) => verdict === "tripped") ?? null;
