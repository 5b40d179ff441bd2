import type { Interval } from "#protocol/maintenance-window.ts";

/** Appliances that may begin at the same times. */
export interface Pool {
  count: number;
  /** When they may begin within a range: in order, without overlap, cut to it. */
  opensIn(range: Interval): Interval[];
}

export interface StartTerms {
  fromMs: number;
  /** Where the looking ends. */
  toMs: number;
  /** How far ahead openings are worked out at a time: what ends soon costs little. */
  chunkMs: number;
  startsPerMinute: number;
  /** Asks when so many have begun; at most all. */
  marked: number;
}

export type StartTimes =
  /** Fractions of a millisecond, so that no stage's rounding moves the next one past the end of a window. */
  | { kind: "drained"; lastMs: number; markedMs: number }
  /** `hasOpened`: some did begin, or all could at some time; the rest is out of reach. */
  | { kind: "not_drained"; hasOpened: boolean };

interface Draining {
  pool: Pool;
  left: number;
  isOpen: boolean;
  hasOpened: boolean;
}

/** Appliances are whole: less than this is what is left of rounding, and must not wait for the next night. */
const rest = 1e-6;

/**
 * When the last of some pools begins, from one opening or closing of a pool to the next: pools that are open share the start rate by
 * how many are left in each, so between two such moments all is a straight line.
 */
export function startTimes(pools: readonly Pool[], terms: StartTerms): StartTimes {
  const { fromMs, toMs, chunkMs } = terms;
  const perMs = terms.startsPerMinute / 60_000;
  let draining: Draining[] = pools
    .filter(({ count }) => count > 0)
    .map((pool) => ({ pool, left: pool.count, isOpen: false, hasOpened: false }));
  const all = draining.reduce((sum, { left }) => sum + left, 0);
  const markedAt = Math.min(terms.marked, all);
  let begun = 0;
  let lastMs = fromMs;
  let markedMs = markedAt === 0 ? fromMs : Infinity;

  const flow = (sinceMs: number, untilMs: number): void => {
    // Most zones open and close at the same moments as others.
    if (untilMs <= sinceMs) return;
    const open = draining.filter(({ isOpen }) => isOpen);
    const able = open.reduce((sum, { left }) => sum + left, 0);
    if (able <= 0) return;
    const isEmptied = able <= perMs * (untilMs - sinceMs) + rest;
    const taken = isEmptied ? able : perMs * (untilMs - sinceMs);
    if (markedMs === Infinity && begun + taken >= markedAt - rest) markedMs = sinceMs + (markedAt - begun) / perMs;
    begun += taken;
    for (const one of open) one.left = isEmptied ? 0 : (one.left * (able - taken)) / able;
    if (isEmptied) lastMs = sinceMs + able / perMs;
  };

  for (let chunk = { fromMs, toMs: Math.min(fromMs + chunkMs, toMs) }; ;) {
    if (draining.length === 0) return { kind: "drained", lastMs, markedMs: Math.min(markedMs, lastMs) };
    const haveOpened = draining.every(({ hasOpened }) => hasOpened);
    const isOutOfReach = all - begun > perMs * (toMs - chunk.fromMs) + rest;
    if (chunk.fromMs >= toMs || (haveOpened && isOutOfReach)) return { kind: "not_drained", hasOpened: haveOpened };
    let sinceMs = chunk.fromMs;
    for (const { atMs, one, opens } of boundariesOf(draining, chunk)) {
      flow(sinceMs, atMs);
      sinceMs = atMs;
      one.isOpen = opens;
      one.hasOpened ||= opens;
    }
    flow(sinceMs, chunk.toMs);
    draining = draining.filter(({ left }) => left > 0);
    for (const one of draining) one.isOpen = false;
    chunk = { fromMs: chunk.toMs, toMs: Math.min(chunk.toMs + chunkMs, toMs) };
  }
}

interface Boundary {
  atMs: number;
  one: Draining;
  opens: boolean;
}

const boundariesOf = (draining: readonly Draining[], chunk: Interval): Boundary[] =>
  draining
    .flatMap((one) =>
      one.pool.opensIn(chunk).flatMap(({ fromMs, toMs }): Boundary[] => [
        { atMs: fromMs, one, opens: true },
        { atMs: toMs, one, opens: false },
      ]),
    )
    // What closes at the moment at which it opens again closes first: the sort keeps each pool's own order.
    .toSorted((a, b) => a.atMs - b.atMs);
