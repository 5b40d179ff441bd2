import { isOutside, type MetricView } from "./metric-view.ts";

/** One reading on its way out. */
export interface ExportedReading {
  deviceId: string;
  atMs: number;
  metrics: Readonly<Record<string, number | boolean>>;
  clockSuspect: boolean;
}

/** A cell as RFC 4180 wants it. What a spreadsheet would take for a formula is none here: values are numbers, names safe. */
const cell = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** The first line: the device, the time in UTC and as epoch milliseconds, each metric with its unit, and what is wrong with a line. */
export function csvHeader(metrics: readonly string[], viewOf: (metric: string) => MetricView): string {
  const columns = metrics.map((metric) => {
    const { unit } = viewOf(metric);
    return unit === "" ? metric : `${metric} [${unit}]`;
  });
  return `${["device", "at", "at_ms", ...columns, "outside", "clock_suspect"].map(cell).join(",")}\r\n`;
}

/** `outside` names the metrics that lie outside their declared range, divided by blanks. */
export function csvLine(
  { deviceId, atMs, metrics: values, clockSuspect }: ExportedReading,
  metrics: readonly string[],
  viewOf: (metric: string) => MetricView,
): string {
  const cells = metrics.map((metric) => String(values[metric] ?? ""));
  const outside = outsideOf(values, viewOf).join(" ");
  const at = new Date(atMs).toISOString();
  return `${[deviceId, at, String(atMs), ...cells, outside, String(clockSuspect)].join(",")}\r\n`;
}

/**
 * One line of NDJSON, with what is wrong only where something is.
 *
 * @param units of the metrics, by name, in the first line of an appliance
 */
export function ndjsonLine(
  reading: ExportedReading,
  viewOf: (metric: string) => MetricView,
  units?: Readonly<Record<string, string>>,
): string {
  const { deviceId, atMs, metrics, clockSuspect } = reading;
  const outside = outsideOf(metrics, viewOf);
  const flags = { ...(outside.length > 0 ? { outside } : {}), ...(clockSuspect ? { clockSuspect } : {}) };
  return `${JSON.stringify({ deviceId, atMs, m: metrics, ...flags, ...(units === undefined ? {} : { units }) })}\n`;
}

const outsideOf = (metrics: Readonly<Record<string, number | boolean>>, viewOf: (metric: string) => MetricView) =>
  Object.keys(metrics).filter((metric) => isOutside(metrics[metric] ?? false, viewOf(metric)));
