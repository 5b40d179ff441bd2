import type { ProgramSettings } from "#protocol/content.ts";
import type { Model } from "#protocol/model.ts";
import {
  advanceDishwasher,
  type DishwasherState,
  dishwasherMetrics,
  isDishwasherHot,
  newDishwasher,
  openDishwasher,
  refillDishwasher,
  startDishwasher,
  stopDishwasher,
} from "./dishwasher.ts";
import type { MachineFault } from "./faults.ts";
import type { MachineEvent, Metrics, StartRefusal } from "./machine-event.ts";
import type { Wear } from "./wear.ts";
import { advanceOven, isOvenHot, newOven, openOven, type OvenState, ovenMetrics, startOven, stopOven } from "./oven.ts";

/** A simulated appliance without its network: whatever it is, time moves it, hands work on it, and it can be measured. */
export type MachineState = OvenState | DishwasherState;

export interface Moved {
  state: MachineState;
  events: MachineEvent[];
}

/** @throws where the model is of a kind that has no simulation */
export function newMachine(model: Model, seed: number, atMs: number): MachineState {
  if (model.kind === "oven") return newOven(model, seed, atMs);
  if (model.kind === "dishwasher") return newDishwasher(seed, atMs);
  throw new Error(`model ${model.key}: there is no simulation of kind '${model.kind}'`);
}

export const advance = (machine: MachineState, toMs: number): Moved =>
  machine.kind === "oven" ? advanceOven(machine, toMs) : advanceDishwasher(machine, toMs);

/** A person's hand on the start button. Nothing that comes over the network may call this. */
export const startByHand = (
  machine: MachineState,
  settings: ProgramSettings,
  recipeId: string | null,
): ({ kind: "started" } & Moved) | { kind: "refused"; rule: StartRefusal } =>
  machine.kind === "oven" ? startOven(machine, settings, recipeId) : startDishwasher(machine, settings);

export const stop = (machine: MachineState, by: "person" | "command"): Moved =>
  machine.kind === "oven" ? stopOven(machine, by) : stopDishwasher(machine, by);

export const openDoor = (machine: MachineState, openMs: number): Moved =>
  machine.kind === "oven" ? openOven(machine, openMs) : openDishwasher(machine, openMs);

/** A person fills up salt, rinse aid or water. */
export const refill = (machine: MachineState): Moved =>
  machine.kind === "oven"
    ? { state: { ...machine, tank_pct: machine.tank_pct === null ? null : 100 }, events: [] }
    : refillDishwasher(machine);

/** A person removes the limescale. */
export function descale(machine: MachineState): Moved {
  if (machine.sinceDescaled === null) return { state: machine, events: [] };
  const data = { kind: "descale", programs: machine.sinceDescaled };
  return {
    state: { ...machine, sinceDescaled: 0 },
    events: [{ atMs: machine.atMs, type: "maintenance.done", data }],
  };
}

/** The machine with parts as worn as that. */
export const withWear = (machine: MachineState, wear: Wear): MachineState => ({ ...machine, wear });

export function breakPart(machine: MachineState, fault: MachineFault): MachineState {
  if (machine.faults[fault] !== undefined) return machine;
  return { ...machine, faults: { ...machine.faults, [fault]: { sinceMs: machine.atMs, raised: false } } };
}

/** A technician has been. */
export function repair(machine: MachineState, fault: MachineFault): Moved {
  const { [fault]: found, ...faults } = machine.faults;
  const events: MachineEvent[] =
    found?.raised === true ? [{ atMs: machine.atMs, type: "fault.cleared", data: { code: fault } }] : [];
  return { state: { ...machine, faults }, events };
}

export const metricsOf = (machine: MachineState): Metrics =>
  machine.kind === "oven" ? ovenMetrics(machine) : dishwasherMetrics(machine);

export const isHot = (machine: MachineState): boolean =>
  machine.kind === "oven" ? isOvenHot(machine) : isDishwasherHot(machine);

export const isRunning = (machine: MachineState): boolean => machine.run.kind !== "off";

/** Whether the heating element is on at this moment. */
export const isHeating = (machine: MachineState): boolean => machine.heater;

/** What the appliance reports as its `operation`. */
export const operationOf = (machine: MachineState): string => (machine.run.kind === "off" ? "idle" : machine.run.kind);
