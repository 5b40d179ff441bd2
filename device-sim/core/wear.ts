/**
 * How worn the parts of a machine are. A fault of `faults.ts` strikes at once, and the machine notices it; wear comes over weeks, and
 * the machine notices nothing: it shows in what is measured alone.
 */
export interface Wear {
  /** Share of its power that the heating element still gives. */
  elementShare: number;
  /** Watt per kelvin that pass the door seal, beside what a sound one lets through. */
  leak_wPerK: number;
  /** How long the temperature sensor sticks as it passes `sensorSticksAt_c` on the way up. */
  sensorSticksS: number;
  /** Once the setpoint is reached the relay does not let go: it heats until the program ends, or the bimetal opens. */
  relaySticks: boolean;
  /** Share of the heat that limescale keeps from the water. */
  scale: number;
  /** So far into a program the control board restarts, and the program is gone; null where it holds. */
  restartsAfterS: number | null;
}

export const soundParts: Wear = {
  elementShare: 1,
  leak_wPerK: 0,
  sensorSticksS: 0,
  relaySticks: false,
  scale: 0,
  restartsAfterS: null,
};

export const sensorSticksAt_c = 60;
