/** How what is known of households is said in words. */
import type { ChannelPreferences, ConsentPurpose, ConsentText } from "../api/household-shapes.ts";

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
