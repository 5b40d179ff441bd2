import type { Predicate } from "../../platform/predicate/predicate.ts";
import { type FactSource, householdFact } from "./facts.ts";
import type { ProfileRow } from "./profile.ts";

/** A fact that a day can change, and where that turns a segment's answer. */
export interface Turn {
  from: Extract<FactSource, { kind: "days_since" | "times_in_days" | "types_in_days" }>;
  /** Whole numbers at which it turns: the answer below one is not the answer from it on. */
  at: readonly number[];
  /** It is compared with what moves itself, so that every day may turn it. */
  everyDay: boolean;
}

/** Where a comparison with `number` turns: `==` on both of its sides, `<` at it, `>` behind it. */
const turnsAt = (number: number): number[] => [Math.ceil(number), Math.floor(number) + 1];

/** Where the answers of some segments turn as days go by. */
export function turnsOf(predicates: readonly Predicate[]): Turn[] {
  const turns = new Map<string, { from: Turn["from"]; at: Set<number>; everyDay: boolean }>();
  for (const { reads, compared } of predicates) {
    for (const name of reads) {
      const from = householdFact(name)?.from;
      if (from?.kind !== "days_since" && from?.kind !== "times_in_days" && from?.kind !== "types_in_days") continue;
      const turn = turns.get(name) ?? { from, at: new Set(), everyDay: false };
      turns.set(name, turn);
      const { numbers = [], withFact = false } = compared.get(name) ?? {};
      for (const number of numbers) for (const at of turnsAt(number)) if (at > 0 && at < 100_000) turn.at.add(at);
      turn.everyDay ||= withFact;
    }
  }
  return [...turns.values()].map(({ from, at, everyDay }) => ({ from, at: [...at], everyDay }));
}

/** Shows the days on which one of these turns though nothing happens, in no order. Asked for each household: no list, no generator. */
function showTurnDays(row: ProfileRow, turns: readonly Turn[], show: (day: number) => void): void {
  for (const { from, at } of turns) {
    if (from.kind === "days_since") {
      const day = row[from.column];
      if (day !== null) for (const turn of at) show(day + turn);
      continue;
    }
    if (from.kind === "types_in_days") {
      // Any of them may be the one that is asked for.
      for (const day of row.outside_type_days) show(day + from.days);
      continue;
    }
    // So often becomes less than `turn` when the time that is the turn-th from the end falls out of the span.
    const days = row[from.column];
    for (const turn of at) {
      const day = days[days.length - turn];
      if (day !== undefined) show(day + from.days);
    }
  }
}

/** The first day after `today` on which one of these turns though nothing happens; null where none does. */
export function dueDay(row: ProfileRow, turns: readonly Turn[], today: number): number | null {
  if (turns.some(({ everyDay }) => everyDay)) return today + 1;
  let due = Infinity;
  showTurnDays(row, turns, (day) => {
    if (day > today && day < due) due = day;
  });
  return due === Infinity ? null : due;
}

/** Whether one of these turns on one of some days though nothing happens; the last of them is among them. */
export function turnsWithin(row: ProfileRow, turns: readonly Turn[], fromDay: number, toDay: number): boolean {
  let isTurning = turns.some(({ everyDay }) => everyDay);
  showTurnDays(row, turns, (day) => {
    isTurning ||= day >= fromDay && day <= toDay;
  });
  return isTurning;
}
