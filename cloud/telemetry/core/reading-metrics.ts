import type { MetricLayout } from "../../devices/devices.ts";

/** A reading as its table has it: values by position, the rest beside them. */
export interface ReadingValues {
  metric_values: readonly (number | null)[];
  undeclared: Readonly<Record<string, number | boolean>> | null;
}

/**
 * A reading's metrics by name. A flag that the model declares is a boolean again, however it is kept; where a row has a metric by
 * position and, from before it was declared, by name, the position counts.
 */
export function metricsOf(row: ReadingValues, layout: MetricLayout): Record<string, number | boolean> {
  const metrics: Record<string, number | boolean> = { ...row.undeclared };
  for (const [metric, position] of layout.positions) {
    const value = row.metric_values[position];
    if (value !== null && value !== undefined) metrics[metric] = value;
  }
  for (const metric in metrics) {
    const value = metrics[metric];
    const kind = layout.declared.get(metric)?.kind;
    if (typeof value === "number" && kind === "flag") metrics[metric] = value !== 0;
    if (typeof value === "boolean" && kind !== undefined && kind !== "flag") metrics[metric] = Number(value);
  }
  return metrics;
}
