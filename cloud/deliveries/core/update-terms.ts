import { z } from "zod";
import { maintenanceWindow, maintenanceWindowsMax } from "#protocol/maintenance-window.ts";
import { epochMs } from "#protocol/text.ts";
import { firmwareOffer } from "#protocol/update.ts";

/**
 * What of a firmware delivery's body concerns a household: what it gets, when, and whether it is asked. What is missing counts as what
 * binds a household least: no time is set, and nothing can be put off that nobody said can.
 */
const updateTerms = z.object({
  version: z.string().nullable().catch(null),
  security: z.boolean().catch(false),
  notes: z.string().catch(""),
  rolloutId: z.string().nullable().catch(null),
  consent: firmwareOffer.shape.consent.catch("automatic"),
  notBeforeMs: epochMs.nullable().catch(null),
  postponeUntilMsMax: epochMs.nullable().catch(null),
  windows: z.array(maintenanceWindow).max(maintenanceWindowsMax).catch([]),
});
export type UpdateTerms = z.infer<typeof updateTerms>;

export const updateTermsOf = (body: Readonly<Record<string, unknown>>): UpdateTerms => updateTerms.parse(body);

/** What is left of a delivery's life for the appliance to fetch and install it, when it was put off as far as can be. */
const roomMs = 86_400_000;

/** An open firmware delivery, as somebody of its household finds it. */
export interface OfferedUpdate {
  terms: UpdateTerms;
  expiresAtMs: number;
  /** The appliance downloads it, or is further. */
  isUnderWay: boolean;
}

/** The latest time to which a household may put an update off; null where it may not. Never so late that it would expire first. */
export function postponeMsMax({ terms, expiresAtMs, isUnderWay }: OfferedUpdate, nowMs: number): number | null {
  if (terms.postponeUntilMsMax === null || isUnderWay) return null;
  const latestMs = Math.min(terms.postponeUntilMsMax, expiresAtMs - roomMs);
  return latestMs > nowMs ? latestMs : null;
}

/** Whether somebody is still asked, or the update still waits for a time that the household may waive. */
export const isAgreeable = ({ terms, isUnderWay }: OfferedUpdate, nowMs: number): boolean =>
  !isUnderWay && (terms.consent === "ask" || (terms.notBeforeMs ?? 0) > nowMs);

/** A security update that comes by itself can be put off and not declined: an open hole harms others too. Whoever is asked may say no. */
export const isDeclinable = ({ terms, isUnderWay }: OfferedUpdate): boolean =>
  !isUnderWay && !(terms.security && terms.consent === "automatic");

export type OwnerWord = { kind: "agreed" } | { kind: "postponed"; untilMs: number } | { kind: "declined" };

export type OwnerWordRefusal =
  | "update_under_way"
  | "update_not_postponable"
  | "postponed_too_far"
  | "postponed_into_the_past"
  | "security_update_stays";

export type OwnerWordOutcome =
  /** Keys of the stored body. */
  | { kind: "amend"; patch: Partial<Pick<UpdateTerms, "consent" | "notBeforeMs">> }
  | { kind: "close" }
  | { kind: "unchanged" }
  | { kind: "refused"; rule: OwnerWordRefusal; latestMs?: number };

/** What a household's word does to an open update. */
export function takeOwnerWord(update: OfferedUpdate, word: OwnerWord, nowMs: number): OwnerWordOutcome {
  switch (word.kind) {
    case "agreed":
      // Also once it is under way: it has what it asks for.
      if (!isAgreeable(update, nowMs)) return { kind: "unchanged" };
      return {
        kind: "amend",
        patch: { ...(update.terms.consent === "ask" ? { consent: "given" } : {}), notBeforeMs: null },
      };
    case "postponed":
      return postpone(update, word.untilMs, nowMs);
    case "declined":
      if (update.isUnderWay) return { kind: "refused", rule: "update_under_way" };
      return isDeclinable(update) ? { kind: "close" } : { kind: "refused", rule: "security_update_stays" };
  }
}

function postpone(update: OfferedUpdate, untilMs: number, nowMs: number): OwnerWordOutcome {
  if (update.isUnderWay) return { kind: "refused", rule: "update_under_way" };
  const latestMs = postponeMsMax(update, nowMs);
  if (latestMs === null) return { kind: "refused", rule: "update_not_postponable" };
  if (untilMs <= nowMs) return { kind: "refused", rule: "postponed_into_the_past" };
  if (untilMs > latestMs) return { kind: "refused", rule: "postponed_too_far", latestMs };
  if (untilMs === update.terms.notBeforeMs) return { kind: "unchanged" };
  return { kind: "amend", patch: { notBeforeMs: untilMs } };
}
