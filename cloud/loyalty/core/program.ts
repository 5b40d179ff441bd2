import { z } from "zod";
import { safeText } from "#protocol/text.ts";
import { loyaltyKey } from "./rule.ts";
import { inLocales } from "./words.ts";

export const tier = z
  .strictObject({
    key: loyaltyKey,
    title: safeText(100).trim().min(1),
    /** Its name in other languages. */
    names: inLocales(safeText(100).trim().min(1)),
    /** Points that became active within the period and reach it. */
    fromPoints: z.int().min(0).max(1_000_000_000),
    /** Of what rules give that say so, from the day after it was reached. */
    multiplierPct: z.int().min(100).max(1_000).default(100),
    /** What it is good for, in words for the household. */
    benefits: safeText(500).default(""),
  })
  .meta({ id: "LoyaltyTier" });
export type Tier = z.infer<typeof tier>;

/** How the program goes. */
export const programDefinition = z
  .strictObject({
    /** Days of the household's calendar; null: never. */
    expiresAfterDays: z.int().min(1).max(3_660).nullable(),
    /** Whether what is given back may leave a household owing points that it has spent. */
    returnsMayOverdraw: z.boolean(),
    /** Points of so many months count for a tier, and it is kept for as many. */
    periodMonths: z.int().min(1).max(36),
    /** Nobody loses a tier without having been told so many days before. */
    noticeDays: z.int().min(1).max(90),
    /** From the base upwards. */
    tiers: z
      .array(tier)
      .min(1)
      .max(10)
      .refine((tiers) => tiers[0]?.fromPoints === 0, "must begin with a tier from 0 points")
      .refine(
        (tiers) => tiers.every(({ fromPoints }, at) => at === 0 || fromPoints > (tiers[at - 1]?.fromPoints ?? 0)),
        "must be ordered by fromPoints, each above the one before",
      )
      .refine((tiers) => new Set(tiers.map(({ key }) => key)).size === tiers.length, "must not name a key twice"),
  })
  .meta({ id: "LoyaltyProgramDefinition" });
export type ProgramDefinition = z.infer<typeof programDefinition>;

export const program = z
  .object({ version: z.number(), definition: programDefinition, createdAtMs: z.number(), createdBy: z.string() })
  .meta({ id: "LoyaltyProgram" });
export type Program = z.infer<typeof program>;

/** A tier with its place, 0 the base. */
export type RankedTier = Tier & { rank: number };

function ranked(tiers: readonly Tier[], rank: number): RankedTier {
  const found = tiers[rank];
  if (found === undefined) throw new Error("a program without tiers");
  return { ...found, rank };
}

/** The highest tier that so many points reach. */
export const tierFor = ({ tiers }: ProgramDefinition, points: number): RankedTier =>
  ranked(
    tiers,
    Math.max(
      0,
      tiers.findLastIndex(({ fromPoints }) => points >= fromPoints),
    ),
  );

/** The tier of a key; the base where there is none of that key any more. */
export const tierOf = ({ tiers }: ProgramDefinition, key: string | null): RankedTier =>
  ranked(
    tiers,
    Math.max(
      0,
      tiers.findIndex((one) => one.key === key),
    ),
  );

/**
 * Whether who has the tier of a rank has what is for a tier and those above it; null: for everybody. A key that the program does not have
 * any more is reached by nobody: taking the base for it would give what was for few to all.
 */
export function isReached({ tiers }: ProgramDefinition, key: string | null, rank: number): boolean {
  if (key === null) return true;
  const place = tiers.findIndex((one) => one.key === key);
  return place >= 0 && place <= rank;
}

/** The tier above; null where there is none. */
export const tierAbove = ({ tiers }: ProgramDefinition, { rank }: RankedTier): RankedTier | null =>
  rank + 1 < tiers.length ? ranked(tiers, rank + 1) : null;
