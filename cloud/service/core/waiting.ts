/** What an owner is told while they wait: how many are ahead, and when others were answered. */
import { severities, type Severity } from "./severity.ts";

/** An open case that somebody works on, or will. */
export interface InLine {
  id: string;
  severity: Severity;
  /** What is due next; far in the future where nothing is. */
  dueAtMs: number;
  openedAtMs: number;
}

const byTurn = (a: InLine, b: InLine): number =>
  severities.indexOf(b.severity) - severities.indexOf(a.severity) ||
  a.dueAtMs - b.dueAtMs ||
  a.openedAtMs - b.openedAtMs ||
  (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

/** How many are ahead of each: 0 is next. By severity, then by what is due first, then by age. */
export const placesOf = (line: readonly InLine[]): Map<string, number> =>
  new Map(line.toSorted(byTurn).map(({ id }, at) => [id, at]));

/** Fewer answers than this say nothing about the next one. */
export const sampleMin = 20;
export const sampleDays = 14;

export type Expectation =
  | { basis: "measured"; sample: number; p50Ms: number; p80Ms: number }
  /** Too few were answered lately: nothing is said that would be a guess. */
  | { basis: "too_few"; sample: number };

/**
 * The nearest-rank percentile, as `percentile_disc` of SQL.
 *
 * @param sorted at least one, ascending
 * @param share above 0, at most 1
 */
export function percentile(sorted: readonly number[], share: number): number {
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new RangeError("a percentile needs at least one value");
  return value;
}

/** @param waitedMs from becoming known to the first answer of a person, of cases of one severity */
export function expectationOf(waitedMs: readonly number[]): Expectation {
  if (waitedMs.length < sampleMin) return { basis: "too_few", sample: waitedMs.length };
  const sorted = waitedMs.toSorted((a, b) => a - b);
  return { basis: "measured", sample: sorted.length, p50Ms: percentile(sorted, 0.5), p80Ms: percentile(sorted, 0.8) };
}

/** With so much of its time left an owner is told that a promise may be missed. */
export const warnedShare = 0.25;

/** How long before the due time that is. */
export const warnedLeadMs = (promisedMs: number): number => Math.round(warnedShare * promisedMs);
