/** Segments as the API gives them. */
export interface SegmentUser {
  kind: string;
  id: string;
  name: string;
}

export interface Segment {
  id: string;
  version: number;
  title: string;
  description: string;
  expression: string;
  changedAtMs: number;
  changedBy: string;
  members: number;
  isFilling: boolean;
  usedBy: SegmentUser[];
  trend: { day: string; members: number }[];
}

export interface SegmentVersion {
  version: number;
  definition: { title: string; description: string; expression: string };
  changedAtMs: number;
  changedBy: string;
}

export interface SegmentFact {
  name: string;
  type: "text" | "version" | "number" | "flag" | "texts";
  help: string;
  reads: string;
  purpose: "run" | "personalise" | "market";
  group: "appliances" | "use" | "recipes" | "customer" | "elsewhere";
  moves: boolean;
}

export interface FactSeen {
  name: string;
  value: string | number | boolean | string[] | null;
  missing: "not_known" | "no_consent" | null;
}

export interface SegmentTest {
  householdId: string;
  name: string | null;
  matches: boolean;
  facts: FactSeen[];
  conditions: { text: string; matches: boolean; missing: string[] }[];
}

export interface Place {
  from: number;
  to: number;
}

export type SegmentPreview =
  | {
      kind: "ok";
      reads: string[];
      of: number;
      estimate: { members: number; isExact: boolean; margin: number } | null;
      sample: SegmentTest[];
    }
  | RefusedCondition;

/** A condition that cannot be used, and where. */
export interface RefusedCondition {
  kind: "refused";
  detail: string;
  place: Place | null;
}
export type CheckedCondition = { kind: "ok" } | RefusedCondition;

export interface HouseholdSegments {
  facts: FactSeen[];
  segments: { id: string; title: string; sinceMs: number }[];
}

export interface SegmentMember {
  householdId: string;
  name: string | null;
  sinceMs: number;
}
