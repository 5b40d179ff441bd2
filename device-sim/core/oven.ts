import type { ProgramSettings } from "#protocol/content.ts";
import type { Model } from "#protocol/model.ts";
import type { Faults, MachineFault } from "./faults.ts";
import { type Food, foodAfterSecond, freshFood } from "./food.ts";
import { type MachineEvent, type Metrics, roundTo, type StartRefusal, tenth } from "./machine-event.ts";
import { ovenPrograms } from "./programs.ts";
import { between, noise, uniform } from "./random.ts";
import { sensorSticksAt_c, soundParts, type Wear } from "./wear.ts";

/**
 * An oven: chamber air, walls, one heating element under a thermostat, a door, a food probe, and a self-check.
 *
 *   off --start (a person)--> preheating --at the setpoint--> cooking --time or probe--> off
 *
 * Time moves in whole seconds, so that how often one looks changes nothing. State in, state out: no clock, no hidden randomness.
 */
export interface OvenState {
  kind: "oven";
  seed: number;
  setpointCMax: number;
  /** Of the kitchen. */
  room_c: number;
  atMs: number;
  air_c: number;
  wall_c: number;
  /** What the thermostat sees. */
  sensor_c: number;
  heater: boolean;
  door: { kind: "closed" } | { kind: "open"; closesAtMs: number };
  run: OvenRun;
  food: Food | null;
  /** Whole joules, so that adding them up in any portions gives the same sum. */
  energy_j: number;
  tank_pct: number | null;
  programsStarted: number;
  /** Steam programs since the boiler was last descaled; null where there is none. */
  sinceDescaled: number | null;
  faults: Faults;
  wear: Wear;
  /** How long a sensor that sticks still does; null until it sticks in this program. */
  sticksS: number | null;
  /** The bimetal's contact. */
  cutOut: "closed" | "open";
  /** Seconds of heating since the sensor last moved. */
  unmovedS: number;
  /** The last ten minutes of holding a temperature: seconds, and seconds of heating among them. */
  hold: { s: number; heatedS: number };
}

interface Job {
  settings: ProgramSettings;
  setpoint_c: number;
  startedAtMs: number;
  startedEnergy_j: number;
  recipeId: string | null;
}
export type OvenRun =
  | { kind: "off" }
  | ({ kind: "preheating" } & Job)
  | ({ kind: "cooking"; readyAtMs: number; endsAtMs: number; door: DoorVisit[] } & Job);

/** The person at the oven opens the door once to put the food in, and now and then to look. */
interface DoorVisit {
  atMs: number;
  openMs: number;
  loads: boolean;
}

const secondMs = 1_000;
const elementPower_w = 2_600;
const fanAndLight_w = 55;
const standby_w = 1;
/** Joule per kelvin of the air with the thin parts it moves along, and of the walls. Together 2.6 kW reach 180 °C in about ten minutes. */
const airCapacity = 2_000;
const wallCapacity = 7_000;
/** Watt per kelvin: air to walls, walls to kitchen, through an open door, and past a worn seal. */
const airToWall = 45;
const wallToRoom = 4.2;
const openDoor = 90;
const wornSeal = 5;
const elementToAirShare = 0.55;
const wornElementShare = 0.55;
const thermostatBand_c = 2;
const sensorLagS = 12;
/** The bimetal cut-out, apart from the electronics, opens this far above the highest setpoint. */
const cutOutAbove_c = 30;
/** And closes again by itself once it is so much cooler. */
const cutOutBand_c = 20;
export const hotFrom_c = 50;

const room = (seed: number): number => between(19, 23, seed, "room");

