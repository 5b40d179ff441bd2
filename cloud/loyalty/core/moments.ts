/** In which order the acts of a batch are decided, and when their households' tiers are looked at. Pure. */
import { compareActs, type Earning, type EarningAct } from "./earning.ts";

/** Points that the ledger got, and from when they count. */
export interface Gain {
  points: number;
  activeAtMs: number;
}

/** A moment at which the tier of a household is looked at, with what it was given since the moment before. */
export interface Moment {
  householdId: string;
  atMs: number;
  gained: readonly Gain[];
}

interface Due {
  householdId: string;
  atMs: number;
}

/** Whose points an act may move, with the calendar day that it is there. */
export interface Party {
  householdId: string;
  day: string;
}

export interface Rounds {
  /** Who acts, and whom the act names as its referrer. */
  partiesOf: (act: EarningAct) => readonly Party[];
  /** Whether an act gives something back: to its own household, or to others too. */
  givesBack: (act: EarningAct) => "nothing" | "own" | "others";
}

/**
 * A day of each household after the other: what it was given on one, by itself or by others, decides its tier on the next. After an act that
 * gives something back another round begins: what comes then finds the points gone.
 */
export function rounds(acts: readonly EarningAct[], { partiesOf, givesBack }: Rounds): EarningAct[][] {
  const all: EarningAct[][] = [];
  const last = new Map<string, { round: number; day: string | null }>();
  let earliest = 0;
  for (const act of acts.toSorted(compareActs)) {
    const back = givesBack(act);
    let round = back === "others" ? all.length : earliest;
    const parties = partiesOf(act);
    for (const { householdId, day } of parties) {
      const before = last.get(householdId);
      if (before !== undefined) round = Math.max(round, before.day === day ? before.round : before.round + 1);
    }
    (all[round] ??= []).push(act);
    if (back === "others") earliest = all.length;
    for (const { householdId, day } of parties) last.set(householdId, { round, day: back === "nothing" ? day : null });
  }
  return all;
}

/**
 * The moments of a round, those of each household in order: after each act that gave it points which count at once, and where pending ones
 * become active before the household's last act of the round. Those that become active later are `pending`.
 */
export function momentsOf(
  earnings: readonly Earning[],
  due: readonly Due[],
  lastMs: ReadonlyMap<string, number>,
): { moments: Moment[]; pending: Due[] } {
  const moments: Moment[] = [];
  const pending: Due[] = [];
  const dueOf = Map.groupBy(due, ({ householdId }) => householdId);
  const earned = Map.groupBy(earnings, ({ householdId }) => householdId);
  for (const householdId of new Set([...earned.keys(), ...dueOf.keys()])) {
    const activations = (dueOf.get(householdId) ?? []).map(({ atMs }) => atMs);
    const looks: (Omit<Moment, "householdId"> & { toldAtMs: number; isLooked: boolean })[] = [];
    for (const [act, ofAct] of Map.groupBy(earned.get(householdId) ?? [], (earning) => earning.act)) {
      // A streak's points belong to its period, which may have begun long before the act, or be another than that of the act.
      const atMs = Math.max(act.atMs, ...ofAct.map((earning) => earning.atMs));
      const later = ofAct.map(({ activeAtMs }) => activeAtMs).filter((activeAtMs) => activeAtMs > atMs);
      for (const activeAtMs of later) {
        if (activeAtMs <= (lastMs.get(householdId) ?? 0)) activations.push(activeAtMs);
        else pending.push({ householdId, atMs: activeAtMs });
      }
      looks.push({ toldAtMs: act.atMs, atMs, gained: ofAct, isLooked: later.length < ofAct.length });
    }
    // Acts stand in order already, and mostly nothing becomes active between them.
    if (activations.length > 0) {
      looks.unshift(...activations.map((dueMs) => ({ toldAtMs: dueMs, atMs: dueMs, gained: [], isLooked: true })));
      looks.sort((a, b) => a.toldAtMs - b.toldAtMs);
    }
    let unseen: Gain[] = [];
    for (const { atMs, gained, isLooked } of looks) {
      unseen.push(...gained);
      if (!isLooked) continue;
      moments.push({ householdId, atMs, gained: unseen });
      unseen = [];
    }
  }
  return { moments, pending };
}
