import type { ProgramSettings } from "#protocol/content.ts";
import type { Faults, MachineFault } from "./faults.ts";
import { type MachineEvent, type Metrics, roundTo, type StartRefusal, tenth } from "./machine-event.ts";
import { type WashPhase, washPrograms } from "./programs.ts";
import { between, noise } from "./random.ts";
import { soundParts, type Wear } from "./wear.ts";

/**
 * A dishwasher: water that is filled, heated and drained through the phases of a program, and salt and rinse aid that run out.
 *
 *   off --start (a person)--> running, phase by phase --> off
 *
 * Like the oven it moves in whole seconds, and is a function of its state alone.
 */
export interface DishwasherState {
  kind: "dishwasher";
  seed: number;
  /** Of the kitchen. */
  room_c: number;
  atMs: number;
  /** Of the water, or of the dishes when it is drained. */
  water_c: number;
  heater: boolean;
  door: { kind: "closed" } | { kind: "open"; closesAtMs: number };
  run: WashRun;
  /** Whole joules, so that adding them up in any portions gives the same sum. */
  energy_j: number;
  waterUsed_l: number;
  salt_pct: number;
  rinseAid_pct: number;
  /** Whether running out was already told. */
  told: { salt: boolean; rinseAid: boolean };
  programsStarted: number;
  /** Programs since it was last descaled. */
  sinceDescaled: number;
  faults: Faults;
  wear: Wear;
}
export type WashRun =
  | { kind: "off" }
  | {
      kind: "running";
      settings: ProgramSettings;
      startedAtMs: number;
      startedEnergy_j: number;
      phase: number;
      phaseEndsAtMs: number;
    };

const secondMs = 1_000;
const element_w = 2_000;
const pump_w = 60;
const standby_w = 1;
/** Joule per kelvin of four litres of water, dishes and tub. */
const capacity = 27_000;
const lossPerS = 6e-5;
const wornElementShare = 0.55;
const saltPerRun_pct = 2.4;
const rinseAidPerRun_pct = 3.1;
const lowFrom_pct = 10;
/** How long filling takes; water that is not there by then will not come. */
const fillingS = 60;
export const dishwasherHotFrom_c = 50;

const room = (seed: number): number => between(19, 23, seed, "room");

export function newDishwasher(seed: number, atMs: number): DishwasherState {
  const room_c = room(seed);
  return {
    kind: "dishwasher",
    seed,
    room_c,
    atMs: roundTo(atMs - (secondMs - 1) / 2, secondMs),
    water_c: room_c,
    heater: false,
    door: { kind: "closed" },
    run: { kind: "off" },
    energy_j: 0,
    waterUsed_l: 0,
    salt_pct: Math.round(between(15, 100, seed, "salt")),
    rinseAid_pct: Math.round(between(15, 100, seed, "rinse")),
    told: { salt: false, rinseAid: false },
    programsStarted: 0,
    sinceDescaled: 0,
    faults: {},
    wear: soundParts,
  };
}

const phasesOf = (settings: ProgramSettings): readonly WashPhase[] => washPrograms[settings.program] ?? [];

export function startDishwasher(
  from: DishwasherState,
  settings: ProgramSettings,
): { kind: "started"; state: DishwasherState; events: MachineEvent[] } | { kind: "refused"; rule: StartRefusal } {
  const [first] = phasesOf(settings);
  if (first === undefined) return { kind: "refused", rule: "program_unknown" };
  if (from.run.kind === "running") return { kind: "refused", rule: "already_running" };
  if (from.door.kind === "open") return { kind: "refused", rule: "door_open" };
  if (from.faults.no_water?.raised === true || from.faults.drain_blocked?.raised === true)
    return { kind: "refused", rule: "fault_active" };
  const state: DishwasherState = {
    ...from,
    programsStarted: from.programsStarted + 1,
    sinceDescaled: from.sinceDescaled + 1,
    salt_pct: Math.max(0, from.salt_pct - saltPerRun_pct),
    rinseAid_pct: Math.max(0, from.rinseAid_pct - rinseAidPerRun_pct),
    run: {
      kind: "running",
      settings,
      startedAtMs: from.atMs,
      startedEnergy_j: from.energy_j,
      phase: 0,
      phaseEndsAtMs: from.atMs + first.duration_s * secondMs,
    },
  };
  fill(state, first);
  return {
    kind: "started",
    state,
    events: [{ atMs: from.atMs, type: "program.started", data: { program: settings.program } }],
  };
}

