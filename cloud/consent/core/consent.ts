import { z } from "zod";
import { locale } from "#protocol/ids.ts";
import { epochMs, safeText } from "#protocol/text.ts";

/** What data of a household is used for. `run` is the contract itself: it is held as long as there is a household. */
export const purposes = ["run", "improve", "personalise", "market", "share"] as const;
export type Purpose = (typeof purposes)[number];

/** What can be agreed to and withdrawn. */
export const choices = ["improve", "personalise", "market", "share"] as const;
export type Choice = (typeof choices)[number];

const channels = ["app", "web", "appliance", "shop", "phone", "letter", "email", "in_person"] as const;

export const partyKey = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, "must be 1-64 characters of a-z 0-9 -");

const words = safeText(4_000).trim().min(1);

/** The words in which somebody is asked, and what they get for it. */
export const newConsentText = z.strictObject({
  purpose: z.enum(purposes),
  party: partyKey.nullable().default(null).describe("With whom data is shared; of `share` alone"),
  partyName: safeText(200).trim().min(1).optional().describe("What the party is called; with `party` alone"),
  locale,
  words,
  inReturn: safeText(1_000).trim().min(1),
});
export type NewConsentText = z.infer<typeof newConsentText>;

export const consentText = z
  .object({
    purpose: z.enum(purposes),
    party: z.string().nullable(),
    partyName: z.string().nullable(),
    locale: z.string(),
    version: z.number(),
    words: z.string(),
    wordsSha256: z.string(),
    inReturn: z.string(),
    createdAtMs: z.number(),
    createdBy: z.string(),
  })
  .meta({ id: "ConsentText" });
export type ConsentText = z.infer<typeof consentText>;

/** Which words were read. */
const textRead = { locale, version: z.int().min(1).max(1_000_000) };

/** What an owner agrees to. Who they are is their key. */
export const agreement = z.strictObject({
  purpose: z.enum(purposes),
  party: partyKey.nullable().default(null),
  ...textRead,
});

/** What an owner withdraws. Nothing else is asked. */
export const withdrawal = z.strictObject({ purpose: z.enum(purposes), party: partyKey.nullable().default(null) });

/** What staff enters for somebody who said it elsewhere. */
const onBehalf = {
  purpose: z.enum(purposes),
  party: partyKey.nullable().default(null),
  channel: z.enum(channels),
  evidence: safeText(1_000).trim().min(1).describe("Where it can be read or heard: a form, a letter, a recording"),
  atMs: epochMs.optional().describe("When they said so; now where it is left out"),
};
export const agreementOnBehalf = z.strictObject({ ...onBehalf, ...textRead });
export const withdrawalOnBehalf = z.strictObject(onBehalf);

export const consentReceipt = z
  .object({
    id: z.uuid(),
    purpose: z.enum(choices),
    party: z.string().nullable(),
    decision: z.enum(["given", "withdrawn"]),
    textLocale: z.string().nullable(),
    textVersion: z.number().nullable(),
    words: z.string().nullable(),
    wordsSha256: z.string().nullable(),
    inReturn: z.string().nullable(),
    channel: z.string(),
    evidence: z.string().nullable(),
    atMs: z.number(),
    recordedAtMs: z.number(),
    by: z.string(),
    carriedFrom: z.uuid().nullable(),
  })
  .meta({ id: "ConsentReceipt" });
export type ConsentReceipt = z.infer<typeof consentReceipt>;

/** What holds of one purpose, and of `share` for one party. */
export interface Standing {
  purpose: Choice;
  party: string;
  isGiven: boolean;
  atMs: number;
  receiptId: string;
}

/** A word that a household spoke, or that was entered for it. */
export interface Word {
  decision: "given" | "withdrawn";
  atMs: number;
  /** By the household itself, and not by staff on its behalf. */
  isOwn: boolean;
}

export type WordOutcome = { kind: "holds" } | { kind: "kept" } | { kind: "refused"; rule: "objection_stands" };

/**
 * What a word does to what holds.
 *
 * The later word counts, and of two at the same time the withdrawal. One that is older than what holds is `kept` as a receipt and changes
 * nothing. An objection to marketing is absolute: nobody but the household itself takes it back.
 */
export function speak(now: Pick<Standing, "isGiven" | "atMs"> | null, purpose: Choice, word: Word): WordOutcome {
  if (now === null) return { kind: "holds" };
  if (purpose === "market" && !now.isGiven && word.decision === "given" && !word.isOwn)
    return { kind: "refused", rule: "objection_stands" };
  const isLater = word.atMs > now.atMs || (word.atMs === now.atMs && word.decision === "withdrawn");
  return { kind: isLater ? "holds" : "kept" };
}

/** What a standing is about. */
export const choiceOf = ({ purpose, party }: Pick<Standing, "purpose" | "party">): string => `${purpose} ${party}`;

/** What holds of a household that two became: who withdrew did so for both, and what only one was asked is as it said. */
export function carried(from: readonly Standing[], into: readonly Standing[]): Standing[] {
  const held = new Map(into.map((one) => [choiceOf(one), one]));
  return from.filter((one) => {
    const other = held.get(choiceOf(one));
    return other === undefined || (other.isGiven && !one.isGiven);
  });
}

/** What a household said itself, when it was entered. */
export interface Spoken extends Standing {
  isOwn: boolean;
  recordedAtMs: number;
}

/**
 * What holds of a household by what it said and by those who became part of it, by `choiceOf`.
 *
 * @param spoken in the order in which it was entered
 * @param came what held of each other household, and when it came
 */
export function heldBy(
  spoken: readonly Spoken[],
  came: readonly { atMs: number; standings: readonly Standing[] }[],
): Map<string, Standing> {
  const held = new Map<string, Standing>();
  const happened = [
    ...spoken.map((word) => ({ atMs: word.recordedAtMs, word })),
    ...came.map(({ atMs, standings }) => ({ atMs, standings })),
  ].toSorted((a, b) => a.atMs - b.atMs);
  for (const one of happened) {
    if ("standings" in one) {
      for (const standing of carried(one.standings, [...held.values()])) held.set(choiceOf(standing), standing);
      continue;
    }
    const { isOwn, recordedAtMs: _recordedAtMs, ...standing } = one.word;
    const decision = standing.isGiven ? "given" : "withdrawn";
    const outcome = speak(held.get(choiceOf(standing)) ?? null, standing.purpose, {
      decision,
      atMs: standing.atMs,
      isOwn,
    });
    if (outcome.kind === "holds") held.set(choiceOf(standing), standing);
  }
  return held;
}
