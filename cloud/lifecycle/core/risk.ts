/** What endangers a household's stage before it is lost. */
import type { LifecycleDefinition, Stage } from "./definition.ts";
import { type Cause, faultsBy, faultsCause, isEngaged, silenceBy } from "./stage.ts";
import type { HouseholdFacts } from "./state.ts";

const dayMs = 86_400_000;

export const riskKinds = ["silent", "feedback", "faults", "case_open", "never_started", "marketing_withdrawn"] as const;
export type RiskKind = (typeof riskKinds)[number];

export interface Risk {
  kind: RiskKind;
  weight: number;
  causes: Cause[];
}

/** How much each counts, and what it adds that much is to be lost. */
const weights: Record<RiskKind, number> = {
  silent: 40,
  feedback: 35,
  faults: 30,
  never_started: 25,
  case_open: 15,
  marketing_withdrawn: 10,
};
const engagedWeight = 10;
const dearWeight = 20;

/** The worst first; none for whoever has no appliance, or is lost already. */
export function risksOf(facts: HouseholdFacts, stage: Stage, definition: LifecycleDefinition, atMs: number): Risk[] {
  if (stage === "acquisition" || stage === "disengaged") return [];
  const found: [RiskKind, Cause[]][] = [
    ["silent", facts.lastUseMs === null ? [] : silenceBy(facts, definition, atMs, definition.engagement.gaps)],
    ["feedback", badWord(facts, definition, atMs)],
    ["faults", manyFaults(facts, definition, atMs)],
    ["case_open", facts.openCases.map((one) => ({ kind: "case_open", title: one.title, atMs: one.atMs }))],
    ["never_started", neverStarted(facts, definition, atMs)],
    ["marketing_withdrawn", withdrawn(facts, definition, atMs)],
  ];
  return found
    .flatMap(([kind, causes]) => (causes.length === 0 ? [] : [{ kind, causes, weight: weights[kind] }]))
    .toSorted((a, b) => b.weight - a.weight);
}

/** How urgent it is: what endangers it, and what there is to lose. */
export function riskScore(risks: readonly Risk[], stage: Stage): number {
  if (risks.length === 0) return 0;
  const dear = stage === "loyalty" || stage === "advocacy" ? dearWeight : isEngaged(stage) ? engagedWeight : 0;
  return risks.reduce((sum, { weight }) => sum + weight, dear);
}

/** Moments, beside those of the stages, at which a risk begins or ends by itself. */
export function riskTurningPoints(facts: HouseholdFacts, { activation, disengaged }: LifecycleDefinition): number[] {
  const { feedback, withdrawn: taken, pairedAtMs } = facts;
  return [
    ...[feedback, taken].flatMap((said) => (said === null ? [] : [said.atMs + disengaged.complaintDays * dayMs + 1])),
    ...(pairedAtMs === null ? [] : [Math.floor(pairedAtMs + (activation.days * dayMs) / 2) + 1]),
  ];
}

function badWord({ feedback }: HouseholdFacts, { disengaged }: LifecycleDefinition, atMs: number): Cause[] {
  if (feedback === null || feedback.rating > disengaged.ratingMax) return [];
  return atMs <= feedback.atMs + disengaged.complaintDays * dayMs ? [{ kind: "feedback", ...feedback }] : [];
}

/** As long as a complaint counts: who turned away from marketing long ago and stayed is content with that. */
function withdrawn({ withdrawn: taken }: HouseholdFacts, { disengaged }: LifecycleDefinition, atMs: number): Cause[] {
  if (taken === null || atMs > taken.atMs + disengaged.complaintDays * dayMs) return [];
  return [{ kind: "marketing_withdrawn", atMs: taken.atMs }];
}

function manyFaults(facts: HouseholdFacts, { disengaged }: LifecycleDefinition, atMs: number): Cause[] {
  const faults = faultsBy(facts, disengaged.faultDays, atMs);
  return faults.length < disengaged.faults ? [] : [faultsCause(faults, disengaged.faultDays)];
}

/** Half of the first days are over, and nothing was cooked. */
function neverStarted(facts: HouseholdFacts, { activation }: LifecycleDefinition, atMs: number): Cause[] {
  const { lastUseMs, pairedAtMs } = facts;
  if (lastUseMs !== null || pairedAtMs === null || atMs <= pairedAtMs + (activation.days * dayMs) / 2) return [];
  return [{ kind: "never_started", atMs: pairedAtMs, days: Math.floor((atMs - pairedAtMs) / dayMs) }];
}
