/** What the API says of incidents, as far as the console reads it. */
import type { CauseArticle, Severity } from "./case-shapes.ts";

export interface Incident {
  id: string;
  kind: "devices" | "release";
  cause: string;
  model: string;
  ruleId: string | null;
  severity: Severity;
  title: string;
  status: "open" | "settling" | "resolved";
  statusAtMs: number;
  resolvedBy: string | null;
  openedAtMs: number;
  firstAtMs: number;
  lastRaisedAtMs: number;
  members: number;
  standing: number;
  assignee: string | null;
  evidence: Record<string, unknown>;
}

interface Common {
  value: string | null;
  members: number;
}

export interface IncidentDetail extends Incident {
  entries: {
    sequence: number;
    kind: "opened" | "reopened" | "graver" | "settling" | "resolved" | "assigned" | "note";
    atMs: number;
    by: string;
    text: string | null;
    data: Record<string, unknown>;
  }[];
  /** What is known of its cause; null where nothing is written about it. */
  causeArticle: CauseArticle | null;
  common: { firmware: Common[]; hardware: Common[]; country: Common[] };
}

export interface IncidentMember {
  deviceId: string;
  raisedAtMs: number;
  clearedAtMs: number | null;
  caseId: string | null;
}

export interface WatchedRelease {
  model: string;
  version: string;
  verdict: "too_little" | "sound" | "worse";
  judgedAtMs: number;
  figures: { devices: number; deviceDays: number; onlyBefore: number; onlyAfter: number; odds: number };
}
