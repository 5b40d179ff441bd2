import type { Interval } from "#protocol/maintenance-window.ts";

/** A time in which no update begins. `fromMs` belongs to it, `toMs` does not. */
export interface Freeze {
  id: string;
  /** ISO 3166-1 alpha-2; none: everywhere. */
  countries: readonly string[];
  /** None: all. */
  models: readonly string[];
  fromMs: number;
  toMs: number;
  reason: string;
}

/** Countries in which nothing begins. */
export type Frozen = "all" | string[];

const isOf = (freeze: Freeze, model: string): boolean => freeze.models.length === 0 || freeze.models.includes(model);

/** Where a model's updates are frozen now, sorted. A release that overrides freezes does not ask. */
export function frozenCountries(freezes: readonly Freeze[], model: string, nowMs: number): Frozen {
  const countries = new Set<string>();
  for (const freeze of freezes) {
    if (!isOf(freeze, model) || nowMs < freeze.fromMs || freeze.toMs <= nowMs) continue;
    if (freeze.countries.length === 0) return "all";
    for (const country of freeze.countries) countries.add(country);
  }
  return [...countries].toSorted();
}

/** Whether an appliance in `country` is frozen. One whose country nobody knows (null) is where every country is, and not before. */
export function isFrozen(frozen: Frozen, country: string | null): boolean {
  return frozen === "all" || (country !== null && frozen.includes(country));
}

/** When a freeze of the model begins or ends next. */
export function nextFreezeChangeMs(freezes: readonly Freeze[], model: string, nowMs: number): number | null {
  const changes = freezes
    .filter((freeze) => isOf(freeze, model))
    .flatMap(({ fromMs, toMs }) => [fromMs, toMs])
    .filter((ms) => ms > nowMs);
  return changes.length === 0 ? null : Math.min(...changes);
}

/**
 * When a model's updates are frozen in a country, by `isFrozen`: in order, joined where they touch, not cut.
 *
 * @param country null where nobody knows it
 */
export function frozenIntervals(freezes: readonly Freeze[], model: string, country: string | null): Interval[] {
  const result: Interval[] = [];
  for (const freeze of freezes.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const isHere = freeze.countries.length === 0 || (country !== null && freeze.countries.includes(country));
    if (!isHere || !isOf(freeze, model) || freeze.toMs <= freeze.fromMs) continue;
    const last = result.at(-1);
    if (last !== undefined && freeze.fromMs <= last.toMs) last.toMs = Math.max(last.toMs, freeze.toMs);
    else result.push({ fromMs: freeze.fromMs, toMs: freeze.toMs });
  }
  return result;
}
