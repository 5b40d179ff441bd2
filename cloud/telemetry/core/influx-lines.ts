/**
 * A reading as a line of InfluxDB's line protocol:
 *
 *   readings,clock=ok,device=<series>,model=<model> cavity_c=181.4,door_open=0 1700000000000
 *
 * One measurement, fixed tags in their order, and every field a float for ever: flags are 0 and 1, so that their mean is the share of
 * time that they were set, and no field ever meets another type. The names of metrics are snake_case, so none meets the one field that
 * is ours.
 */
import type { ReadingFact } from "../../devices/devices.ts";
import { isClockSuspect } from "./reading-rows.ts";

export const measurement = "readings";
/** Field of a reading whose own time cannot be right: when it was received. */
export const receivedField = "receivedAtMs";

/** Field of a reading that was not the newest of its device when it came, and new: when it was received first. */
export const cameLateField = "cameLateAtMs";

/** A tag's value, with what would end it escaped. */
const tagValue = (text: string): string => text.replaceAll(/[,= \\]/g, String.raw`\$&`);

/**
 * @param series the name that stands for the appliance; nothing in it needs escaping
 * @param cameLate whether it is the first of its moment, and not newer than everything of its device
 */
export function lineOf(fact: ReadingFact, series: string, cameLate: boolean): string {
  const { device, atMs, receivedAtMs, metrics } = fact;
  const suspect = isClockSuspect(atMs, receivedAtMs, device);
  let fields = suspect ? `${receivedField}=${receivedAtMs}` : "";
  for (const name in metrics) {
    const value = metrics[name];
    if (value !== undefined) fields += `${fields === "" ? "" : ","}${name}=${Number(value)}`;
  }
  if (cameLate) fields += `,${cameLateField}=${receivedAtMs}`;
  const clock = suspect ? "suspect" : "ok";
  return `${measurement},clock=${clock},device=${series},model=${tagValue(device.model)} ${fields} ${atMs}`;
}

/**
 * Readings in the order of device and time, each (device, time) once: the first value of a metric wins. Neighbours in that order are
 * neighbours in the store.
 *
 * @param facts in the order in which they arrived
 */
export function mergedReadings(facts: readonly ReadingFact[]): ReadingFact[] {
  // The sort is stable, so of two readings of one moment the first to arrive stays first.
  const sorted = facts.toSorted((a, b) => a.device.key - b.device.key || a.atMs - b.atMs);
  const merged: ReadingFact[] = [];
  for (const fact of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && last.device.key === fact.device.key && last.atMs === fact.atMs) {
      merged[merged.length - 1] = { ...last, metrics: { ...fact.metrics, ...last.metrics } };
    } else {
      merged.push(fact);
    }
  }
  return merged;
}

/** A reading without the metrics that are named; null where nothing is left. */
export function without(fact: ReadingFact, isKnown: (metric: string) => boolean): ReadingFact | null {
  const left = Object.entries(fact.metrics).filter(([metric]) => !isKnown(metric));
  if (left.length === 0) return null;
  return left.length === Object.keys(fact.metrics).length ? fact : { ...fact, metrics: Object.fromEntries(left) };
}
