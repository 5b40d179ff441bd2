import type { Reported } from "#protocol/state.ts";

/** The reported state as it is kept: for each key its value and when the device said so. */
export type ReportedState = Readonly<Record<string, { value: unknown; atMs: number }>>;

/** Most keys that a device's reported state may grow to; more are left out, the first come stay. */
export const reportedKeysMax = 200;

/** Merges a report key by key. The newest `atMs` wins; at the same time the first one does, so the order of arrival decides nothing else. */
export function mergeReported(now: ReportedState, report: Reported): ReportedState {
  const merged: Record<string, { value: unknown; atMs: number }> = { ...now };
  let keys = Object.keys(merged).length;
  for (const [key, value] of Object.entries(report.state)) {
    const known = Object.hasOwn(merged, key) ? merged[key] : undefined;
    if (known === undefined && keys >= reportedKeysMax) continue;
    if (known !== undefined && known.atMs >= report.atMs) continue;
    if (known === undefined) keys += 1;
    Object.defineProperty(merged, key, {
      value: { value, atMs: report.atMs },
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return merged;
}

/** The plain values, as the API shows them. */
export const reportedValues = (state: ReportedState): Record<string, unknown> =>
  Object.fromEntries(Object.entries(state).map(([key, entry]) => [key, entry.value]));

/** What stands of a reported state as the reports that said it, newest first: each with what nothing newer has replaced. */
export function reportsOf(state: ReportedState): { atMs: number; state: Record<string, unknown> }[] {
  const reports = new Map<number, [string, unknown][]>();
  for (const [key, { value, atMs }] of Object.entries(state)) {
    const known = reports.get(atMs);
    if (known === undefined) reports.set(atMs, [[key, value]]);
    else known.push([key, value]);
  }
  return [...reports]
    .toSorted(([a], [b]) => b - a)
    .map(([atMs, values]) => ({ atMs, state: Object.fromEntries(values) }));
}
