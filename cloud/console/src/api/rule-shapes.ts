/** What the API says of rules, what they found, and back-tests, as far as the console reads it. */
import type { Severity } from "./case-shapes.ts";
import type { LeftOut } from "./shapes.ts";

export type RuleMode = "live" | "shadow" | "off";

/** What every rule has; what else it has depends on its kind, and is read as it is written. */
export interface RuleDefinition {
  kind: string;
  title: string;
  severity: Severity;
  mode: RuleMode;
  models?: string[] | undefined;
  cause?: string | undefined;
  actions?: RuleAction[] | undefined;
}

/** What follows when the cause comes; what else it has depends on its kind. */
export interface RuleAction {
  kind: string;
}

export interface ServiceRule {
  id: string;
  version: number;
  definition: RuleDefinition;
  createdAtMs: number;
  createdBy: string;
}

export interface StandingRule extends ServiceRule {
  holding: number;
  tooLate: number;
}

/** Of one appliance, what came too late for a rule. */
export interface RuleLateLine {
  deviceId: string;
  count: number;
  fromMs: number;
  toMs: number;
  notedAtMs: number;
}

export interface RuleFiring {
  id: string;
  ruleId: string;
  ruleVersion: number;
  deviceId: string;
  cause: string;
  kind: "raise" | "clear";
  atMs: number;
  mode: "live" | "shadow";
  trace: Record<string, unknown>;
  /** What became of points and content. */
  done: { kind: string; outcome: string; points?: number | undefined; itemId?: string | undefined }[];
}

export interface Backtest {
  id: string;
  by: string;
  ruleId: string | null;
  definition: RuleDefinition;
  fromMs: number;
  toMs: number;
  status: "running" | "done" | "cancelled" | "failed";
  reason: string | null;
  matching: number;
  leftOut: LeftOut;
  devices: number;
  done: number;
  fired: number;
  neverFired: number;
  noData: number;
  wouldBe: { kind: string; times: number; points?: number | undefined; what?: string | undefined }[];
  share: number | null;
  firesWidely: boolean;
  lookedAt: number;
  startedAtMs: number;
  endedAtMs: number | null;
}

export interface BacktestDevice {
  deviceId: string;
  verdict: "fired" | "never_fired" | "no_data";
  evaluated: number;
  raises: number;
  firings: { kind: "raise" | "clear"; cause: string; atMs: number; trace: Record<string, unknown> }[];
}
