/** A reading as it is stored, and as far as rules look at it. */
export interface StoredValues {
  atMs: number;
  metrics: Readonly<Record<string, number | boolean>>;
}

/** A metric as a number, flags as 1 and 0; null where the reading has none. */
export function metricValue({ metrics }: StoredValues, metric: string): number | null {
  const value = metrics[metric];
  return value === undefined ? null : Number(value);
}
