import type { knownEventTypes } from "#protocol/device-event.ts";

/** What a machine noticed while time passed. The appliance gives it an id and publishes it as a DeviceEvent. */
export interface MachineEvent {
  atMs: number;
  type: (typeof knownEventTypes)[number];
  data: Record<string, unknown>;
}

/** What a machine measures at one moment, by metric name. */
export type Metrics = Record<string, number | boolean>;

/** Why a person's start did not start anything. */
export type StartRefusal =
  | "already_running"
  | "door_open"
  | "fault_active"
  | "program_unknown"
  | "too_hot_for_model"
  | "updating";

export const roundTo = (value: number, step: number): number => Math.round(value / step) * step;

/** One decimal, as a sensor with a display reports it, without a tail of binary digits. */
export const tenth = (value: number): number => Math.round(value * 10) / 10;
