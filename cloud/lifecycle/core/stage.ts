/**
 * The stage of a household, as a function of what is known of it and the time. Asked from the bottom up: who has no appliance, who is
 * lost, then the highest stage that fits. Where none fits, as between twice and three times its usual pause, it stays where it was.
 *
 *   acquisition -> activation -> engagement -> satisfaction -> loyalty -> advocacy      and from each to each,
 *        ^___________________________________________________________ disengaged        stages are skipped
 */
import type { LifecycleDefinition, Stage } from "./definition.ts";
import { gapMs, type HouseholdFacts, lastSignMs } from "./state.ts";

const dayMs = 86_400_000;

/** A fact that put a household into its stage, to be read by people. */
export type Cause =
  | { kind: "known"; atMs: number }
  | { kind: "no_appliance"; atMs: number | null }
  | { kind: "paired"; atMs: number }
  | { kind: "programs"; atMs: number; count: number }
  | { kind: "used"; atMs: number }
  | { kind: "silent"; atMs: number; days: number; usualDays: number }
  | { kind: "never_started"; atMs: number; days: number }
  | { kind: "feedback"; atMs: number; rating: number }
  | { kind: "case_open"; atMs: number; title: string }
  | { kind: "case_resolved"; atMs: number; title: string; atFirstAnswer: boolean }
  | { kind: "case_merged"; atMs: number; title: string }
  | { kind: "faults"; atMs: number; count: number; days: number; codes: string[] }
  | { kind: "fault"; atMs: number; code: string }
  | { kind: "complaint"; atMs: number }
  | { kind: "marketing_withdrawn"; atMs: number }
  | { kind: "marketing_agreed"; atMs: number }
  | { kind: "engaged_for"; atMs: number; days: number }
  | { kind: "tier"; atMs: number; tier: string | null }
  | { kind: "share_cooked"; atMs: number }
  | { kind: "referral_paired"; atMs: number }
  | { kind: "left"; atMs: number }
  | { kind: "too_long_ago"; atMs: number }
  | { kind: "definition"; atMs: number; version: number };

export interface Judgement {
  stage: Stage;
  reasons: Cause[];
}

/** Stages of those who use what they have. */
const engagedStages: ReadonlySet<Stage> = new Set<Stage>(["engagement", "satisfaction", "loyalty", "advocacy"]);
export const isEngaged = (stage: Stage): boolean => engagedStages.has(stage);

/** What the definition makes of a household now; null where no stage fits, and it stays where it was. */
export function judge(
  facts: HouseholdFacts,
  engagedSinceMs: number | null,
  definition: LifecycleDefinition,
  atMs: number,
): Judgement | null {
  if (facts.devices.length === 0) {
    return { stage: "acquisition", reasons: [{ kind: "no_appliance", atMs: facts.knownSinceMs }] };
  }
  const lost = lostBy(facts, definition, atMs);
  if (lost.length > 0) return { stage: "disengaged", reasons: lost };
  const advocacy = advocacyBy(facts, definition, atMs);
  if (advocacy.length > 0) return { stage: "advocacy", reasons: advocacy };
  const active = activeBy(facts, definition, atMs);
  const loyal = loyalBy(facts, engagedSinceMs, definition, { atMs, isActive: active !== null });
  if (loyal.length > 0) return { stage: "loyalty", reasons: loyal };
  if (active !== null) {
    const content = contentBy(facts, definition);
    return content.length > 0
      ? { stage: "satisfaction", reasons: [...content, ...active] }
      : { stage: "engagement", reasons: active };
  }
  const pairedAtMs = facts.pairedAtMs ?? atMs;
  const isNew = facts.programs < definition.activation.programs && atMs <= pairedAtMs + firstMs(definition);
  return isNew ? { stage: "activation", reasons: [{ kind: "paired", atMs: pairedAtMs }] } : null;
}

const firstMs = ({ activation }: LifecycleDefinition) => activation.days * dayMs;

/** Why it is lost; empty where it is not. */
function lostBy(facts: HouseholdFacts, definition: LifecycleDefinition, atMs: number): Cause[] {
  return [
    ...angerBy(facts, definition, atMs),
    ...withdrawnBy(facts, definition),
    ...silenceBy(facts, definition, atMs, definition.disengaged.gaps),
  ];
}

/** A bad rating, with what it stands for. */
function angerBy(facts: HouseholdFacts, { disengaged }: LifecycleDefinition, atMs: number): Cause[] {
  const { feedback, openCases } = facts;
  if (feedback === null || feedback.rating > disengaged.ratingMax) return [];
  const faults = faultsBy(facts, disengaged.faultDays, atMs);
  const isProvoked = faults.length >= disengaged.faults;
  if (openCases.length === 0 && !isProvoked) return [];
  return [
    { kind: "feedback", ...feedback },
    ...openCases.map(({ title, atMs: openedAtMs }): Cause => ({ kind: "case_open", title, atMs: openedAtMs })),
    ...(isProvoked ? [faultsCause(faults, disengaged.faultDays)] : []),
  ];
}

export const faultsBy = ({ faults }: HouseholdFacts, days: number, atMs: number) =>
  faults.filter((fault) => atMs <= fault.atMs + days * dayMs);