export function newOven(model: Model, seed: number, atMs: number): OvenState {
  const room_c = room(seed);
  return {
    kind: "oven",
    seed,
    setpointCMax: model.capabilities.setpoint_c_max ?? 250,
    room_c,
    atMs: roundTo(atMs - (secondMs - 1) / 2, secondMs),
    air_c: room_c,
    wall_c: room_c,
    sensor_c: room_c,
    heater: false,
    door: { kind: "closed" },
    run: { kind: "off" },
    food: null,
    energy_j: 0,
    tank_pct: model.capabilities.steam ? 100 : null,
    programsStarted: 0,
    sinceDescaled: model.capabilities.steam ? 0 : null,
    faults: {},
    wear: soundParts,
    sticksS: null,
    cutOut: "closed",
    unmovedS: 0,
    hold: { s: 0, heatedS: 0 },
  };
}

const settled = (oven: OvenState): boolean =>
  oven.run.kind === "off" &&
  oven.door.kind === "closed" &&
  oven.air_c === oven.room_c &&
  oven.wall_c === oven.air_c &&
  oven.sensor_c === oven.air_c;

/** The oven at `toMs`, rounded down to the second, and what it noticed on the way. */
export function advanceOven(from: OvenState, toMs: number): { state: OvenState; events: MachineEvent[] } {
  const oven: OvenState = { ...from, hold: { ...from.hold }, faults: { ...from.faults } };
  const events: MachineEvent[] = [];
  while (oven.atMs + secondMs <= toMs) {
    if (settled(oven)) {
      // Nothing moves in a cold oven that is off.
      const idle_s = Math.floor((toMs - oven.atMs) / secondMs);
      oven.energy_j += standby_w * idle_s;
      oven.atMs += idle_s * secondMs;
      break;
    }
    oven.atMs += secondMs;
    moveDoor(oven, events);
    moveHeat(oven);
    moveProgram(oven, events);
    checkItself(oven, events);
  }
  return { state: oven, events };
}

/** Only this turns a program on, and only a person's hand reaches it: the message side of the appliance has no way to it. */
export function startOven(
  from: OvenState,
  settings: ProgramSettings,
  recipeId: string | null,
): { kind: "started"; state: OvenState; events: MachineEvent[] } | { kind: "refused"; rule: StartRefusal } {
  const program = ovenPrograms[settings.program];
  if (program === undefined) return { kind: "refused", rule: "program_unknown" };
  if (from.run.kind !== "off") return { kind: "refused", rule: "already_running" };
  if (from.door.kind === "open") return { kind: "refused", rule: "door_open" };
  if (blockingFault(from.faults) !== null) return { kind: "refused", rule: "fault_active" };
  const setpoint_c = settings.setpoint_c ?? program.setpoint_c;
  if (setpoint_c > from.setpointCMax) return { kind: "refused", rule: "too_hot_for_model" };
  const job: Job = { settings, setpoint_c, startedAtMs: from.atMs, startedEnergy_j: from.energy_j, recipeId };
  const state: OvenState = {
    ...from,
    run: { kind: "preheating", ...job },
    programsStarted: from.programsStarted + 1,
    sinceDescaled: from.sinceDescaled === null ? null : from.sinceDescaled + (settings.program === "Steam" ? 1 : 0),
    sticksS: null,
    hold: { s: 0, heatedS: 0 },
    unmovedS: 0,
  };
  const started = { program: settings.program, setpoint_c, ...(recipeId === null ? {} : { recipeId }) };
  return {
    kind: "started",
    state,
    events: [{ atMs: from.atMs, type: "program.started", data: started }],
  };
}

/** Ends whatever runs. Always allowed. */
export function stopOven(
  from: OvenState,
  by: "person" | "command" | "fault",
): { state: OvenState; events: MachineEvent[] } {
  if (from.run.kind === "off") return { state: from, events: [] };
  const { settings, startedAtMs } = from.run;
  const data = { program: settings.program, by, ranMs: from.atMs - startedAtMs };
  return {
    state: { ...from, run: { kind: "off" }, heater: false, food: null },
    events: [{ atMs: from.atMs, type: "program.aborted", data }],
  };
}

