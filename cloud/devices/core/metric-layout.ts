import type { MetricDeclaration } from "#protocol/model.ts";

/** Where a model's metrics stand in the vector of its readings. */
export interface MetricLayout {
  /** Metric name to its position, from 0. */
  positions: ReadonlyMap<string, number>;
  /** Length of the vector. */
  size: number;
  /** What the newest version of the model says of each metric. */
  declared: ReadonlyMap<string, MetricDeclaration>;
}

/** The layout of a model that declares nothing: every metric is undeclared. */
export const emptyLayout: MetricLayout = { positions: new Map(), size: 0, declared: new Map() };

/**
 * Positions for the metrics that have none yet. A position is given once and never moved or used again, so that rows written under
 * an older version of the model keep their meaning.
 */
export function newPositions(
  known: ReadonlyMap<string, number>,
  declared: readonly MetricDeclaration[],
): Map<string, number> {
  let next = Math.max(-1, ...known.values()) + 1;
  const added = new Map<string, number>();
  for (const { name } of declared) {
    if (known.has(name)) continue;
    added.set(name, next);
    next += 1;
  }
  return added;
}
