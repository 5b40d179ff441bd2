import type { MetricDeclaration, Model } from "#protocol/model.ts";
import type { LatestValue } from "../api/shapes.ts";
import { measureText } from "./numbers.ts";
import { durationText } from "./time.ts";

/** One metric that an appliance has: declared by its model, sent by it, or both. */
export interface MetricInfo {
  metric: string;
  label: string;
  unit: string;
  kind: MetricDeclaration["kind"];
  latest: LatestValue | null;
}

const unitAtEnd = /_(c|w|wh|kwh|pct|percent|s|ms|l|g|rpm|bar|v|a|hz|n|count|dbm)$/;
const unitNames: Record<string, string> = {
  c: "°C",
  w: "W",
  wh: "Wh",
  kwh: "kWh",
  pct: "%",
  percent: "%",
  v: "V",
  a: "A",
  hz: "Hz",
  dbm: "dBm",
  n: "",
  count: "",
};

/** `cavity_c` reads `Cavity` where nobody gave a label and the unit is known to stand last. */
export function labelOf(metric: string): string {
  const words = metric.replace(unitAtEnd, "").replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The unit that a name ends with, as it is written; empty where it ends with none that is known. */
export function unitOf(metric: string): string {
  const [, ending = ""] = unitAtEnd.exec(metric) ?? [];
  return unitNames[ending] ?? ending;
}

/** `0 to 300`, `at least 0`; null where there is no bound. */
export function rangeText(min: number | null, max: number | null): string | null {
  if (min !== null && max !== null) return `${measureText(min)} to ${measureText(max)}`;
  if (min !== null) return `at least ${measureText(min)}`;
  return max === null ? null : `at most ${measureText(max)}`;
}

/** `every 10 s` */
export const everyText = (everyMs: number): string =>
  everyMs < 1_000 ? `every ${everyMs} ms` : `every ${durationText(everyMs)}`;

/** Every metric of an appliance, in the model's order, what it sends beyond that last. */
export function metricsOf(model: Model | undefined, latest: readonly LatestValue[]): MetricInfo[] {
  const sent = new Map(latest.map((value) => [value.metric, value]));
  const declared = (model?.metrics ?? []).map(({ name, label, unit, kind }): MetricInfo => {
    const value = sent.get(name) ?? null;
    return { metric: name, label: label ?? labelOf(name), unit, kind, latest: value };
  });
  const names = new Set(declared.map(({ metric }) => metric));
  const besides = latest
    .filter(({ metric }) => !names.has(metric))
    .map((value): MetricInfo => {
      const kind = typeof value.value === "boolean" ? "flag" : "gauge";
      return { metric: value.metric, label: labelOf(value.metric), unit: value.unit, kind, latest: value };
    });
  return [...declared, ...besides];
}

/** Most metrics shown at once before anybody chose. */
const defaultMetricsMax = 4;

/** The metrics that tell most: the temperatures of an oven, else those that share the first gauge's unit. */
export function defaultMetrics(metrics: readonly MetricInfo[]): string[] {
  const names = metrics.map(({ metric }) => metric);
  const telling = names.filter((name) => /^(cavity_c|setpoint_c|probe_?\d*_c)$/.test(name));
  if (telling.length > 0) return telling.slice(0, defaultMetricsMax);
  const gauges = metrics.filter(({ kind }) => kind === "gauge");
  const first = gauges.find(({ unit }) => unit === "°C") ?? gauges[0] ?? metrics[0];
  if (first === undefined) return [];
  const alike = gauges.filter(({ unit }) => unit === first.unit).map(({ metric }) => metric);
  return (alike.length > 0 ? alike : [first.metric]).slice(0, defaultMetricsMax);
}

/** How a metric's line is drawn. The same metric has the same line on every page. */
export interface LineStyle {
  /** Name of a CSS variable. */
  colour: string;
  dashed: boolean;
}

const firstProbe = /^probe_?1?_c$/;
const besidesColours = ["--line-violet", "--line-moss", "--line-blue", "--line-rose", "--line-ochre"];

export function lineStyle(metric: string, metrics: readonly MetricInfo[]): LineStyle {
  // Heat that was measured is the ember; what was wanted is a plain dashed line behind it; what is in the food is the water's colour.
  if (metric === "cavity_c" || metric === "water_c") return { colour: "--line-ember", dashed: false };
  if (metric.startsWith("setpoint")) return { colour: "--line-plain", dashed: true };
  if (firstProbe.test(metric)) return { colour: "--line-petrol", dashed: false };
  const others = metrics.filter(({ metric: name }) => !/^(cavity_c|water_c|setpoint.*|probe_?1?_c)$/.test(name));
  const at = others.findIndex(({ metric: name }) => name === metric);
  return { colour: besidesColours[Math.max(0, at) % besidesColours.length] ?? "--line-blue", dashed: false };
}
