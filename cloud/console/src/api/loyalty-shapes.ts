/** What the console reads of points; `test/console/shapes.test.ts` holds it to the API. */

import type { Market } from "./content-shapes.ts";

export type Period = "day" | "week" | "month";

export type EarningLimit =
  | { kind: "none" }
  | { kind: "once" }
  | { kind: "per"; period: Period; count: number }
  | { kind: "once_per"; fact: string };

export type Rounding = "down" | "nearest" | "up";
export type EarningAmount = number | { of: string; unit: number; times: number; round: Rounding; max: number };

export type FactKind = "text" | "number" | "flag";
export type ActOrigin = "appliance" | "web" | "app" | "shop" | "support" | "social";

/** A fact that a condition may read. */
export interface OfferedFact {
  name: string;
  type: string;
  help: string;
  /** Before `is at least 5`. */
  words: string;
}

/** What rules are written with. */
export interface LoyaltyVocabulary {
  acts: { type: string; from: ActOrigin[]; facts: OfferedFact[] }[];
  facts: OfferedFact[];
}

export interface EarningDefinition {
  title: string;
  act: { type: string; from: ActOrigin[] };
  facts: Record<string, FactKind>;
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
  days: { day: string; points: number }[];
  perHousehold: { median: number; max: number };
  effects: { householdId: string; atMs: number; source: string; points: number; effectIndex: number; day: string }[];
}

export interface Tier {
  key: string;
  title: string;
  /** In other languages, by locale. */
  names: Record<string, string>;
  fromPoints: number;
  multiplierPct: number;
  benefits: string;
}

export interface LoyaltyProgram {
  version: number;
  createdAtMs: number;
  createdBy: string;
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

/** Where orders go. */
export interface LoyaltyShop {
  url: string;
  version: number;
  changedAtMs: number;
  changedBy: string;
}

export interface Liability {
  households: number;
  active: number;
  pending: number;
  owed: number;
  expiring: { days: number; points: number }[];
}

export type RewardKind = "product" | "voucher" | "service" | "donation";

export interface RewardDefinition {
  title: string;
  description: string;
  /** In other languages, by locale. */
  texts: Record<string, { title: string; description: string }>;
  kind: RewardKind;
  pointsCost: number;
  reserveMs: number;
  stock: number | null;
  tier: string | null;
  enabled: boolean;
}

export interface Reward {
  key: string;
  version: number;
  createdAtMs: number;
  createdBy: string;
  definition: RewardDefinition;
  taken: number;
}

interface Money {
  amountMinor: number;
  currency: string;
}

/** What the readers of a locale get of an offer. */
export interface OfferMarket {
  locale: string;
  models: string[];
  reads: string;
  because: Market["because"];
}

export interface OfferDefinition {
  /** The language of its own words. */
  locale: string;
  title: string;
  /** In other languages, by locale: a reason for each price. */
  texts: Record<string, { title: string; reasons: string[] }>;
  article: string;
  currency: string;
  listPriceMinor: number;
  floorMinor: number;
  prices: { tier: string | null; priceMinor: number; reason: string }[];
  pointsCost: number | null;
  fromMs: number | null;
  untilMs: number | null;
  enabled: boolean;
}

export interface Offer {
  key: string;
  version: number;
  createdAtMs: number;
  createdBy: string;
  definition: OfferDefinition;
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
