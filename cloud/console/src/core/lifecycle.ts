import type { RiskKind, Stage, StageCounts } from "../api/lifecycle-shapes.ts";

/** In the order in which a household usually comes through them; who is lost stands last. */
export const stages: readonly Stage[] = [
  "acquisition",
  "activation",
  "engagement",
  "satisfaction",
  "loyalty",
  "advocacy",
  "disengaged",
];

/** `Acquisition` */
export const stageName = (stage: Stage): string => stage.charAt(0).toUpperCase() + stage.slice(1);

/** What puts a household there, in half a sentence. */
export const stageMeaning: Record<Stage, string> = {
  acquisition: "known, no appliance yet",
  activation: "has one, and is trying it",
  engagement: "uses it as usual",
  satisfaction: "uses it, and said it is good",
  loyalty: "stays, or has a higher tier",
  advocacy: "brings others",
  disengaged: "silent or angry",
};

/** Whether a household that goes from one stage to the other gets closer to the product. */
export function isForward(from: Stage | null, to: Stage): boolean {
  if (to === "disengaged") return false;
  return from === null || from === "disengaged" || stages.indexOf(to) >= stages.indexOf(from);
}

export const riskWords: Record<RiskKind, string> = {
  silent: "Used less than usual",
  feedback: "Bad feedback",
  faults: "Several faults",
  case_open: "A case is open",
  never_started: "Never started",
  marketing_withdrawn: "Withdrew consent to marketing",
};

export const totalOf = (counts: StageCounts): number => stages.reduce((sum, stage) => sum + counts[stage], 0);

/** `3.5 days`, `1 day`, `less than an hour` */
export function daysText(days: number): string {
  if (days * 24 < 1) return "less than an hour";
  if (days < 1) return `${Math.round(days * 24)} h`;
  const rounded = days < 10 ? Math.round(days * 10) / 10 : Math.round(days);
  return `${rounded} ${rounded === 1 ? "day" : "days"}`;
}

/** Which part of the page; the flows where left out. */
export interface LifecycleSearch {
  tab?: "risk" | "definition" | undefined;
  /** How many days back; 30 where left out. */
  days?: 7 | 90 | 365 | undefined;
  cursor?: string | undefined;
}

export function lifecycleSearch(search: Record<string, unknown>): LifecycleSearch {
  const { tab, days, cursor } = search;
  const given = Number(days);
  return {
    tab: tab === "risk" || tab === "definition" ? tab : undefined,
    days: given === 7 || given === 90 || given === 365 ? given : undefined,
    cursor: typeof cursor === "string" && cursor !== "" ? cursor : undefined,
  };
}
