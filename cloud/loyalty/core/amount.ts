import type { Amount } from "./rule.ts";

const rounded = { down: Math.floor, nearest: Math.round, up: Math.ceil };
/** What decimal fractions lose in binary must not cost a point. */
const epsilon = 1e-9;

/** The points of an amount; null where it reads a fact that is missing or no number. Never less than 0, nor more than its `max`. */
export function pointsOf(amount: Amount, facts: Readonly<Record<string, unknown>>): number | null {
  if (typeof amount === "number") return amount;
  const value = facts[amount.of];
  if (typeof value !== "number" || !Number.isFinite(value)) return null;
  const exact = (value / amount.unit) * amount.times;
  const nudged = amount.round === "up" ? exact - epsilon : exact + epsilon;
  return Math.min(amount.max, Math.max(0, rounded[amount.round](nudged)));
}

/** Points with a tier's multiplier, rounded down. */
export const multiplied = (points: number, pct: number): number => Math.floor((points * pct) / 100);
