import { type RawBuilder, sql } from "kysely";
import { deviceFacts } from "../devices/devices.ts";
import { householdFacts } from "../households/households.ts";
import { compilePredicate, type FactColumn, type Predicate } from "../platform/predicate/predicate.ts";
import { targetFacts } from "./core/target-facts.ts";

/** Of a release, what decides who may have it. */
export interface ReleaseFit {
  id: string;
  model: string;
  hardwareIds: readonly string[];
  version: string;
  releaseCounter: number;
  minCounter: number;
}

/** A target, ready to be asked of many appliances at once. */
export interface Target {
  release: ReleaseFit;
  predicate: Predicate;
  /** Releases of the model that nobody may skip, the oldest first. */
  passThroughs: readonly { releaseCounter: number; version: string; hardwareIds: readonly string[] }[];
}

/** Every appliance with its facts, as `f`. */
export const fleet: RawBuilder<unknown> = sql`${deviceFacts(householdFacts)} AS f`;

export const compileTarget = (text: string) => compilePredicate(text, targetFacts);

/**
 * Appliances whose household has declined a release, in whatever rollout; a household that came later is asked anew. It reads no column of
 * the appliances that are asked, so that it is answered once for all of them.
 */
const declinedBy = (releaseId: string): RawBuilder<unknown> => sql`(
  SELECT rd.device_key FROM rollout r JOIN rollout_device rd ON rd.rollout_id = r.id JOIN ${fleet} ON f.key = rd.device_key
  WHERE r.release_id = ${releaseId}::uuid AND rd.state = 'declined' AND rd.ended_at_ms >= coalesce(f.household_since_ms, 0))`;

const counter = sql`coalesce(f.counter, 0)`;

export const factColumn = (nowMs: number) => {
  const lastSeenDays = sql`CASE WHEN f.online THEN 0 ELSE greatest(0, ${nowMs}::bigint - f.last_seen_ms) END / 86400000.0::float8`;
  const columns: Record<keyof typeof targetFacts, FactColumn> = {
    model: { value: sql`f.model` },
    hardware: { value: sql`f.hardware` },
    version: { value: sql`f.version`, parts: sql`f.version_parts` },
    counter: { value: sql`f.counter::float8` },
    tags: { value: sql`f.tags` },
    locale: { value: sql`f.locale` },
    country: { value: sql`f.country` },
    last_seen_days: { value: lastSeenDays },
    online: { value: sql`f.online` },
    household: { value: sql`(f.household_id IS NOT NULL)` },
  };
  const byName: Readonly<Record<string, FactColumn>> = columns;
  return (fact: string): FactColumn | null => byName[fact] ?? null;
};

/** Why an appliance is left out, in the order in which it is asked. */
const exclusionSentences = {
  not_in_target: "The target does not mean it, or a fact that it asks for is missing.",
  blocked: "It is blocked.",
  declined: "Its household declined this release.",
  hardware_unknown: "It has not reported its hardware yet.",
  wrong_hardware: "The release is not for its hardware.",
  already_there: "It runs this release or a later one.",
  below_minimum: "The release installs only over a later one than it runs.",
  needs_release: "A release that must not be skipped comes first.",
} as const;

/** A reason as a sentence; of one that names a release, with its version. */
export function exclusionSentence(reason: string): string {
  const [rule = "", version] = reason.split(":");
  if (rule === "needs_release" && version !== undefined) return `It needs ${version} first, which must not be skipped.`;
  const sentences: Readonly<Record<string, string>> = exclusionSentences;
  return sentences[rule] ?? reason;
}

const endSentences: Readonly<Record<string, string>> = {
  other_update_under_way: "It was busy with another update.",
  other_rollout: "Another rollout has it by now.",
  no_answer: "It never answered.",
  expired: "It was away until the offer ended.",
  superseded: "Another update took its place.",
  aborted: "The rollout was aborted.",
  halted: "The rollout halted.",
  person: "Somebody cancelled its delivery.",
  household_left: "Its household left it.",
};

/** Why a member was left out or called back, as a sentence. */
export function memberSentence(reason: string | null): string {
  if (reason === null) return "";
  const step = /^silent_after_(.+)$/.exec(reason)?.[1];
  if (step !== undefined) return `It said nothing more after ${step}.`;
  return endSentences[reason] ?? exclusionSentence(reason);
}

/**
 * Why `f`, an appliance of the release's model, does not get it: a text of `exclusionSentences`, null where nothing stands against it.
 * Never asks what other rollouts do.
 */
export function exclusion({ release, predicate, passThroughs }: Target, nowMs: number): RawBuilder<string | null> {
  const { hardwareIds, releaseCounter, minCounter, version } = release;
  const steps = passThroughs
    .filter((step) => step.releaseCounter < releaseCounter)
    .toSorted((a, b) => a.releaseCounter - b.releaseCounter)
    .map(
      (step) => sql`WHEN ${counter} < ${step.releaseCounter}::int AND f.hardware = ANY(${[...step.hardwareIds]}::text[])
        THEN ${`needs_release:${step.version}`}::text`,
    );
  return sql<string | null>`CASE
    WHEN NOT ${predicate.where(factColumn(nowMs))} THEN 'not_in_target'
    WHEN f.blocked THEN 'blocked'
    WHEN f.key IN ${declinedBy(release.id)} THEN 'declined'
    WHEN f.hardware IS NULL THEN 'hardware_unknown'
    WHEN f.hardware <> ALL(${[...hardwareIds]}::text[]) THEN 'wrong_hardware'
    WHEN ${counter} >= ${releaseCounter}::int OR f.version = ${version}::text THEN 'already_there'
    WHEN ${counter} < ${minCounter}::int THEN 'below_minimum'
    ${steps.length === 0 ? sql`` : sql.join(steps, sql` `)}
  END`;
}

/** Those of the model of whom nothing of the above is true. */
export const isEligible = (target: Target, nowMs: number): RawBuilder<boolean> =>
  sql<boolean>`(f.model = ${target.release.model} AND ${exclusion(target, nowMs)} IS NULL)`;

/** The first 32 bits of md5(rolloutId ':' deviceId). */
export const bucketOf = (rolloutId: string): RawBuilder<number> =>
  sql<number>`('0x' || substr(md5(${`${rolloutId}:`}::text || f.id), 1, 8))::bigint`;
