import { z } from "zod";
import { earliestAtMs, epochMs, isSafeText, latestAtMs, metricName, metricNamePattern } from "./text.ts";

/** Most metrics in one reading. */
export const metricsPerReadingMax = 256;
/** Most readings in one telemetry message. */
export const readingsPerMessageMax = 500;

/**
 * What an appliance measured at one moment.
 *
 * Identity is (device, atMs): a second reading at the same time merges its metrics, and the first value of a metric wins.
 */
export const reading = z
  .object({
    atMs: epochMs,
    m: z
      .record(metricName, z.union([z.number(), z.boolean()], "must be a number, true or false"))
      .refine(
        (m) => Object.keys(m).length <= metricsPerReadingMax,
        `must hold at most ${metricsPerReadingMax} metrics`,
      ),
  })
  .meta({ id: "Reading" });
export type Reading = z.infer<typeof reading>;

export const telemetry = z
  .union([reading, z.array(reading).min(1).max(readingsPerMessageMax)])
  .meta({ id: "Telemetry" });

/**
 * Whether a value is a Reading, without allocating: the same answer as the schema's, on the path that every reading takes.
 * A property test holds the two together.
 */
export function isReading(value: unknown): value is Reading {
  if (typeof value !== "object" || value === null || !("atMs" in value) || !("m" in value)) return false;
  const { atMs, m } = value;
  if (typeof atMs !== "number" || !Number.isSafeInteger(atMs) || atMs < earliestAtMs || atMs > latestAtMs) return false;
  if (typeof m !== "object" || m === null || Array.isArray(m)) return false;
  let count = 0;
  for (const name in m) {
    count += 1;
    const metric: unknown = Reflect.get(m, name);
    if (typeof metric === "number" ? !Number.isFinite(metric) : typeof metric !== "boolean") return false;
    if (count > metricsPerReadingMax || !isMetricName(name)) return false;
  }
  return true;
}

// A fleet uses few names, over and over: remembering them spares the pattern. Bounded, since names come from outside.
const knownNames = new Set<string>();
const knownNamesMax = 4096;

function isMetricName(name: string): boolean {
  if (knownNames.has(name)) return true;
  if (!isSafeText(name) || !metricNamePattern.test(name)) return false;
  if (knownNames.size < knownNamesMax) knownNames.add(name);
  return true;
}
