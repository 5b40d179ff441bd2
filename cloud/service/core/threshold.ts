/**
 * A threshold with hysteresis and hold time, over event time, for one device.
 *
 *   idle --beyond the limit--> pending --still beyond after holdMs--> holding --back at clearAt--> idle
 *                                 |                                   (raise)                     (clear)
 *                                 +--not beyond--> idle
 *
 * Readings at or before the last one that was judged change nothing: devices send again what they are unsure of. Idle is the state of
 * every healthy device and must cost nothing, so it does not move with each reading: it remembers the last time something happened.
 */

/** What the core needs of a rule. */
export interface Threshold {
  direction: "above" | "below";
  limit: number;
  clearAt: number;
  holdMs: number;
}

/** One value that spoke for the cause. */
export interface Evidence {
  atMs: number;
  value: number;
}

export type ThresholdState =
  | { phase: "idle"; lastAtMs: number }
  | { phase: "pending"; sinceMs: number; lastAtMs: number; evidence: readonly Evidence[] }
  | { phase: "holding"; raisedAtMs: number; lastAtMs: number };

export type ThresholdEffect =
  | { kind: "raise"; atMs: number; evidence: readonly Evidence[] }
  | { kind: "clear"; atMs: number; evidence: readonly Evidence[] };

export interface Evaluation {
  state: ThresholdState;
  effect: ThresholdEffect | null;
}

/** Where a device starts of which nothing is known. */
export const neverSeen: ThresholdState = { phase: "idle", lastAtMs: -Infinity };

/** Most readings kept as evidence: the first, and the last ones before the cause was raised. */
const evidenceMax = 20;

/** Whether a value is beyond the limit. For a device that is idle, `false` means that nothing happens: the hot path asks only this. */
export const isBeyond = (rule: Threshold, value: number): boolean =>
  rule.direction === "above" ? value > rule.limit : value < rule.limit;

const isBack = (rule: Threshold, value: number): boolean =>
  rule.direction === "above" ? value <= rule.clearAt : value >= rule.clearAt;

const withEvidence = (evidence: readonly Evidence[], reading: Evidence): readonly Evidence[] =>
  evidence.length < evidenceMax ? [...evidence, reading] : [...evidence.slice(0, 1), ...evidence.slice(2), reading];

/** What one reading makes of the state. Returns the very same state where nothing changed. */
export function evaluate(rule: Threshold, state: ThresholdState, reading: Evidence): Evaluation {
  if (reading.atMs <= state.lastAtMs) return { state, effect: null };
  switch (state.phase) {
    case "idle":
      return isBeyond(rule, reading.value) ? begin(rule, reading.atMs, [], reading) : { state, effect: null };
    case "pending":
      return isBeyond(rule, reading.value)
        ? begin(rule, state.sinceMs, state.evidence, reading)
        : { state: { phase: "idle", lastAtMs: reading.atMs }, effect: null };
    case "holding":
      return isBack(rule, reading.value)
        ? {
            state: { phase: "idle", lastAtMs: reading.atMs },
            effect: { kind: "clear", atMs: reading.atMs, evidence: [reading] },
          }
        : { state: { ...state, lastAtMs: reading.atMs }, effect: null };
  }
}

/** A reading beyond the limit, since `sinceMs`: raised once that has lasted long enough. */
function begin(rule: Threshold, sinceMs: number, before: readonly Evidence[], reading: Evidence): Evaluation {
  const evidence = withEvidence(before, reading);
  const { atMs } = reading;
  if (atMs - sinceMs < rule.holdMs) {
    return { state: { phase: "pending", sinceMs, lastAtMs: atMs, evidence }, effect: null };
  }
  return {
    state: { phase: "holding", raisedAtMs: atMs, lastAtMs: atMs },
    effect: { kind: "raise", atMs, evidence },
  };
}
