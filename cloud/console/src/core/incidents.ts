/** Incidents in words, and their members over time. */
import type { Incident, IncidentMember } from "../api/incident-shapes.ts";
import type { Tone } from "./rollouts.ts";

export const incidentStatusWords: Record<Incident["status"], { words: string; tone: Tone }> = {
  open: { words: "Open", tone: "wrong" },
  settling: { words: "Settling", tone: "mind" },
  resolved: { words: "Resolved", tone: "well" },
};

export interface MemberStep {
  atMs: number;
  /** How many have had the cause by then, and how many have it then. */
  had: number;
  have: number;
}

/** Members over time: a step for each moment at which one came or went, oldest first. */
export function memberSteps(members: readonly IncidentMember[]): MemberStep[] {
  const changes = members.flatMap(({ raisedAtMs, clearedAtMs }) => [
    { atMs: raisedAtMs, had: 1, have: 1 },
    ...(clearedAtMs === null ? [] : [{ atMs: clearedAtMs, had: 0, have: -1 }]),
  ]);
  const steps: MemberStep[] = [];
  let had = 0;
  let have = 0;
  for (const change of changes.toSorted((a, b) => a.atMs - b.atMs)) {
    had += change.had;
    have += change.have;
    if (steps.at(-1)?.atMs === change.atMs) steps.pop();
    steps.push({ atMs: change.atMs, had, have });
  }
  return steps;
}
