import type { RangePoint, TelemetryRange } from "../api/shapes.ts";

/** What a metric did in one step of a table; the mean weighs every reading alike. */
export interface TableCell {
  min: number;
  mean: number;
  max: number;
  count: number;
}

export interface TableRow {
  /** Where the step begins. */
  atMs: number;
  /** In the order of the answer's series; null where nothing came. */
  cells: (TableCell | null)[];
}

function fold(cell: TableCell | null, [, min, mean, max, count]: RangePoint): TableCell {
  if (cell === null) return { min, mean, max, count };
  const both = cell.count + count;
  return {
    min: Math.min(cell.min, min),
    mean: (cell.mean * cell.count + mean * count) / both,
    max: Math.max(cell.max, max),
    count: both,
  };
}

/** The answer in at most `rowsMax` even steps, newest first; a step in which nothing came has no row. */
export function tableRows({ fromMs, toMs, bucketMs, series }: TelemetryRange, rowsMax: number): TableRow[] {
  const stepMs = Math.max(bucketMs, Math.ceil((toMs - fromMs) / rowsMax));
  const rows = new Map<number, TableRow>();
  for (const [at, { points }] of series.entries()) {
    for (const point of points) {
      const atMs = fromMs + Math.floor((point[0] - fromMs) / stepMs) * stepMs;
      const row = rows.get(atMs) ?? { atMs, cells: series.map(() => null) };
      row.cells[at] = fold(row.cells[at] ?? null, point);
      rows.set(atMs, row);
    }
  }
  return [...rows.values()].toSorted((a, b) => b.atMs - a.atMs);
}
