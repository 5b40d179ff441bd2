/** What the API answers about the stages of households, as far as the console reads it; held by test/console like `shapes.ts`. */

export type Stage =
  | "acquisition"
  | "activation"
  | "engagement"
  | "satisfaction"
  | "loyalty"
  | "advocacy"
  | "disengaged";

export type RiskKind = "silent" | "feedback" | "faults" | "case_open" | "never_started" | "marketing_withdrawn";

export type StageCounts = Record<Stage, number>;

export interface StageFlow {
  /** Null: not known at the beginning. */
  from: Stage | null;
  to: Stage;
  households: number;
}

export interface LifecycleCause {
  kind: string;
  atMs: number | null;
  text: string;
}

export interface LifecycleRisk {
  kind: RiskKind;
  weight: number;
  causes: LifecycleCause[];
}

export interface LifecycleDefinition {
  gap: { daysUsual: number; daysMin: number; daysMax: number };
  activation: { programs: number; days: number };
  engagement: { gaps: number };
  satisfaction: { ratingMin: number; firstAnswerCounts: boolean };
  loyalty: { days: number; tierCounts: boolean };
  advocacy: { days: number };
  /** When households are asked how they like it; `afterDays` null: not for the time that they have it. */
  feedback: { afterDays: number | null; afterReward: boolean };
  disengaged: { gaps: number; ratingMax: number; faults: number; faultDays: number; complaintDays: number };
}

export interface DefinitionVersion {
  version: number;
  definition: LifecycleDefinition;
  inForceFromMs: number;
  createdBy: string;
}

export interface LifecyclePreview {
  households: number;
  isSample: boolean;
  moved: number;
  flows: StageFlow[];
  before: StageCounts;
  after: StageCounts;
}

export interface LifecycleFlows {
  before: StageCounts;
  after: StageCounts;
  flows: StageFlow[];
  changes: { from: Stage; to: Stage; changes: number; daysMedian: number }[];
}

export interface CountsAt {
  atMs: number;
  counts: StageCounts;
}

export interface HouseholdAtRisk {
  householdId: string;
  name: string | null;
  stage: Stage;
  sinceMs: number;
  risk: number;
  risks: LifecycleRisk[];
  lostAtMs: number | null;
}

export interface HouseholdLost {
  householdId: string;
  name: string | null;
  from: Stage | null;
  atMs: number;
  causes: LifecycleCause[];
}

export interface AtRiskAnswer {
  households: number;
  byKind: { kind: RiskKind; households: number }[];
  items: HouseholdAtRisk[];
  lost: HouseholdLost[];
  nextCursor: string | null;
}

export interface StageChange {
  place: number;
  atMs: number;
  from: Stage | null;
  to: Stage;
  causes: LifecycleCause[];
  days: number | null;
  daysMedian: number | null;
}

export interface HouseholdLife {
  stage: Stage;
  sinceMs: number | null;
  facts: {
    knownSinceMs: number | null;
    pairedAtMs: number | null;
    programs: number;
    usualGapDays: number;
    lastUseMs: number | null;
    openCases: number;
    feedback: { rating: number; atMs: number } | null;
  };
  risks: LifecycleRisk[];
  nextTurnMs: number | null;
  /** What was told too late to change anything. */
  tooLate: { count: number; newestMs: number } | null;
  changes: StageChange[];
}