export function stopDishwasher(
  from: DishwasherState,
  by: "person" | "command" | "fault",
): { state: DishwasherState; events: MachineEvent[] } {
  if (from.run.kind === "off") return { state: from, events: [] };
  const data = { program: from.run.settings.program, by, ranMs: from.atMs - from.run.startedAtMs };
  return {
    state: { ...from, run: { kind: "off" }, heater: false },
    events: [{ atMs: from.atMs, type: "program.aborted", data }],
  };
}

export function openDishwasher(
  from: DishwasherState,
  openMs: number,
): { state: DishwasherState; events: MachineEvent[] } {
  if (from.door.kind === "open") return { state: from, events: [] };
  return {
    state: { ...from, door: { kind: "open", closesAtMs: from.atMs + openMs } },
    events: [{ atMs: from.atMs, type: "door.opened", data: {} }],
  };
}

/** A person fills up what is low. */
export function refillDishwasher(from: DishwasherState): { state: DishwasherState; events: MachineEvent[] } {
  const events: MachineEvent[] = [];
  const cleared = (code: string): void => {
    events.push({ atMs: from.atMs, type: "fault.cleared", data: { code } });
  };
  if (from.told.salt) cleared("salt_low");
  if (from.told.rinseAid) cleared("rinse_aid_low");
  const state = { ...from, salt_pct: 100, rinseAid_pct: 100, told: { salt: false, rinseAid: false } };
  return { state, events };
}

const settled = (washer: DishwasherState): boolean =>
  washer.run.kind === "off" && washer.door.kind === "closed" && washer.water_c === washer.room_c;

export function advanceDishwasher(
  from: DishwasherState,
  toMs: number,
): { state: DishwasherState; events: MachineEvent[] } {
  const washer: DishwasherState = { ...from, told: { ...from.told }, faults: { ...from.faults } };
  const events: MachineEvent[] = [];
  while (washer.atMs + secondMs <= toMs) {
    if (settled(washer)) {
      const idle_s = Math.floor((toMs - washer.atMs) / secondMs);
      washer.energy_j += standby_w * idle_s;
      washer.atMs += idle_s * secondMs;
      break;
    }
    washer.atMs += secondMs;
    if (washer.door.kind === "open" && washer.atMs >= washer.door.closesAtMs) washer.door = { kind: "closed" };
    moveWater(washer);
    movePhase(washer, events);
  }
  return { state: washer, events };
}

function moveWater(washer: DishwasherState): void {
  const { room_c } = washer;
  const power_w = washer.heater ? heatingPower(washer) : 0;
  // Limescale keeps the heat in the element: it takes the same power, and the water gets less of it.
  washer.water_c += (power_w * (1 - washer.wear.scale)) / capacity - lossPerS * (washer.water_c - room_c);
  if (washer.run.kind === "off" && Math.abs(washer.water_c - room_c) < 0.05) washer.water_c = room_c;
  washer.energy_j += power_w + (washer.run.kind === "off" ? standby_w : pump_w);
}

const heatingPower = (washer: DishwasherState): number =>
  Math.round(
    element_w * washer.wear.elementShare * (washer.faults.heating_element === undefined ? 1 : wornElementShare),
  );

function fill(washer: DishwasherState, phase: WashPhase): void {
  if (phase.fills_l === 0) return;
  washer.waterUsed_l += phase.fills_l;
  // Cold water from the tap meets warm dishes.
  washer.water_c = washer.water_c * 0.55 + 14 * 0.45;
}