export function openOven(from: OvenState, openMs: number): { state: OvenState; events: MachineEvent[] } {
  if (from.door.kind === "open") return { state: from, events: [] };
  return {
    state: { ...from, door: { kind: "open", closesAtMs: from.atMs + openMs } },
    events: [{ atMs: from.atMs, type: "door.opened", data: {} }],
  };
}

/** Faults after which nothing heats until a technician has been. */
function blockingFault(faults: Faults): MachineFault | null {
  if (faults.over_temperature?.raised === true) return "over_temperature";
  return faults.sensor_frozen?.raised === true ? "sensor_frozen" : null;
}

function moveDoor(oven: OvenState, events: MachineEvent[]): void {
  if (oven.door.kind === "open" && oven.atMs >= oven.door.closesAtMs) oven.door = { kind: "closed" };
  if (oven.run.kind !== "cooking" || oven.door.kind === "open") return;
  const [visit, ...later] = oven.run.door;
  if (visit === undefined || oven.atMs < visit.atMs) return;
  oven.run = { ...oven.run, door: later };
  oven.door = { kind: "open", closesAtMs: oven.atMs + visit.openMs };
  if (visit.loads) oven.food = freshFood(between(0.8, 2.5, oven.seed, oven.programsStarted, "mass"), 8);
  events.push({ atMs: oven.atMs, type: "door.opened", data: {} });
}

function moveHeat(oven: OvenState): void {
  const { room_c } = oven;
  const power_w = oven.heater ? heatingPower(oven) : 0;
  // A scaled boiler takes the same power, and brings less of it into the cavity.
  const heat_w = power_w * (isSteaming(oven) ? 1 - oven.wear.scale : 1);
  const leak =
    (oven.door.kind === "open" ? openDoor : oven.wear.leak_wPerK) +
    (oven.faults.door_seal === undefined ? 0 : wornSeal);
  const toWall = airToWall * (oven.air_c - oven.wall_c);
  oven.air_c += (elementToAirShare * heat_w - toWall - leak * (oven.air_c - room_c)) / airCapacity;
  oven.wall_c += ((1 - elementToAirShare) * heat_w + toWall - wallToRoom * (oven.wall_c - room_c)) / wallCapacity;
  moveSensor(oven);
  if (oven.food !== null) oven.food = foodAfterSecond(oven.food, oven.air_c);
  oven.energy_j += power_w + (oven.run.kind === "off" ? standby_w : fanAndLight_w);
  if (oven.tank_pct !== null && oven.run.kind === "cooking" && isSteaming(oven))
    oven.tank_pct = Math.max(0, oven.tank_pct - 0.01);
  const nearRoom = [oven.air_c, oven.wall_c, oven.sensor_c].every((celsius) => Math.abs(celsius - room_c) < 0.05);
  if (oven.run.kind === "off" && oven.door.kind === "closed" && nearRoom) {
    oven.air_c = room_c;
    oven.wall_c = room_c;
    oven.sensor_c = room_c;
  }
}

const isSteaming = (oven: OvenState): boolean => oven.run.kind !== "off" && oven.run.settings.program === "Steam";

function moveSensor(oven: OvenState): void {
  if (oven.faults.sensor_frozen !== undefined) return;
  const { sensorSticksS } = oven.wear;
  if (sensorSticksS > 0 && oven.sticksS === null && oven.heater && oven.sensor_c >= sensorSticksAt_c)
    oven.sticksS = sensorSticksS;
  if (oven.sticksS !== null && oven.sticksS > 0) oven.sticksS -= 1;
  else oven.sensor_c += (oven.air_c - oven.sensor_c) / sensorLagS;
}

const isSensorStuck = (oven: OvenState): boolean =>
  oven.faults.sensor_frozen !== undefined || (oven.sticksS !== null && oven.sticksS > 0);

const heatingPower = (oven: OvenState): number =>
  Math.round(
    elementPower_w * oven.wear.elementShare * (oven.faults.heating_element === undefined ? 1 : wornElementShare),
  );

