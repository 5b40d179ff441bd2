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
  /** Of several that came too late the newest; `atMs` is the oldest. */
  lateToMs?: number;
  /** What it makes of the state as the database has it, `undefined` where there is none. */
  judge(state: unknown): Moved;
  /** What a case shows beside the trace. */
  evidence?: (effect: Effect) => Record<string, unknown>;
}

/** The step of an operator that no clock moves. */
export const movedBy = <S extends { phase: Phase }>(before: S, { state, effects, tooLate = 0 }: Stepped<S>): Moved => ({
  changed: state !== before,
  state,
  phase: state.phase,
  dueMs: null,
  effects,
  tooLate,
});
