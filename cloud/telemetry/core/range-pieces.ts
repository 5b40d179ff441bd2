/**
 * Which part of a range is answered from where: the coarsest rollup that fits where nothing came since it was made, and the readings
 * themselves everywhere else.
 *
 *   |--raw--|-minutes-|---hours---|======days======|---hours---|--dirty hour: raw--|-minutes-|-raw-|
 */
import { floorTo, hourMs, type RollupLevel, rollupLevels } from "./rollup-levels.ts";

export interface Piece {
  from: RollupLevel | "reading";
  fromMs: number;
  toMs: number;
}

/**
 * Divides a range, without gap or overlap and in the order of time.
 *
 * @param coarsestMs no rollup longer than this: the length of the buckets, which begin at multiples of it
 * @param dirtyHours the beginnings of the hours whose rollups do not have everything, ascending
 */
export function rangePieces(fromMs: number, toMs: number, coarsestMs: number, dirtyHours: readonly number[]): Piece[] {
  const pieces: Piece[] = [];
  let at = fromMs;
  for (const hour of dirtyHours) {
    const [dirtyFromMs, dirtyToMs] = [Math.max(hour, fromMs), Math.min(hour + hourMs, toMs)];
    if (dirtyFromMs >= dirtyToMs) continue;
    cleanPieces(pieces, at, dirtyFromMs, coarsestMs, 0);
    push(pieces, { from: "reading", fromMs: dirtyFromMs, toMs: dirtyToMs });
    at = dirtyToMs;
  }
  cleanPieces(pieces, at, toMs, coarsestMs, 0);
  return pieces;
}

/** A stretch in which every rollup has everything: its whole days, hours, minutes, and what sticks out on either side. */
function cleanPieces(pieces: Piece[], fromMs: number, toMs: number, coarsestMs: number, at: number): void {
  if (fromMs >= toMs) return;
  const finest = rollupLevels[at];
  if (finest === undefined) {
    push(pieces, { from: "reading", fromMs, toMs });
    return;
  }
  const [innerFromMs, innerToMs] = [-floorTo(-fromMs, finest.ms), floorTo(toMs, finest.ms)];
  if (finest.ms > coarsestMs || innerFromMs >= innerToMs) {
    cleanPieces(pieces, fromMs, toMs, coarsestMs, at + 1);
    return;
  }
  cleanPieces(pieces, fromMs, innerFromMs, coarsestMs, at + 1);
  push(pieces, { from: finest.level, fromMs: innerFromMs, toMs: innerToMs });
  cleanPieces(pieces, innerToMs, toMs, coarsestMs, at + 1);
}

function push(pieces: Piece[], piece: Piece): void {
  const last = pieces.at(-1);
  if (last !== undefined && last.from === piece.from && last.toMs === piece.fromMs) last.toMs = piece.toMs;
  else pieces.push(piece);
}
