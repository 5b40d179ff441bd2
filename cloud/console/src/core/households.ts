/** How what is known of households is said in words. */
import type { ChannelPreferences, ConsentPurpose, ConsentText, HouseholdEntry } from "../api/household-shapes.ts";
import { factTitle } from "./outside-facts.ts";

export const purposeWords: Record<ConsentPurpose, string> = {
  improve: "Make the product better",
  personalise: "Choose recipes and tips for them",
  market: "Send offers and news",
  share: "Share with a third party",
};

/** What a text is about, in words. */
export function purposeTitle({
  purpose,
  party,
  partyName,
}: Pick<ConsentText, "purpose" | "party" | "partyName">): string {
  if (purpose === "run") return "Run the product";
  return party === null ? purposeWords[purpose] : `Share with ${partyName ?? party}`;
}

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

export const channelWords: Record<ChannelPreferences["order"][number], string> = {
  display: "appliance display",
  web_push: "web push",
  email: "e-mail",
  webhook: "webhook",
  human: "a person",
};

/** Where somebody may have said what staff enters for them. */
export const saidAtWords = {
  phone: "on the phone",
  letter: "in a letter",
  email: "in an e-mail",
  shop: "in the shop",
  in_person: "in person",
  web: "on the web site",
  app: "in the app",
  appliance: "at the appliance",
} as const;
export type SaidAt = keyof typeof saidAtWords;
export const saidAts = Object.keys(saidAtWords).filter((key): key is SaidAt => key in saidAtWords);

export const saidAtText = (channel: string): string => {
  if (channel === "merge") return "as a prospect, before the households were joined";
  if (channel === "unmerge") return "before the households were joined";
  const known = saidAts.find((one) => one === channel);
  return known === undefined ? channel : saidAtWords[known];
};

/** A minute of the day as a clock shows it: 21:30. */
export const minuteText = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;

/** The minute of the day of `21:30`; null where it is none. */
export function minuteOf(text: string): number | null {
  const [, hours, minutes] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text) ?? [];
  return hours === undefined || minutes === undefined ? null : Number(hours) * 60 + Number(minutes);
}

export const quietText = (quiet: ChannelPreferences["quiet"]): string =>
  quiet === null
    ? "none"
    : `${minuteText(quiet.fromMinute)} to ${minuteText(quiet.toMinute)}, what comes meanwhile ${quiet.meanwhile === "hold" ? "waits" : "is left out"}`;
