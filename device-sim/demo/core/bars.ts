import { type Line, piece, type Piece, type Style } from "./line.ts";

const eighths = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const;

/**
 * Values as a chart of blocks, the newest at the right; values that have no column left are left out on the left.
 *
 * @returns `rows` lines of exactly `columns` characters, the top one first
 */
export function chart(values: readonly number[], columns: number, rows: number): string[] {
  const shown = values.slice(-columns);
  const highest = Math.max(...shown, 1);
  const heights = [
    ...Array.from({ length: columns - shown.length }, () => 0),
    // What is not nothing is seen, however small beside the rest.
    ...shown.map((value) => (value <= 0 ? 0 : Math.max(1, Math.round((value / highest) * rows * 8)))),
  ];
  return Array.from({ length: rows }, (_none, row) =>
    heights.map((height) => eighths[Math.min(8, Math.max(0, height - (rows - 1 - row) * 8))] ?? " ").join(""),
  );
}

export interface BarPart {
  count: number;
  style: Style;
  /** One column of it: the parts differ without colour too. */
  mark: string;
}

/** Shares of a whole as one bar of exactly `columns`; a part that is not nothing has at least one column. */
export function stackedBar(parts: readonly BarPart[], columns: number): Line {
  const total = parts.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return [piece("─".repeat(columns), "faint")];
  const pieces: Piece[] = [];
  let left = columns;
  const present = parts.filter(({ count }) => count > 0);
  for (const [at, { count, style, mark }] of present.entries()) {
    const later = present.length - 1 - at;
    const share = Math.max(1, Math.round((count / total) * columns));
    const width = later === 0 ? left : Math.max(0, Math.min(share, left - later));
    pieces.push(piece(mark.repeat(width), style));
    left -= width;
  }
  return pieces;
}

/** So much of a whole, as a bar of exactly `columns`. */
export function progressBar(count: number, of: number, columns: number): Line {
  const filled = of <= 0 ? 0 : Math.min(columns, Math.floor((count / of) * columns));
  return [piece("━".repeat(filled), "good"), piece("─".repeat(columns - filled), "faint")];
}
