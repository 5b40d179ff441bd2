import type { MachineFault } from "./faults.ts";
import type { Metrics } from "./machine-event.ts";
import { isHot, type MachineState, metricsOf } from "./machine.ts";
import type { Wear } from "./wear.ts";

/** One part that the appliance looked at. */
export interface PartCheck {
  part: string;
  ok: boolean;
  /** What was measured, in the unit that the name says. */
  measured: Record<string, number | boolean>;
  /** The fault that it shows, as `fault.raised` would name it; wear has none. */
  fault?: MachineFault;
}

export interface SelfTestResult {
  passed: boolean;
  parts: PartCheck[];
  door: "open" | "closed";
  hot: boolean;
  metrics: Metrics;
}

interface PartTest {
  part: string;
  fault?: MachineFault;
  measure: (wear: Wear, isBroken: boolean) => Record<string, number | boolean>;
  worn: (wear: Wear) => boolean;
}

const hundredth = (value: number): number => Math.round(value * 100) / 100;

/** Below this a part is named as the trouble, long before it fails. */
const elementShareMin = 0.85;
const leakMax_wPerK = 1;
const scaleShareMax = 0.25;
const faintFrom_dbm = -75;

const element: PartTest = {
  part: "heating_element",
  fault: "heating_element",
  measure: ({ elementShare }, isBroken) => ({ power_share: hundredth(isBroken ? elementShare * 0.55 : elementShare) }),
  worn: ({ elementShare }) => elementShare < elementShareMin,
};
const limescale: PartTest = {
  part: "limescale",
  measure: ({ scale }) => ({ scale_share: hundredth(scale) }),
  worn: ({ scale }) => scale > scaleShareMax,
};
const board: PartTest = {
  part: "control_board",
  measure: ({ restartsAfterS }) => ({ restarted_under_load: restartsAfterS !== null }),
  worn: ({ restartsAfterS }) => restartsAfterS !== null,
};
const contact = (part: string, fault: MachineFault, worn: PartTest["worn"] = () => false): PartTest => ({
  part,
  fault,
  measure: (wear, isBroken) => ({ responds: !isBroken && !worn(wear) }),
  worn,
});

/** What each kind of machine looks at: a resistance, a contact, a valve, what it remembers. Nothing moves, and nothing heats. */
const partsOf: Record<MachineState["kind"], readonly PartTest[]> = {
  oven: [
    element,
    contact("relay", "over_temperature", ({ relaySticks }) => relaySticks),
    contact("temperature_sensor", "sensor_frozen", ({ sensorSticksS }) => sensorSticksS > 0),
    {
      part: "door_seal",
      fault: "door_seal",
      measure: ({ leak_wPerK }, isBroken) => ({ leak_w_per_k: hundredth(leak_wPerK + (isBroken ? 5 : 0)) }),
      worn: ({ leak_wPerK }) => leak_wPerK > leakMax_wPerK,
    },
    limescale,
    board,
  ],
  dishwasher: [element, contact("inlet_valve", "no_water"), contact("drain_pump", "drain_blocked"), limescale, board],
};

/** How the appliance hears its router. */
export interface WifiState {
  connected: boolean;
  rssi_dbm: number;
  /** Times that it connected since it was switched on. */
  connects: number;
}

/**
 * Looks at every part of a machine that stands still. What is broken is found, also where no program has shown it yet; wear is as it
 * was when the last program began.
 */
export function selfTest(machine: MachineState, wifi: WifiState): SelfTestResult {
  const parts = partsOf[machine.kind].map(({ part, fault, measure, worn }): PartCheck => {
    const isBroken = fault !== undefined && machine.faults[fault] !== undefined;
    const check = { part, ok: !isBroken && !worn(machine.wear), measured: measure(machine.wear, isBroken) };
    return isBroken ? { ...check, fault } : check;
  });
  parts.push({ part: "wifi", ok: wifi.connected && wifi.rssi_dbm >= faintFrom_dbm, measured: { ...wifi } });
  return {
    passed: parts.every(({ ok }) => ok),
    parts,
    door: machine.door.kind,
    hot: isHot(machine),
    metrics: metricsOf(machine),
  };
}
