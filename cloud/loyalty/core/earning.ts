/**
 * Which events earn which points. Pure: everything that the decision depends on is passed in.
 *
 * An earning has an identity, `(program, rule, source event, effect index)`, and happens once for ever. Devices replay and reorder, so
 * the decision must not depend on how events arrive more than it has to:
 *
 * - Within a batch events count in the order of the device's own time, and of their identity where that is equal.
 * - Across batches a daily limit goes to the first to arrive. Each earns the same, so the points of a household and day are
 *   `min(limit, events) x points` in whatever order they come.
 * - A refusal by a daily limit is final and remembered, so that neither a replay nor a later, higher limit moves points.
 * - A reversed earning keeps its place in its day's limit, for the same reason.
 */
import type { LoyaltyRule } from "./rule.ts";

/** An event that may earn. */
export interface EarningEvent {
  /** Identity of the event: `device/event`. */
  source: string;
  deviceId: string;
  deviceKey: number;
  householdId: string;
  type: string;
  atMs: number;
  /** The household's calendar day of `atMs`, as `YYYY-MM-DD`. */
  day: string;
}

/** What the ledger already says about the events of a batch and their households. */
export interface Known {
  /** Points of each identity that earned; null where a limit refused it for good. */
  decided: ReadonlyMap<string, number | null>;
  /** Earnings per `dayKey`. */
  perDay: ReadonlyMap<string, number>;
  /** `onceKey` of each household that earned once. */
  once: ReadonlySet<string>;
}

export interface Earning {
  event: EarningEvent;
  rule: LoyaltyRule;
  effectIndex: number;
  points: number;
  /** When the points become active: from the event's own time, so that a late replay gives the same ledger. */
  activeAtMs: number;
}

export type EarningRefusal = "exists_with_different_amount" | "daily_limit";

export interface Decided {
  earnings: Earning[];
  /** Refusals to be remembered. That a household earned once before is no news, and is not. */
  refusals: { event: EarningEvent; rule: LoyaltyRule; effectIndex: number; points: number; refused: EarningRefusal }[];
}

export const earningKey = (source: string, rule: string, effectIndex: number): string =>
  `${effectIndex} ${rule} ${source}`;
export const dayKey = (rule: string, householdId: string, day: string): string => `${rule} ${householdId} ${day}`;
export const onceKey = (rule: string, householdId: string): string => `${rule} ${householdId}`;

/** The calendar day in a zone, as `YYYY-MM-DD`. */
export const calendarDay = (atMs: number, timeZone: string): string =>
  Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(timeZone).toPlainDate().toString();

const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** Decides a batch. Each rule has one effect so far, so the effect index is 0. */
export function decideEarnings(rules: readonly LoyaltyRule[], events: readonly EarningEvent[], known: Known): Decided {
  const decided = new Map(known.decided);
  const perDay = new Map(known.perDay);
  const once = new Set(known.once);
  const outcome: Decided = { earnings: [], refusals: [] };
  const inOrder = events.toSorted((a, b) => a.atMs - b.atMs || compareText(a.source, b.source));
  for (const event of inOrder) {
    for (const rule of rules) {
      const { definition } = rule;
      if (!definition.enabled || definition.event !== event.type) continue;
      const effectIndex = 0;
      const { points, limit } = definition;
      const key = earningKey(event.source, rule.key, effectIndex);
      const before = decided.get(key);
      if (before !== undefined) {
        if (before !== null && before !== points) {
          outcome.refusals.push({ event, rule, effectIndex, points, refused: "exists_with_different_amount" });
        }
        continue;
      }
      const inDay = dayKey(rule.key, event.householdId, event.day);
      const soFar = perDay.get(inDay) ?? 0;
      if (limit.kind === "per_day" && soFar >= limit.count) {
        decided.set(key, null);
        outcome.refusals.push({ event, rule, effectIndex, points, refused: "daily_limit" });
        continue;
      }
      const ofHousehold = onceKey(rule.key, event.householdId);
      if (limit.kind === "once" && once.has(ofHousehold)) continue;
      decided.set(key, points);
      perDay.set(inDay, soFar + 1);
      once.add(ofHousehold);
      outcome.earnings.push({ event, rule, effectIndex, points, activeAtMs: event.atMs + definition.delayMs });
    }
  }
  return outcome;
}
