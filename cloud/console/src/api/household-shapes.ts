/** What the API answers about households, as far as the console reads it; held by test/console like `shapes.ts`. */

export interface ChannelPreferences {
  order: ("display" | "web_push" | "email" | "webhook" | "human")[];
  quiet: { fromMinute: number; toMinute: number; meanwhile: "hold" | "skip" } | null;
  perWeekMax: number | null;
}

/** What they chose to hear of. */
export interface ChosenTopics {
  topics: string[];
}

export interface HouseholdMember {
  id: string;
  name: string;
  email: string | null;
  role: string;
}

export interface Household {
  id: string;
  name: string;
  locale: string;
  timeZone: string;
  channels: ChannelPreferences;
  members: HouseholdMember[];
  createdAtMs: number;
  mergedInto: string | null;
  devices: { id: string; model: string }[];
}

export interface ListedHousehold extends Omit<Household, "devices"> {
  devices: number;
}

export interface HouseholdEntry {
  atMs: number;
  kind: "event" | "fact" | "case" | "points" | "stage" | "consent" | "decision" | "household";
  id: string;
  title: string;
  data: Record<string, unknown>;
}

export type ConsentPurpose = "improve" | "personalise" | "market" | "share";

export interface ConsentStanding {
  purpose: ConsentPurpose;
  party: string | null;
  isGiven: boolean;
  atMs: number;
  receiptId: string;
}

export interface ConsentReceipt {
  id: string;
  purpose: ConsentPurpose;
  party: string | null;
  decision: "given" | "withdrawn";
  textLocale: string | null;
  textVersion: number | null;
  words: string | null;
  wordsSha256: string | null;
  inReturn: string | null;
  channel: string;
  evidence: string | null;
  atMs: number;
  recordedAtMs: number;
  by: string;
  carriedFrom: string | null;
}

export interface ConsentText {
  purpose: "run" | ConsentPurpose;
  party: string | null;
  partyName: string | null;
  locale: string;
  version: number;
  words: string;
  inReturn: string;
  createdAtMs: number;
  createdBy: string;
}

export interface HouseholdFact {
  source: string;
  id: string;
  type: string;
  atMs: number;
  receivedAtMs: number;
  by: string;
  data: Record<string, unknown>;
}

/** What others call a household. */
export interface HouseholdReference {
  kind: string;
  value: string;
}

export interface HouseholdMerge {
  id: string;
  from: string;
  into: string;
  proof: "welcome_code" | "staff";
  reason: string | null;
  atMs: number;
  by: string;
  undone: { atMs: number; by: string; reason: string } | null;
}
