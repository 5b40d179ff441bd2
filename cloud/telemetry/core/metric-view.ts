import type { MetricLayout } from "../../devices/devices.ts";

/** What a model says of a metric, for whoever shows it. */
export interface MetricView {
  /** `cavity_c` reads `Cavity c` where the model gives no label. */
  label: string;
  unit: string;
  /** The range in which it makes sense; null where the model names no bound. */
  min: number | null;
  max: number | null;
  declared: boolean;
  personal: boolean;
}

export function metricView(metric: string, layout: MetricLayout): MetricView {
  const declaration = layout.declared.get(metric);
  const words = metric.replaceAll("_", " ");
  return {
    label: declaration?.label ?? words.charAt(0).toUpperCase() + words.slice(1),
    unit: declaration?.unit ?? "",
    min: declaration?.min ?? null,
    max: declaration?.max ?? null,
    declared: declaration !== undefined,
    personal: declaration?.personal ?? false,
  };
}

/** Whether a value lies outside the range that the model declares: it is kept as it is, and flagged. */
export const isOutside = (value: number | boolean, { min, max }: Pick<MetricView, "min" | "max">): boolean =>
  typeof value === "number" && ((min !== null && value < min) || (max !== null && value > max));
