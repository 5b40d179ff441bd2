/**
 * What a campaign brought about: the share that reached its goal among all who were assigned to it, against the share among those who were
 * held out. Assignment is the denominator, and not what was shown, since whoever looks at the display differs from who does not.
 */
export interface Arm {
  households: number;
  reached: number;
}

export type Lift =
  | { kind: "measured"; difference: number; low: number; high: number }
  /** Fewer than there must be, or too soon: a figure would say nothing. */
  | { kind: "too_few"; perArmMin: number }
  | { kind: "too_soon"; daysMin: number };

export const perArmMin = 150;
const daysMin = 3;
const z95 = 1.959964;

/** Wilson's interval of a share. */
function wilson({ households: n, reached }: Arm): { low: number; high: number } {
  const p = reached / n;
  const middle = (p + z95 ** 2 / (2 * n)) / (1 + z95 ** 2 / n);
  const half = (z95 / (1 + z95 ** 2 / n)) * Math.sqrt((p * (1 - p)) / n + z95 ** 2 / (4 * n ** 2));
  return { low: middle - half, high: middle + half };
}

/** The difference of the two shares with its 95 % interval, by Newcombe's method 10 (1998), which holds at shares near 0 too. */
export function liftOf(treated: Arm, heldOut: Arm, runningMs: number): Lift {
  if (Math.min(treated.households, heldOut.households) < perArmMin) return { kind: "too_few", perArmMin };
  if (runningMs < daysMin * 86_400_000) return { kind: "too_soon", daysMin };
  const [p, q] = [treated.reached / treated.households, heldOut.reached / heldOut.households];
  const [a, b] = [wilson(treated), wilson(heldOut)];
  const difference = p - q;
  return {
    kind: "measured",
    difference,
    low: difference - Math.hypot(p - a.low, b.high - q),
    high: difference + Math.hypot(a.high - p, q - b.low),
  };
}
