/** What benches make of what they counted. */

export const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
}

export const perSecond = (count: number, ms: number): number => Math.round((count * 1_000) / ms);

export const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));

export const say = (line: string): void => void process.stderr.write(`${line}\n`);
