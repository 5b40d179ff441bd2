import type { DeviceRef } from "../devices/devices.ts";
import type { Moved } from "./core/machine.ts";
import type { Effect, Phase, Stepped } from "./core/operators/operator.ts";
import type { ServiceRule } from "./core/rule.ts";

/** Something that a rule must look at closely: one device, one cause. */
export interface Signal {
  device: DeviceRef;
  rule: ServiceRule;
  cause: string;
  atMs: number;
  /** What it makes of the state as the database has it, `undefined` where there is none. */
  judge(state: unknown): Moved;
  /** What a case shows beside the trace. */
  evidence?: (effect: Effect) => Record<string, unknown>;
}

/** The step of an operator that no clock moves, and how much came too late for it. */
export const movedBy = <S extends { phase: Phase }>(before: S, { state, effects }: Stepped<S>, tooLate = 0): Moved => ({
  changed: state !== before || tooLate > 0,
  state,
  phase: state.phase,
  dueMs: null,
  effects,
  tooLate,
});
