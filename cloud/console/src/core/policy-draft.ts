/** The caps, the room and the hold-out as a form holds them, and what another set of them changes. */
import type { EngagementPolicy } from "../api/campaign-shapes.ts";
import { policySentences } from "./campaigns.ts";
import type { Wrongs } from "./field-wrongs.ts";
import { type NumberField, numberOr } from "./number-field.ts";
import { countText, measureText } from "./numbers.ts";

type Cap = EngagementPolicy["caps"][number];
type About = Cap["classes"][number] | "both";

export interface CapDraft {
  max: NumberField;
  days: NumberField;
  about: About;
}

export interface PolicyDraft {
  caps: CapDraft[];
  roomMax: NumberField;
  /** In per cent. */
  holdoutPct: NumberField;
}

export const capsMax = 10;
const holdoutPctMax = 15;
/** A campaign says what it changed once so many households are in each arm. */
export const armMin = 150;

export const newCap: CapDraft = { max: "", days: 7, about: "promotional" };

export const aboutChoices: readonly { value: About; label: string }[] = [
  { value: "promotional", label: "to sell something" },
  { value: "loyalty_status", label: "about points" },
  { value: "both", label: "of either kind" },
];

const aboutOf = ({ classes: [first = "promotional", second] }: Cap): About => (second === undefined ? first : "both");
const classesOf = (about: About): Cap["classes"] => (about === "both" ? ["loyalty_status", "promotional"] : [about]);

/** Without the noise of binary fractions: 0.07 is 7 %, and not 7.000000000000001. */
const rounded = (value: number): number => Number(value.toPrecision(12));

export const policyDraftOf = ({ caps, roomMax, holdoutShare }: EngagementPolicy): PolicyDraft => ({
  caps: caps.map((cap) => ({ max: cap.max, days: cap.days, about: aboutOf(cap) })),
  roomMax,
  holdoutPct: rounded(holdoutShare * 100),
});

export const policyOf = ({ caps, roomMax, holdoutPct }: PolicyDraft): EngagementPolicy => ({
  caps: caps.map(({ max, days, about }) => ({
    days: numberOr(days),
    max: numberOr(max),
    classes: classesOf(about),
  })),
  roomMax: numberOr(roomMax),
  holdoutShare: rounded(numberOr(holdoutPct) / 100),
});

/** By pointers into what is sent. */
export function policyWrongs({ caps, roomMax, holdoutPct }: PolicyDraft): Wrongs {
  const wrongs = new Map<string, string>();
  const within = (value: NumberField, min: number, max: number, pointer: string, unit = "") => {
    if (value === "" || value < min || value > max) wrongs.set(pointer, `From ${min} to ${max}${unit}.`);
  };
  for (const [at, cap] of caps.entries()) {
    within(cap.max, 0, 100, `/caps/${at}/max`);
    within(cap.days, 1, 30, `/caps/${at}/days`);
  }
  within(roomMax, 1, 20, "/roomMax");
  within(holdoutPct, 0, holdoutPctMax, "/holdoutShare", " %");
  return wrongs;
}

const only = (these: readonly string[], those: readonly string[]) => these.filter((one) => !those.includes(one));

/** What another policy changes, a sentence each: what holds no longer, and what holds instead. */
export function policyChanges(before: EngagementPolicy, after: EngagementPolicy): string[] {
  const [old, fresh] = [policySentences(before), policySentences(after)];
  return [
    ...only(old, fresh).map((sentence) => `No longer: ${sentence}`),
    ...only(fresh, old).map((sentence) => `From now on: ${sentence}`),
  ];
}

/** What a share of the hold-out is enough for; null where it cannot be said of what is written. */
export function holdoutWords(holdoutPct: NumberField): string | null {
  if (holdoutPct === "" || holdoutPct < 0 || holdoutPct > holdoutPctMax) return null;
  if (holdoutPct === 0) return "At 0 % everybody gets everything, and no campaign can say what it changed.";
  const households = Math.ceil(rounded((armMin * 100) / holdoutPct));
  return `At ${measureText(holdoutPct)} % a campaign can be measured from ${countText(households)} households on: about ${armMin} of them are then held out.`;
}
