import type { MetricDeclaration } from "#protocol/model.ts";
import { type EventFact, householdAt, type MetricLayout, type ReadingFact } from "../../devices/devices.ts";
import type { LiveEvent, LiveReading } from "./live-queue.ts";
import { isClockSuspect } from "./reading-rows.ts";

/** What of a device's telemetry one reader sees. */
export interface LiveView {
  /** These metrics alone, or all of them. */
  metrics: ReadonlySet<string> | null;
  events: boolean;
  /** Only what happened while the device was this household's. Null: everything. */
  householdId: string | null;
}

const isOutside = (value: number | boolean, declaration: MetricDeclaration): boolean =>
  typeof value === "number" &&
  ((declaration.min !== undefined && value < declaration.min) ||
    (declaration.max !== undefined && value > declaration.max));

/** A reading with what its model says of it. */
export function liveReading(fact: ReadingFact, { declared }: MetricLayout): LiveReading {
  const outside: string[] = [];
  const undeclared: string[] = [];
  for (const [name, value] of Object.entries(fact.metrics)) {
    const declaration = declared.get(name);
    if (declaration === undefined) undeclared.push(name);
    else if (isOutside(value, declaration)) outside.push(name);
  }
  return {
    deviceId: fact.device.id,
    atMs: fact.atMs,
    receivedAtMs: fact.receivedAtMs,
    metrics: fact.metrics,
    outside,
    undeclared,
    clockSuspect: isClockSuspect(fact.atMs, fact.receivedAtMs, fact.device),
  };
}

export const liveEvent = ({ device, receivedAtMs, event, clockSuspect }: EventFact): LiveEvent => ({
  deviceId: device.id,
  id: event.id,
  atMs: event.atMs,
  receivedAtMs,
  type: event.type,
  data: event.data,
  clockSuspect,
});

/** Whether what happened to a device at a time is this reader's to see. */
export const mayShow = (view: LiveView, { device, atMs }: Pick<ReadingFact, "device" | "atMs">): boolean =>
  view.householdId === null || householdAt(device, atMs) === view.householdId;

/** The part of a reading that a view shows, or null where that is nothing. */
export function shown(reading: LiveReading, { metrics }: LiveView): LiveReading | null {
  if (metrics === null) return reading;
  const wanted = Object.entries(reading.metrics).filter(([name]) => metrics.has(name));
  if (wanted.length === 0) return null;
  const isWanted = (name: string) => metrics.has(name);
  return {
    ...reading,
    metrics: Object.fromEntries(wanted),
    outside: reading.outside.filter(isWanted),
    undeclared: reading.undeclared.filter(isWanted),
  };
}