export const faultsCause = (faults: HouseholdFacts["faults"], days: number): Cause => ({
  kind: "faults",
  atMs: faults.at(-1)?.atMs ?? 0,
  count: faults.length,
  days,
  codes: [...new Set(faults.map(({ code }) => code))].filter((code) => code !== ""),
});

function withdrawnBy({ withdrawn }: HouseholdFacts, { disengaged }: LifecycleDefinition): Cause[] {
  if (withdrawn === null || withdrawn.complainedAtMs === null) return [];
  const isAfter = withdrawn.atMs - withdrawn.complainedAtMs <= disengaged.complaintDays * dayMs;
  return isAfter
    ? [
        { kind: "marketing_withdrawn", atMs: withdrawn.atMs },
        { kind: "complaint", atMs: withdrawn.complainedAtMs },
      ]
    : [];
}

/** Silent for more than so many of its own gaps. Whoever is new has all of the first days to find the time. */
export function silenceBy(facts: HouseholdFacts, definition: LifecycleDefinition, atMs: number, gaps: number): Cause[] {
  const { programs, pairedAtMs } = facts;
  const isNew = programs < definition.activation.programs && atMs <= (pairedAtMs ?? atMs) + firstMs(definition);
  const gap = gapMs(facts, definition);
  const signMs = lastSignMs(facts);
  if (isNew || atMs <= signMs + gaps * gap) return [];
  const days = Math.floor((atMs - signMs) / dayMs);
  if (facts.lastUseMs === null) return [{ kind: "never_started", atMs: signMs, days }];
  return [{ kind: "silent", atMs: signMs, days, usualDays: Math.round((gap / dayMs) * 10) / 10 }];
}

function advocacyBy(facts: HouseholdFacts, { advocacy }: LifecycleDefinition, atMs: number): Cause[] {
  const within = (thenMs: number | null): thenMs is number => thenMs !== null && atMs <= thenMs + advocacy.days * dayMs;
  const { shareCookedMs, referralMs } = facts;
  return [
    ...(within(shareCookedMs) ? [{ kind: "share_cooked" as const, atMs: shareCookedMs }] : []),
    ...(within(referralMs) ? [{ kind: "referral_paired" as const, atMs: referralMs }] : []),
  ];
}

/** Why it counts as active; null where it does not. */
function activeBy(facts: HouseholdFacts, definition: LifecycleDefinition, atMs: number): Cause[] | null {
  const { programs, lastUseMs } = facts;
  const signMs = lastSignMs(facts);
  if (programs < definition.activation.programs) return null;
  if (atMs > signMs + definition.engagement.gaps * gapMs(facts, definition)) return null;
  return [{ kind: "programs", count: programs, atMs: lastUseMs ?? signMs }];
}

function loyalBy(
  { tier }: HouseholdFacts,
  engagedSinceMs: number | null,
  { loyalty }: LifecycleDefinition,
  { atMs, isActive }: { atMs: number; isActive: boolean },
): Cause[] {
  const isLong = isActive && engagedSinceMs !== null && atMs >= engagedSinceMs + loyalty.days * dayMs;
  return [
    ...(isLong ? [{ kind: "engaged_for" as const, atMs: engagedSinceMs, days: loyalty.days }] : []),
    ...(loyalty.tierCounts && tier !== null ? [{ kind: "tier" as const, atMs: tier.atMs, tier: tier.name }] : []),
  ];
}

function contentBy(facts: HouseholdFacts, { satisfaction }: LifecycleDefinition): Cause[] {
  const { feedback, openCases, lastResolved } = facts;
  if (openCases.length > 0) return [];
  const isRated = feedback !== null && feedback.rating >= satisfaction.ratingMin;
  const isSolved = satisfaction.firstAnswerCounts && lastResolved?.atFirstAnswer === true;
  // A bad word after a quick answer counts: whoever is not content knows best.
  const isDenied = feedback !== null && !isRated && lastResolved !== null && feedback.atMs >= lastResolved.atMs;
  return [
    ...(isRated ? [{ kind: "feedback" as const, ...feedback }] : []),
    ...(isSolved && !isDenied ? [{ kind: "case_resolved" as const, ...lastResolved }] : []),
  ];
}

/** The first moment at which something is longer ago than `ms`. */
const after = (atMs: number | null, ms: number) => (atMs === null ? [] : [Math.floor(atMs + ms) + 1]);

/** Moments after which a judgement may be another one although nothing happens. */
export function turningPoints(
  facts: HouseholdFacts,
  engagedSinceMs: number | null,
  definition: LifecycleDefinition,
): number[] {
  const { activation, engagement, disengaged, advocacy, loyalty } = definition;
  const gap = gapMs(facts, definition);
  const signMs = lastSignMs(facts);
  return [
    ...after(facts.pairedAtMs, activation.days * dayMs),
    ...(facts.devices.length === 0 ? [] : after(signMs, engagement.gaps * gap)),
    ...(facts.devices.length === 0 ? [] : after(signMs, disengaged.gaps * gap)),
    ...(engagedSinceMs === null ? [] : [engagedSinceMs + loyalty.days * dayMs]),
    ...after(facts.shareCookedMs, advocacy.days * dayMs),
    ...after(facts.referralMs, advocacy.days * dayMs),
    ...facts.faults.flatMap(({ atMs }) => after(atMs, disengaged.faultDays * dayMs)),
  ];
}
