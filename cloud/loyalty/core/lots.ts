/** What is left of one earning. */
export interface Lot {
  lot: string;
  activeAtMs: number;
  /** Null: never. */
  expiresAtMs: number | null;
  pointsLeft: number;
}

export const isActive = (lot: Lot, nowMs: number): boolean =>
  lot.activeAtMs <= nowMs && (lot.expiresAtMs === null || lot.expiresAtMs > nowMs);

/** Points that may be spent: of active lots, less what was overdrawn. */
export const spendable = (lots: readonly Lot[], nowMs: number): number =>
  lots.reduce((sum, lot) => (isActive(lot, nowMs) || lot.pointsLeft < 0 ? sum + lot.pointsLeft : sum), 0);

const compareLots = (a: Lot, b: Lot): number =>
  (a.expiresAtMs ?? Infinity) - (b.expiresAtMs ?? Infinity) ||
  a.activeAtMs - b.activeAtMs ||
  (a.lot < b.lot ? -1 : a.lot > b.lot ? 1 : 0);

export interface Taken {
  lot: string;
  points: number;
}

/** Takes points from lots, first-expiring first. What they do not hold is missing from the answer. */
export function takeFrom(lots: readonly Lot[], points: number): Taken[] {
  const taken: Taken[] = [];
  let rest = points;
  for (const { lot, pointsLeft } of lots.toSorted(compareLots)) {
    if (rest === 0) break;
    if (pointsLeft <= 0) continue;
    const some = Math.min(rest, pointsLeft);
    taken.push({ lot, points: some });
    rest -= some;
  }
  return taken;
}

/**
 * What taking an earning back takes: of its own lot first, then of the others, first-expiring first. Where the household no longer has the
 * points and may be overdrawn, its own lot owes the rest.
 */
export function takeBack(
  lots: readonly Lot[],
  own: { lot: string; points: number },
  { mayOverdraw }: { mayOverdraw: boolean },
): Taken[] {
  const held = lots.reduce((sum, lot) => sum + lot.pointsLeft, 0);
  const points = mayOverdraw ? own.points : Math.min(own.points, Math.max(0, held));
  const ofOwn = Math.min(points, Math.max(0, lots.find(({ lot }) => lot === own.lot)?.pointsLeft ?? 0));
  const others = takeFrom(
    lots.filter(({ lot }) => lot !== own.lot),
    points - ofOwn,
  );
  const owed = points - ofOwn - others.reduce((sum, taken) => sum + taken.points, 0);
  const first = ofOwn + owed;
  return first > 0 ? [{ lot: own.lot, points: first }, ...others] : others;
}
