import type { Overview } from "../api/shapes.ts";

/** Readings per second between two answers, and when. */
export interface Rate {
  atMs: number;
  perSecond: number;
}

/** The newest overview with the rates that came before it, oldest first. */
export interface LiveOverview {
  now: Overview;
  rates: Rate[];
}

/** Five minutes at an answer each two seconds. */
const ratesMax = 150;
/** An interval shorter than this says more about the network than about the fleet. */
const intervalMsMin = 500;

/** Adds an answer. A counter that fell back belongs to a service that began anew, and gives no rate. */
export function withAnswer(before: LiveOverview | undefined, now: Overview): LiveOverview {
  if (before === undefined) return { now, rates: [] };
  const intervalMs = now.atMs - before.now.atMs;
  const readings = now.readingsCommitted - before.now.readingsCommitted;
  if (intervalMs < intervalMsMin) return before;
  if (readings < 0) return { now, rates: [] };
  const rate = { atMs: now.atMs, perSecond: (readings * 1_000) / intervalMs };
  return { now, rates: [...before.rates, rate].slice(-ratesMax) };
}
