/** What a household's stage depends on, and how each signal changes that. */
import type { LifecycleDefinition } from "./definition.ts";
import type { Signal } from "./signal.ts";

const dayMs = 86_400_000;
/** Uses that follow each other sooner are one occasion: a starter and a roast are not two uses with a gap between them. */
const occasionMs = 6 * 3_600_000;
/** The newest gaps make the median: a household that cooks less than last year has another habit now. */
const occasionsMax = 21;
const faultsMax = 20;
const openCasesMax = 50;
const devicesMax = 100;

export interface HouseholdFacts {
  knownSinceMs: number | null;
  /** The appliances that it has. */
  devices: string[];
  /** When it came to have one, after having none. */
  pairedAtMs: number | null;
  programs: number;
  /** When its newest occasions began, the oldest first. */
  occasions: number[];
  lastUseMs: number | null;
  /** The newest, the oldest first. */
  faults: { atMs: number; code: string }[];
  feedback: { rating: number; atMs: number } | null;
  openCases: { caseId: string; deviceId: string | null; title: string; atMs: number }[];
  lastResolved: { title: string; atMs: number; atFirstAnswer: boolean } | null;
  complainedAtMs: number | null;
  tier: { name: string; atMs: number } | null;
  /** Marketing withdrawn, and the last complaint before that. */
  withdrawn: { atMs: number; complainedAtMs: number | null } | null;
  shareCookedMs: number | null;
  referralMs: number | null;
}

export const noFacts: HouseholdFacts = {
  knownSinceMs: null,
  devices: [],
  pairedAtMs: null,
  programs: 0,
  occasions: [],
  lastUseMs: null,
  faults: [],
  feedback: null,
  openCases: [],
  lastResolved: null,
  complainedAtMs: null,
  tier: null,
  withdrawn: null,
  shareCookedMs: null,
  referralMs: null,
};

/** What `signal` makes of what was known. Signals come in the order of their time. */
export function learn(before: HouseholdFacts, signal: Signal, definition: LifecycleDefinition): HouseholdFacts {
  const { atMs, body } = signal;
  const facts = { ...before, knownSinceMs: before.knownSinceMs ?? atMs };
  switch (body.kind) {
    case "known":
      return facts;
    case "paired":
      return withDevice(facts, body.deviceId, atMs);
    case "left":
      return withoutDevice(facts, body.deviceId);
    case "used":
      return used(withDevice(facts, body.deviceId, atMs), atMs, body.isProgram);
    case "fault": {
      const faults = [...facts.faults, { atMs, code: body.code }].slice(-faultsMax);
      return { ...withDevice(facts, body.deviceId, atMs), faults };
    }
    case "feedback": {
      const owned = body.deviceId === null ? facts : withDevice(facts, body.deviceId, atMs);
      const isBad = body.rating <= definition.disengaged.ratingMax;
      const isGood = body.rating >= definition.satisfaction.ratingMin;
      return {
        ...owned,
        feedback: { rating: body.rating, atMs },
        complainedAtMs: isBad ? atMs : facts.complainedAtMs,
        // Who is content again has forgiven, whether or not they want to be advertised to.
        withdrawn: isGood ? null : facts.withdrawn,
      };
    }
    case "complaint":
      return { ...facts, complainedAtMs: atMs };
    case "case_opened": {
      const { caseId, deviceId, title } = body;
      const others = facts.openCases.filter((one) => one.caseId !== caseId);
      const openCases = [...others, { caseId, deviceId, title, atMs }].slice(-openCasesMax);
      return { ...facts, openCases, complainedAtMs: body.byHousehold ? atMs : facts.complainedAtMs };
    }
    case "case_resolved": {
      const { title, atFirstAnswer } = body;
      const openCases = facts.openCases.filter((one) => one.caseId !== body.caseId);
      return { ...facts, openCases, lastResolved: { title, atMs, atFirstAnswer } };
    }
    case "case_merged":
      // It goes on in another one: nothing was solved by that.
      return { ...facts, openCases: facts.openCases.filter((one) => one.caseId !== body.caseId) };
    case "tier":
      return { ...facts, tier: body.isAboveFirst && body.tier !== null ? { name: body.tier, atMs } : null };
    case "marketing":
      if (body.isAgreed) return { ...facts, withdrawn: null };
      return { ...facts, withdrawn: { atMs, complainedAtMs: facts.complainedAtMs } };
    case "share_cooked":
      return { ...facts, shareCookedMs: atMs };
    case "referral_paired":
      return { ...facts, referralMs: atMs };
  }
}

/** Whatever an appliance tells of its household says that they have it, also where the pairing was noted later. */
function withDevice(facts: HouseholdFacts, deviceId: string, atMs: number): HouseholdFacts {
  if (facts.devices.includes(deviceId) || facts.devices.length >= devicesMax) return facts;
  const pairedAtMs = facts.devices.length === 0 ? atMs : facts.pairedAtMs;
  return { ...facts, devices: [...facts.devices, deviceId], pairedAtMs };
}

function withoutDevice(facts: HouseholdFacts, deviceId: string): HouseholdFacts {
  const devices = facts.devices.filter((one) => one !== deviceId);
  const openCases = facts.openCases.filter((one) => one.deviceId !== deviceId);
  return { ...facts, devices, openCases, pairedAtMs: devices.length === 0 ? null : facts.pairedAtMs };
}

function used(facts: HouseholdFacts, atMs: number, isProgram: boolean): HouseholdFacts {
  const isNew = facts.lastUseMs === null || atMs - facts.lastUseMs >= occasionMs;
  const occasions = isNew ? [...facts.occasions, atMs].slice(-occasionsMax) : facts.occasions;
  return { ...facts, occasions, lastUseMs: atMs, programs: facts.programs + (isProgram ? 1 : 0) };
}

/** The median time between its occasions, within the definition's bounds. */
export function gapMs({ occasions }: HouseholdFacts, { gap }: LifecycleDefinition): number {
  const gaps = occasions.slice(1).map((atMs, index) => atMs - (occasions[index] ?? atMs));
  if (gaps.length < 2) return gap.daysUsual * dayMs;
  return Math.round(Math.min(Math.max(medianOf(gaps), gap.daysMin * dayMs), gap.daysMax * dayMs));
}

/** When it last gave a sign of life at an appliance: a use, or coming to have one. */
export const lastSignMs = ({ lastUseMs, pairedAtMs }: HouseholdFacts): number =>
  Math.max(lastUseMs ?? 0, pairedAtMs ?? 0);

/** Of a list that is not empty. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}