function moveProgram(oven: OvenState, events: MachineEvent[]): void {
  const { run } = oven;
  if (run.kind === "off") {
    oven.heater = false;
    return;
  }
  const low = oven.sensor_c < run.setpoint_c - thermostatBand_c;
  const high = oven.sensor_c > run.setpoint_c + thermostatBand_c;
  const welded = oven.faults.over_temperature !== undefined || (oven.wear.relaySticks && run.kind === "cooking");
  const wanted = oven.door.kind === "closed" && (welded || low || (oven.heater && !high));
  oven.heater = moveCutOut(oven) === "closed" && wanted;
  const { restartsAfterS } = oven.wear;
  if (restartsAfterS !== null && oven.atMs - run.startedAtMs >= restartsAfterS * secondMs) {
    const stopped = stopOven(oven, "fault");
    Object.assign(oven, stopped.state);
    events.push(...stopped.events);
    return;
  }
  if (run.kind === "preheating") {
    if (oven.sensor_c >= run.setpoint_c - thermostatBand_c) finishPreheat(oven, run, events);
    return;
  }
  const probeReached =
    run.settings.probe_c !== undefined && oven.food !== null && oven.food.core_c >= run.settings.probe_c;
  if (oven.atMs < run.endsAtMs && !probeReached) return;
  const energy_wh = Math.round((oven.energy_j - run.startedEnergy_j) / 3_600);
  const data = {
    program: run.settings.program,
    setpoint_c: run.setpoint_c,
    ranMs: oven.atMs - run.startedAtMs,
    energy_wh,
  };
  events.push({ atMs: oven.atMs, type: "program.finished", data: { ...data, ...recipeOf(run) } });
  oven.run = { kind: "off" };
  oven.heater = false;
  oven.food = null;
  if (oven.tank_pct !== null && oven.tank_pct < 25) oven.tank_pct = 100;
  // The food comes out.
  oven.door = {
    kind: "open",
    closesAtMs: oven.atMs + roundTo(between(10, 30, oven.seed, oven.programsStarted, "out"), 1) * secondMs,
  };
  events.push({ atMs: oven.atMs, type: "door.opened", data: {} });
}

function moveCutOut(oven: OvenState): OvenState["cutOut"] {
  const opensAt_c = oven.setpointCMax + cutOutAbove_c;
  if (oven.air_c > opensAt_c) oven.cutOut = "open";
  else if (oven.air_c < opensAt_c - cutOutBand_c) oven.cutOut = "closed";
  return oven.cutOut;
}

const recipeOf = (job: Job): { recipeId?: string } => (job.recipeId === null ? {} : { recipeId: job.recipeId });

function finishPreheat(oven: OvenState, run: Extract<OvenRun, { kind: "preheating" }>, events: MachineEvent[]): void {
  const tookMs = oven.atMs - run.startedAtMs;
  events.push({ atMs: oven.atMs, type: "preheat.finished", data: { program: run.settings.program, tookMs } });
  const duration_s = run.settings.duration_s ?? ovenPrograms[run.settings.program]?.duration_s ?? 3_600;
  // With a probe the food decides; the time is then only what no cook exceeds.
  const endsAtMs =
    oven.atMs + (run.settings.probe_c === undefined ? duration_s : Math.max(duration_s, 8 * 3_600)) * secondMs;
  const draw = (low: number, high: number, what: string): number =>
    Math.round(between(low, high, oven.seed, oven.programsStarted, what)) * secondMs;
  const loadAtMs = oven.atMs + draw(5, 40, "load");
  const door: DoorVisit[] = [{ atMs: loadAtMs, openMs: draw(10, 25, "loading"), loads: true }];
  if (uniform(oven.seed, oven.programsStarted, "look") < 0.6)
    door.push({
      atMs: loadAtMs + draw(0.3 * duration_s, 0.7 * duration_s, "look at"),
      openMs: draw(4, 12, "looking"),
      loads: false,
    });
  oven.run = { ...run, kind: "cooking", readyAtMs: oven.atMs, endsAtMs, door };
}

