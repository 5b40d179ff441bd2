/** Tiers as a form holds them, and what changes for households. */
import type { LoyaltyProgram, Tier } from "../api/loyalty-shapes.ts";
import { keyFrom, type Wrongs } from "./field-wrongs.ts";
import { type NumberField, numberOr } from "./number-field.ts";
import { plural } from "./numbers.ts";

type Definition = LoyaltyProgram["definition"];

export interface TierDraft {
  /** "" of a new one. */
  key: string;
  title: string;
  names: Translation<string>[];
  fromPoints: NumberField;
  multiplierPct: NumberField;
  benefits: string;
}

/** Words in another language, as a row of a form. */
export interface Translation<Words> {
  locale: string;
  words: Words;
}

export interface ProgramDraft {
  periodMonths: NumberField;
  noticeDays: NumberField;
  /** Null: never. */
  expiresAfterDays: NumberField | null;
  returnsMayOverdraw: boolean;
  tiers: TierDraft[];
}

export const translationsOf = <Words>(words: Readonly<Record<string, Words>>): Translation<Words>[] =>
  Object.entries(words).map(([locale, said]) => ({ locale, words: said }));
export const byLocale = <Words>(rows: readonly Translation<Words>[]): Record<string, Words> =>
  Object.fromEntries(rows.map(({ locale, words }) => [locale.trim(), words]));

export const localePattern = /^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$/;
/** What is wrong with the languages of some words; `isEmpty` says whether a row says nothing. */
export function translationWrongs<Words>(
  rows: readonly Translation<Words>[],
  pointer: string,
  isEmpty: (words: Words) => boolean,
): [string, string][] {
  return rows.flatMap(({ locale, words }, at): [string, string][] => {
    const place = `${pointer}/${at}`;
    if (!localePattern.test(locale.trim())) return [[place, "A language such as de, or with a region: de-AT."]];
    if (rows.findIndex((row) => row.locale.trim() === locale.trim()) !== at)
      return [[place, "This language is there already."]];
    return isEmpty(words) ? [[place, "Say it in this language, or remove the row."]] : [];
  });
}

export const newTier: TierDraft = { key: "", title: "", names: [], fromPoints: "", multiplierPct: 100, benefits: "" };

export const programDraftOf = ({ tiers, ...rest }: Definition): ProgramDraft => ({
  ...rest,
  tiers: tiers.map(({ names, ...tier }) => ({ ...tier, names: translationsOf(names) })),
});

export const programDefinitionOf = (draft: ProgramDraft): Definition => ({
  periodMonths: numberOr(draft.periodMonths),
  noticeDays: numberOr(draft.noticeDays),
  expiresAfterDays: draft.expiresAfterDays === null ? null : numberOr(draft.expiresAfterDays),
  returnsMayOverdraw: draft.returnsMayOverdraw,
  tiers: draft.tiers.map(({ key, title, names, fromPoints, multiplierPct, benefits }): Tier => ({
    key: key === "" ? keyFrom(title) : key,
    title: title.trim(),
    names: byLocale(names),
    fromPoints: numberOr(fromPoints),
    multiplierPct: numberOr(multiplierPct),
    benefits: benefits.trim(),
  })),
});

export function programWrongs(draft: ProgramDraft): Wrongs {
  const wrongs = new Map<string, string>();
  const within = (value: NumberField, min: number, max: number, pointer: string) => {
    if (value === "" || value < min || value > max) wrongs.set(pointer, `From ${min} to ${max}.`);
  };
  within(draft.periodMonths, 1, 36, "/periodMonths");
  within(draft.noticeDays, 1, 90, "/noticeDays");
  if (draft.expiresAfterDays !== null) within(draft.expiresAfterDays, 1, 3_660, "/expiresAfterDays");
  const keys = programDefinitionOf(draft).tiers.map(({ key }) => key);
  for (const [at, tier] of draft.tiers.entries()) {
    const place = `/tiers/${at}`;
    const below = at === 0 ? null : draft.tiers[at - 1];
    if (tier.title.trim() === "") wrongs.set(`${place}/title`, "Name the tier.");
    else if (keys.indexOf(keys[at] ?? "") !== at) wrongs.set(`${place}/title`, "Another tier has this name.");
    if (at > 0 && (tier.fromPoints === "" || tier.fromPoints <= numberOr(below?.fromPoints ?? 0)))
      wrongs.set(`${place}/fromPoints`, `More than ${below?.title ?? "the tier before"} asks for.`);
    within(tier.multiplierPct, 100, 1_000, `${place}/multiplierPct`);
    for (const [pointer, message] of translationWrongs(tier.names, `${place}/names`, (name) => name.trim() === ""))
      wrongs.set(pointer, message);
  }
  return wrongs;
}

/** What another definition changes, a sentence each; `households` have each tier now. */
export function programChanges(
  before: Definition,
  after: Definition,
  households: Readonly<Record<string, number>>,
): string[] {
  const changes: string[] = [];
  const old = new Map(before.tiers.map((tier) => [tier.key, tier]));
  for (const tier of after.tiers) {
    const was = old.get(tier.key);
    if (was === undefined) changes.push(`${tier.title} is new, from ${plural(tier.fromPoints, "point")}.`);
    else if (was.fromPoints !== tier.fromPoints)
      changes.push(`${tier.title} asks for ${plural(tier.fromPoints, "point")}, and asked for ${was.fromPoints}.`);
    if (was !== undefined && was.multiplierPct !== tier.multiplierPct)
      changes.push(`${tier.title} multiplies points by ${tier.multiplierPct} %, and did by ${was.multiplierPct} %.`);
  }
  const left = new Set(after.tiers.map(({ key }) => key));
  for (const { key, title } of before.tiers)
    if (!left.has(key))
      changes.push(`${title} is no more. ${plural(households[key] ?? 0, "household has", "households have")} it now.`);
  if (before.periodMonths !== after.periodMonths)
    changes.push(`Points of ${plural(after.periodMonths, "month")} count, and those of ${before.periodMonths} did.`);
  if (before.noticeDays !== after.noticeDays)
    changes.push(`Who is about to lose a tier is told ${plural(after.noticeDays, "day")} before.`);
  if (before.expiresAfterDays !== after.expiresAfterDays)
    changes.push(
      after.expiresAfterDays === null
        ? "Points that are earned from now on never expire."
        : `Points that are earned from now on expire after ${plural(after.expiresAfterDays, "day")}.`,
    );
  if (before.returnsMayOverdraw !== after.returnsMayOverdraw)
    changes.push(
      after.returnsMayOverdraw
        ? "Who sends back an order may owe points that are spent."
        : "Nobody owes points after sending an order back.",
    );
  return changes;
}
