/** Campaigns, recalls and decisions, as the service gives them. */

export type CampaignState = "draft" | "approved" | "running" | "paused" | "finished";

export interface SerialRange {
  from: string;
  to: string;
}

export type CampaignAudience =
  | { kind: "segment"; segmentId: string }
  | { kind: "serials"; model: string; ranges: SerialRange[] };

interface Shared {
  name: string;
  priority: number;
  expiresAtMs: number;
  itemIds: string[];
}

export type CampaignDefinition =
  | (Shared & {
      kind: "campaign";
      audience: CampaignAudience;
      schedule: { date: string; minute: number } | null;
      bestHour: boolean;
      goal: { event: string; withinDays: number } | null;
    })
  | (Shared & { kind: "recall"; audience: Extract<CampaignAudience, { kind: "serials" }> });

/** What holds for the promotions of all campaigns. */
export interface EngagementPolicy {
  caps: { days: number; max: number; classes: ("loyalty_status" | "promotional")[] }[];
  roomMax: number;
  /** 0 to 0.15. */
  holdoutShare: number;
}

export interface PolicyInForce extends EngagementPolicy {
  /** 0 where nobody set it yet. */
  version: number;
  createdAtMs: number;
  createdBy: string;
}

/** Where the maker's app is told what households are to get. */
export interface MakersApp {
  /** Null: nowhere. */
  url: string | null;
  /** Since when it wants nothing more. */
  goneAtMs: number | null;
  /** 0 where nobody ever said it. */
  version: number;
  changedAtMs: number | null;
  changedBy: string | null;
}

export interface Campaign {
  id: string;
  kind: "campaign" | "recall";
  state: CampaignState;
  definition: CampaignDefinition;
  createdAtMs: number;
  createdBy: string;
  editedAtMs: number;
  editedBy: string;
  approvedAtMs: number | null;
  approvedBy: string | null;
  startedAtMs: number | null;
  pausedAtMs: number | null;
  endedAtMs: number | null;
}

export type Counts = Record<string, number>;

export type CampaignLift =
  | { kind: "measured"; difference: number; low: number; high: number }
  | { kind: "too_few"; perArmMin: number }
  | { kind: "too_soon"; daysMin: number };

export interface CampaignArm {
  households: number;
  reached: number;
}

export interface CampaignFunnel {
  members: number;
  decided: number;
  waiting: Counts;
  suppressed: Counts;
  human: number;
  queued: number;
  sent: number;
  shown: number;
  acted: number;
  ended: number;
  arms: { treated: CampaignArm; held_out: CampaignArm };
  lift: CampaignLift | null;
}

export type RecallStatus = "acknowledged" | "shown" | "emailed" | "on_its_way" | "unreachable" | "not_decided";

export type UnreachableWhy = "never_registered" | "no_household" | "no_address" | "no_mail" | "never_seen";

export interface RecallCount {
  status: RecallStatus;
  households: number;
  appliances: number;
}

export type CampaignDetail = Campaign & {
  funnel: CampaignFunnel;
  recall: RecallCount[] | null;
  recallCountedAtMs: number | null;
};

export interface CampaignEstimate {
  households: number;
  looked: number;
  send: Counts;
  waiting: Counts;
  suppressed: Counts;
  human: number;
  appliances: number | null;
  neverRegistered: number | null;
}

export interface RecallHousehold {
  key: string;
  householdId: string | null;
  householdName: string | null;
  status: RecallStatus;
  why: UnreachableWhy | null;
  detail: string | null;
  appliances: {
    deviceId: string | null;
    serial: string;
    model: string;
    shownAtMs: number | null;
    acknowledgedAtMs: number | null;
  }[];
}

export interface HouseholdForPerson {
  householdId: string;
  householdName: string | null;
  itemId: string;
  title: string;
  decidedAtMs: number;
}

export interface DecisionTrace {
  tests: {
    test: string;
    outcome: "passes" | "holds" | "suppresses" | "not_asked";
    says: string;
    with?: Record<string, string | number | readonly string[]> | undefined;
  }[];
  terms: { from: "intent" | "context" | "history"; term: string; points: number; about?: string | undefined }[];
}

export interface Decision {
  id: string;
  campaign: { id: string; name: string } | null;
  itemId: string;
  title: string;
  class: string;
  answer: "send" | "hold" | "suppress" | "human";
  reason: string | null;
  channels: string[];
  untilMs: number | null;
  decidedAtMs: number;
  sentAtMs: number | null;
  shownAtMs: number | null;
  actedAtMs: number | null;
  ended: string | null;
  score: number;
  says: string;
  /** Null: longer ago than traces are kept. */
  trace: DecisionTrace | null;
}

export interface DecisionExplanation {
  stored: Decision | null;
  replay: { same: boolean; answer: string; reason: string | null } | null;
  now: {
    campaign: { id: string; name: string; state: string };
    isMember: boolean;
    answer: string;
    reason: string | null;
    says: string;
    trace: DecisionTrace;
  }[];
}
