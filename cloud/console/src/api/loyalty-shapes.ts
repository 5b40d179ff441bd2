/** What the console reads of points; `test/console/shapes.test.ts` holds it to the API. */

export type Period = "day" | "week" | "month";

export type EarningLimit =
  | { kind: "none" }
  | { kind: "once" }
  | { kind: "per"; period: Period; count: number }
  | { kind: "once_per"; fact: string };

export type EarningAmount = number | { of: string; unit: number; times: number; max: number };

export interface EarningDefinition {
  title: string;
  act: { type: string; from: string[] };
  facts: Record<string, "text" | "number" | "flag">;
  when: string | null;
  effects: { points: EarningAmount; to: "household" | "referrer" }[];
  returns: { rule: string; by: string } | null;
  limit: EarningLimit;
  streak: { period: Period; length: number } | null;
  tierMultiplied: boolean;
  delayMs: number;
  expiresAfterDays: number | null;
  enabled: boolean;
}

export interface EarningRule {
  key: string;
  version: number;
  definition: EarningDefinition;
  createdAtMs: number;
  createdBy: string;
  fromMs: number;
}

export interface DryRun {
  fromMs: number;
  toMs: number;
  acts: number;
  isCut: boolean;
  households: number;
  earnings: number;
  points: number;
  refused: number;
  returns: number;
  effects: { householdId: string; atMs: number; source: string; points: number; effectIndex: number; day: string }[];
}

export interface Tier {
  key: string;
  title: string;
  fromPoints: number;
  multiplierPct: number;
  benefits: string;
}

export interface LoyaltyProgram {
  version: number;
  definition: {
    expiresAfterDays: number | null;
    returnsMayOverdraw: boolean;
    periodMonths: number;
    noticeDays: number;
    tiers: Tier[];
  };
  /** Households by tier; who is missing is at the base. */
  households: Record<string, number>;
}

export interface Liability {
  households: number;
  active: number;
  pending: number;
  owed: number;
  expiring: { days: number; points: number }[];
}

export interface Reward {
  key: string;
  definition: {
    title: string;
    description: string;
    pointsCost: number;
    stock: number | null;
    tier: string | null;
    enabled: boolean;
  };
  taken: number;
}

interface Money {
  amountMinor: number;
  currency: string;
}

export interface Offer {
  key: string;
  version: number;
  definition: {
    title: string;
    article: string;
    currency: string;
    listPriceMinor: number;
    floorMinor: number;
    prices: { tier: string | null; priceMinor: number; reason: string }[];
    pointsCost: number | null;
    enabled: boolean;
  };
}

export interface OfferGrant {
  offerId: string;
  householdId: string;
  offer: string;
  title: string;
  listPrice: Money;
  price: Money;
  reason: string;
  pointsCost: number | null;
  state: "granted" | "redeeming" | "calling" | "redeemed" | "failed" | "expired";
  grantedAtMs: number;
  expiresAtMs: number;
  attempts: number;
  detail: string | null;
}

export interface Redemption {
  id: string;
  householdId: string;
  title: string;
  points: number;
  state: "reserved" | "redeemed" | "released" | "refunded";
  reservedAtMs: number;
  untilMs: number;
  reason: string | null;
}

export interface LedgerEntry {
  id: string;
  kind: "earning" | "reversal" | "reservation" | "release" | "spending" | "refund" | "expiry" | "merge";
  title: string;
  /** Negative where points left the household. */
  points: number;
  state: "pending" | "active" | "reversed";
  rule: string;
  deviceId: string | null;
  atMs: number;
  activeAtMs: number;
  reason: string | null;
}

export interface HouseholdPoints {
  balance: { active: number; pending: number };
  tier: { key: string; title: string; rank: number; untilMs: number | null };
  pointsInPeriod: number;
  next: { title: string; pointsMissing: number } | null;
  lots: { lot: string; title: string; points: number; left: number; activeAtMs: number; expiresAtMs: number | null }[];
  redemptions: Redemption[];
  offers: OfferGrant[];
}
