/** Whose points an act may move: who acts, and whom the act names as its referrer. Pure. */
import { calendarDay } from "./calendar.ts";
import type { CompiledRule } from "./compiled-rule.ts";
import type { EarningAct } from "./earning.ts";
import type { Party, Rounds } from "./moments.ts";

/** Of households that exist, the zone in which their days are counted. */
export type Zones = ReadonlyMap<string, { timeZone: string; locale: string }>;

/** Of each household whose points these acts may move, the first or the last moment of them. */
export function timesOf(acts: readonly EarningAct[], zones: Zones, pick: (a: number, b: number) => number) {
  const times = new Map<string, number>();
  for (const act of acts)
    for (const { householdId } of partiesOf(act, zones))
      times.set(householdId, pick(times.get(householdId) ?? act.atMs, act.atMs));
  return times;
}

/** Who acts, and whom the act names as its referrer. */
export function partiesOf({ householdId, day, atMs, data }: EarningAct, zones: Zones): Party[] {
  const own = { householdId, day };
  const others = referrerOf(data).flatMap((id) => {
    const zone = zones.get(id);
    return zone === undefined || id === householdId ? [] : [{ householdId: id, day: calendarDay(atMs, zone.timeZone) }];
  });
  return [own, ...others];
}

/** Whose points go back with an act, by the rules that take them. */
export function givingBack(rules: readonly CompiledRule[]): Rounds["givesBack"] {
  const toReferrers = new Set(
    rules.flatMap(({ rule: { key, definition } }) =>
      definition.effects.some(({ to }) => to !== "household") ? [key] : [],
    ),
  );
  const back = new Map<string, "own" | "others">();
  for (const { rule } of rules) {
    const { act, returns } = rule.definition;
    if (returns === null || back.get(act.type) === "others") continue;
    back.set(act.type, toReferrers.has(returns.rule) ? "others" : "own");
  }
  return ({ type }) => back.get(type) ?? "nothing";
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** The household that an act names as its referrer. */
export const referrerOf = ({ referrer }: Readonly<Record<string, unknown>>): string[] =>
  typeof referrer === "string" && uuid.test(referrer) ? [referrer] : [];
