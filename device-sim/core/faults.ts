import { z } from "zod";

/** What can break in a simulated appliance. Transport faults (a lost network) are another matter: see the fleet. */
export const machineFaults = [
  /** A worn heating element gives 55 % of its power. Seen by the current sensor the next time it heats. */
  "heating_element",
  /** The relay welds: once a program heats, it goes on heating until the thermal cut-out opens. Raised when the cut-out opens. */
  "over_temperature",
  /** The temperature sensor shows its last value for ever. Seen after two minutes of heating without a change. */
  "sensor_frozen",
  /** Hot air leaks past the door. Seen by how much the oven must heat to hold its temperature. */
  "door_seal",
  /** The dishwasher's inlet stays dry. Seen when it fills. */
  "no_water",
  /** The dishwasher's drain is blocked. Seen when it drains. */
  "drain_blocked",
] as const;
export type MachineFault = (typeof machineFaults)[number];

/** What can go wrong with an update. Each strikes once. */
export const updateFaults = ["update_bad_hash", "update_failed_boot", "update_cut"] as const;
export type UpdateFault = (typeof updateFaults)[number];

export const faultName = z.enum([...machineFaults, ...updateFaults]);
export type FaultName = z.infer<typeof faultName>;

export const isUpdateFault = (fault: FaultName): fault is UpdateFault => updateFaults.some((name) => name === fault);

/** A fault that is there, and whether the appliance has noticed it. */
export interface FaultState {
  sinceMs: number;
  raised: boolean;
}
export type Faults = Partial<Record<MachineFault, FaultState>>;
