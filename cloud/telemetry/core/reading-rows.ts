import type { DeviceRef, MetricLayout, ReadingFact } from "../../devices/devices.ts";
import type { DeviceHour } from "./dirty-hours.ts";
import { floorTo, hourMs } from "./rollup-levels.ts";

/** A reading in the shape of its table: values by position, the rest beside them. */
export interface ReadingRow {
  deviceKey: number;
  atMs: number;
  values: (number | null)[];
  undeclared: Record<string, number | boolean> | null;
  suspectReceivedAtMs: number | null;
}

/** How far ahead of the gateway a device's clock may be before nobody believes it. */
export const clockAheadMsMax = 300_000;
/** No appliance that speaks this contract was made before this. */
export const firstApplianceAtMs = Date.UTC(2015, 0, 1);

/** So long before it was registered or sold an appliance may have been made, and at work: nobody says when it was. */
export const madeBeforeKnownMsMax = 366 * 86_400_000;

/** Whether a device's time cannot be right: more than five minutes ahead, or before the device was made. */
export const isClockSuspect = (
  atMs: number,
  receivedAtMs: number,
  { knownSinceMs = 0 }: Pick<DeviceRef, "knownSinceMs">,
): boolean =>
  atMs > receivedAtMs + clockAheadMsMax || atMs < firstApplianceAtMs || atMs < knownSinceMs - madeBeforeKnownMsMax;

/** What a reading is known by: its device and its time. */
export const readingKey = ({ device, atMs }: Pick<ReadingFact, "device" | "atMs">): string => `${device.key} ${atMs}`;

function toRow(fact: ReadingFact, layout: MetricLayout): ReadingRow {
  const values = Array.from<number | null>({ length: layout.size }).fill(null);
  let undeclared: Record<string, number | boolean> | null = null;
  for (const name in fact.metrics) {
    const value = fact.metrics[name];
    if (value === undefined) continue;
    const position = layout.positions.get(name);
    if (position === undefined) {
      undeclared ??= {};
      undeclared[name] = value;
    } else {
      values[position] = Number(value);
    }
  }
  const suspect = isClockSuspect(fact.atMs, fact.receivedAtMs, fact.device);
  return {
    deviceKey: fact.device.key,
    atMs: fact.atMs,
    values,
    undeclared,
    suspectReceivedAtMs: suspect ? fact.receivedAtMs : null,
  };
}

/** Merges a later reading of the same moment into an earlier one: the first value of a metric wins. */
function merge(earlier: ReadingRow, later: ReadingRow): void {
  for (const [position, value] of later.values.entries()) earlier.values[position] ??= value;
  if (later.undeclared !== null) earlier.undeclared = { ...later.undeclared, ...earlier.undeclared };
}

/**
 * Rows in the order of the table's key, each key once.
 *
 * @param facts in the order in which they arrived
 */
export function readingRows(facts: readonly ReadingFact[], layoutOf: (model: string) => MetricLayout): ReadingRow[] {
  const rows = facts.map((fact) => toRow(fact, layoutOf(fact.device.model)));
  // The sort is stable, so of two readings of one moment the first to arrive stays first. Neighbours in the key are neighbours in
  // the index, which the database thanks with fewer pages touched.
  rows.sort((a, b) => a.deviceKey - b.deviceKey || a.atMs - b.atMs);
  const merged: ReadingRow[] = [];
  for (const row of rows) {
    const last = merged.at(-1);
    if (last !== undefined && last.deviceKey === row.deviceKey && last.atMs === row.atMs) merge(last, row);
    else merged.push(row);
  }
  return merged;
}

/** The hours of devices that these rows are in, each once; those that began before `fromMs` left out, and rows whose time cannot be right. */
export function hoursOf(rows: readonly ReadingRow[], fromMs: number): DeviceHour[] {
  const hours: DeviceHour[] = [];
  for (const { deviceKey, atMs, suspectReceivedAtMs } of rows) {
    if (suspectReceivedAtMs !== null || atMs < fromMs) continue;
    const hour = floorTo(atMs, hourMs);
    const last = hours.at(-1);
    if (last?.deviceKey !== deviceKey || last.atMs !== hour) hours.push({ deviceKey, atMs: hour });
  }
  return hours;
}