const unmovedSMax = 120;
const holdWindowS = 600;
/** A sound oven never heats more than this share of the time while it holds its temperature: its losses and food's first cold are below. */
const holdShareMax = (setpoint_c: number): number => 0.08 + (1.45 * wallToRoom * (setpoint_c - 20)) / elementPower_w;

/** What the electronics can see for themselves. */
function checkItself(oven: OvenState, events: MachineEvent[]): void {
  const raise = (code: MachineFault, data: Record<string, unknown>): void => {
    const fault = oven.faults[code];
    if (fault === undefined || fault.raised) return;
    oven.faults[code] = { ...fault, raised: true };
    events.push({ atMs: oven.atMs, type: "fault.raised", data: { code, ...data } });
  };
  if (oven.heater) raise("heating_element", { power_w: heatingPower(oven), rated_w: elementPower_w });

  const frozen = oven.faults.sensor_frozen !== undefined;
  oven.unmovedS = frozen && oven.heater ? oven.unmovedS + 1 : 0;
  if (oven.unmovedS > unmovedSMax) raise("sensor_frozen", { shown_c: tenth(oven.sensor_c) });

  if (oven.air_c > oven.setpointCMax + cutOutAbove_c) raise("over_temperature", { cavity_c: tenth(oven.air_c) });

  const holds = oven.run.kind === "cooking" && oven.door.kind === "closed" ? oven.run : null;
  if (holds !== null) {
    oven.hold.s += 1;
    if (oven.heater) oven.hold.heatedS += 1;
    if (oven.hold.s >= holdWindowS) {
      const share = oven.hold.heatedS / oven.hold.s;
      if (share > holdShareMax(holds.setpoint_c)) raise("door_seal", { heatedShare: Math.round(share * 100) / 100 });
      oven.hold = { s: 0, heatedS: 0 };
    }
  }
  if (oven.run.kind === "off" || blockingFault(oven.faults) === null) return;
  const stopped = stopOven(oven, "fault");
  Object.assign(oven, stopped.state);
  events.push(...stopped.events);
}

/** What the oven would report now. Noise depends on the second, not on how often one asks. */
export function ovenMetrics(oven: OvenState): Metrics {
  const second = oven.atMs / secondMs;
  const { run } = oven;
  const jitter = isSensorStuck(oven) ? 0 : noise(0.3, oven.seed, second, "cavity");
  const running = run.kind !== "off";
  const power_w = (oven.heater ? heatingPower(oven) : 0) + (running ? fanAndLight_w : standby_w);
  const fan = running && run.settings.program !== "TopBottomHeating" && run.settings.program !== "Grill";
  const metrics: Metrics = {
    cavity_c: tenth(oven.sensor_c + jitter),
    power_w: Math.round(power_w * (1 + noise(0.01, oven.seed, second, "power"))),
    energy_wh: Math.round(oven.energy_j / 3_600),
    fan_rpm: fan ? Math.round(1_450 + noise(20, oven.seed, second, "fan")) : 0,
    door_open: oven.door.kind === "open",
  };
  if (running) metrics["setpoint_c"] = run.setpoint_c;
  if (oven.food !== null && running && run.settings.probe_c !== undefined)
    metrics["probe1_c"] = tenth(oven.food.core_c + noise(0.1, oven.seed, second, "probe"));
  if (oven.tank_pct !== null) metrics["tank_pct"] = tenth(oven.tank_pct);
  if (oven.sinceDescaled !== null) metrics["programs_since_descaled"] = oven.sinceDescaled;
  return metrics;
}

/** No update begins while this holds. The walls count: they stay hot under a door that was just opened. */
export const isOvenHot = (oven: OvenState): boolean => Math.max(oven.air_c, oven.wall_c, oven.sensor_c) > hotFrom_c;
