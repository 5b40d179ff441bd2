/** The timeline of a household, in words. */
import type { ConsentPurpose, HouseholdEntry } from "../api/household-shapes.ts";
import { purposeTitle, purposeWords } from "./households.ts";
import { factTitle } from "./outside-facts.ts";

const isPurpose = (value: unknown): value is ConsentPurpose =>
  typeof value === "string" && Object.hasOwn(purposeWords, value);

/** What a line of the timeline says: of a consent its purpose and of a fact its type as the page has them everywhere, and not by their keys. */
export function entryTitle({ kind, title, data }: Pick<HouseholdEntry, "kind" | "title" | "data">): string {
  const { decision, purpose, party, type, source } = data;
  if (kind === "fact" && typeof type === "string" && typeof source === "string") return factTitle(type, source);
  if (kind !== "consent" || !isPurpose(purpose)) return title;
  const partyKey = typeof party === "string" && party !== "" ? party : null;
  const about = purposeTitle({ purpose, party: partyKey, partyName: null });
  return `${decision === "given" ? "Agreed" : "Withdrew"}: ${about}`;
}

export const entryKindWords: Record<HouseholdEntry["kind"], string> = {
  event: "Appliance",
  fact: "Outside",
  case: "Case",
  points: "Points",
  stage: "Stage",
  consent: "Consent",
  decision: "Decision",
  household: "Household",
};
