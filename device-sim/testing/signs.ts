import type { DeviceEvent } from "#protocol/device-event.ts";
import type { Reading } from "#protocol/reading.ts";
import { type AilmentName, ailmentNames } from "../core/ailments.ts";

/** What a test can see in a history with a ruler: one measure for each ailment, made of readings and events alone. */
export interface Told {
  readings: readonly Reading[];
  events: readonly DeviceEvent[];
  setpoint_c_max: number | undefined;
  toMs: number;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

const number = (one: Reading, metric: string): number => Number(one.m[metric] ?? Number.NaN);
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const temperatureOf = (one: Reading): number =>
  one.m["cavity_c"] === undefined ? number(one, "water_c") : number(one, "cavity_c");
const heats = (one: Reading): boolean => number(one, "power_w") > 1_000;

/** The last week's median against the first's. */
function drift(points: readonly { atMs: number; value: number }[]): number {
  const first = points[0]?.atMs ?? 0;
  const last = points.at(-1)?.atMs ?? 0;
  const of = (holds: (atMs: number) => boolean): number =>
    median(points.flatMap(({ atMs, value }) => (holds(atMs) ? [value] : [])));
  return of((atMs) => atMs > last - 7 * dayMs) / of((atMs) => atMs < first + 7 * dayMs);
}

/** The power that is taken while it heats. */
const powers = ({ readings }: Told) =>
  readings.flatMap((one) => (heats(one) ? [{ atMs: one.atMs, value: number(one, "power_w") }] : []));

/** Kelvin a second of water, where two readings in a row heat it and the first is below what most phases want. */
const waterSlopes = ({ readings }: Told) =>
  readings.flatMap((one, at) => {
    const next = readings[at + 6];
    if (next === undefined || next.atMs - one.atMs > 61_000) return [];
    const [from_c, to_c] = [temperatureOf(one), temperatureOf(next)];
    const steady = readings.slice(at, at + 7).every(heats);
    return steady ? [{ atMs: one.atMs, value: (to_c - from_c) / (next.atMs - one.atMs) / number(one, "power_w") }] : [];
  });

/** How long steam takes to come. */
const steamTimes = ({ events }: Told) =>
  events.flatMap(({ type, atMs, data }) =>
    type === "preheat.finished" && data["program"] === "Steam" ? [{ atMs, value: Number(data["tookMs"]) }] : [],
  );

/** Mean power over the end of each long program, for each kelvin above the kitchen. */
function holding({ readings, events }: Told) {
  const points: { atMs: number; value: number }[] = [];
  let ready: DeviceEvent | null = null;
  for (const event of events) {
    if (event.type === "preheat.finished") ready = event;
    if (event.type !== "program.finished" || ready === null || event.atMs - ready.atMs < 1_500_000) continue;
    const setpoint_c = Number(event.data["setpoint_c"]);
    const fromMs = event.atMs - 900_000;
    const held = readings.filter(({ atMs, m }) => atMs >= fromMs && atMs < event.atMs && m["door_open"] === false);
    const [first, last] = [held[0], held.at(-1)];
    if (first === undefined || last === undefined || last.atMs - first.atMs < 600_000) continue;
    // Where it runs away from its setpoint it holds nothing.
    if (held.some((one) => number(one, "cavity_c") > setpoint_c + 15)) continue;
    const power_w = ((number(last, "energy_wh") - number(first, "energy_wh")) * hourMs) / (last.atMs - first.atMs);
    points.push({ atMs: event.atMs, value: power_w / (setpoint_c - 21) });
  }
  return points;
}

/** The longest time for which the cavity shows one value though it is heated, in milliseconds. */
function longestUnmovedMs({ readings }: Told): number {
  let longest = 0;
  let since: Reading | null = null;
  for (const one of readings) {
    const same = since !== null && heats(one) && number(one, "cavity_c") === number(since, "cavity_c");
    if (!same) since = heats(one) ? one : null;
    else if (since !== null) longest = Math.max(longest, one.atMs - since.atMs);
  }
  return longest;
}

function longestGapMs({ readings, toMs }: Told): number {
  let longest = 0;
  for (const [at, one] of readings.entries()) longest = Math.max(longest, (readings[at + 1]?.atMs ?? toMs) - one.atMs);
  return longest;
}

const count = (told: Told, type: string): number => told.events.filter((event) => event.type === type).length;

const mostSinceDescaled = ({ readings }: Told): number =>
  readings.reduce((most, { m }) => Math.max(most, Number(m["programs_since_descaled"] ?? 0)), 0);

const isScaled = (told: Told): boolean =>
  told.setpoint_c_max === undefined
    ? mostSinceDescaled(told) > 25 && drift(waterSlopes(told)) < 0.8
    : mostSinceDescaled(told) > 9 && drift(steamTimes(told)) > 1.15;

const signs: Record<AilmentName, (told: Told) => boolean> = {
  ageing_element: (told) => drift(powers(told)) < 0.8,
  overheating: ({ readings, setpoint_c_max: most }) =>
    most !== undefined && readings.some((one) => number(one, "cavity_c") > most + 10),
  silent: (told) => longestGapMs(told) > dayMs,
  aborts: (told) => count(told, "program.aborted") >= 3,
  frozen_sensor: (told) => longestUnmovedMs(told) > 180_000,
  leaking_seal: (told) => drift(holding(told)) > 1.3,
  scaling: isScaled,
  flapping_wifi: (told) => count(told, "network.restored") > 20,
};

/** Which ailments an appliance's words show. */
export const shownBy = (told: Told): AilmentName[] => ailmentNames.filter((name) => signs[name](told));