function movePhase(washer: DishwasherState, events: MachineEvent[]): void {
  const { run } = washer;
  const phase = run.kind === "running" ? phasesOf(run.settings)[run.phase] : undefined;
  if (run.kind === "off" || phase === undefined) {
    washer.heater = false;
    return;
  }
  const raise = (code: MachineFault, data: Record<string, unknown>): boolean => {
    const fault = washer.faults[code];
    if (fault === undefined || fault.raised) return false;
    washer.faults[code] = { ...fault, raised: true };
    events.push({ atMs: washer.atMs, type: "fault.raised", data: { code, ...data } });
    return true;
  };
  const beganMs = run.phaseEndsAtMs - phase.duration_s * secondMs;
  const dry =
    phase.fills_l > 0 && washer.atMs >= beganMs + fillingS * secondMs && raise("no_water", { phase: phase.name });
  const wanted = phase.water_c;
  const waterIn = washer.atMs >= beganMs + fillingS * secondMs;
  washer.heater =
    wanted !== undefined &&
    waterIn &&
    washer.door.kind === "closed" &&
    washer.water_c < wanted + (washer.heater ? 0.5 : -1);
  if (washer.heater) raise("heating_element", { power_w: heatingPower(washer), rated_w: element_w });
  const ends = washer.atMs >= run.phaseEndsAtMs;
  const blocked = ends && phase.fills_l > 0 && raise("drain_blocked", { phase: phase.name });
  const { restartsAfterS } = washer.wear;
  const restarts = restartsAfterS !== null && washer.atMs - run.startedAtMs >= restartsAfterS * secondMs;
  if (dry || blocked || restarts) {
    const stopped = stopDishwasher(washer, "fault");
    Object.assign(washer, stopped.state);
    events.push(...stopped.events);
    return;
  }
  if (!ends) return;
  const next = phasesOf(run.settings)[run.phase + 1];
  if (next === undefined) {
    finish(washer, run, events);
    return;
  }
  washer.run = { ...run, phase: run.phase + 1, phaseEndsAtMs: washer.atMs + next.duration_s * secondMs };
  fill(washer, next);
}

function finish(washer: DishwasherState, run: Extract<WashRun, { kind: "running" }>, events: MachineEvent[]): void {
  const energy_wh = Math.round((washer.energy_j - run.startedEnergy_j) / 3_600);
  const data = { program: run.settings.program, ranMs: washer.atMs - run.startedAtMs, energy_wh };
  events.push({ atMs: washer.atMs, type: "program.finished", data });
  washer.run = { kind: "off" };
  washer.heater = false;
  const low = (code: string, pct: number): void => {
    events.push({ atMs: washer.atMs, type: "fault.raised", data: { code, left_pct: tenth(pct) } });
  };
  if (!washer.told.salt && washer.salt_pct < lowFrom_pct) low("salt_low", washer.salt_pct);
  if (!washer.told.rinseAid && washer.rinseAid_pct < lowFrom_pct) low("rinse_aid_low", washer.rinseAid_pct);
  washer.told = {
    salt: washer.told.salt || washer.salt_pct < lowFrom_pct,
    rinseAid: washer.told.rinseAid || washer.rinseAid_pct < lowFrom_pct,
  };
}

export function dishwasherMetrics(washer: DishwasherState): Metrics {
  const second = washer.atMs / secondMs;
  const power_w = (washer.heater ? heatingPower(washer) : 0) + (washer.run.kind === "off" ? standby_w : pump_w);
  return {
    water_c: tenth(washer.water_c + noise(0.2, washer.seed, second, "water")),
    power_w: Math.round(power_w * (1 + noise(0.01, washer.seed, second, "power"))),
    energy_wh: Math.round(washer.energy_j / 3_600),
    water_used_l: tenth(washer.waterUsed_l),
    salt_pct: tenth(washer.salt_pct),
    rinse_aid_pct: tenth(washer.rinseAid_pct),
    programs_since_descaled: washer.sinceDescaled,
    door_open: washer.door.kind === "open",
  };
}

export const isDishwasherHot = (washer: DishwasherState): boolean => washer.water_c > dishwasherHotFrom_c;
