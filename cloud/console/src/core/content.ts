/** Content in words, and drafts as the editor holds them. */
import type { ProgramSettings } from "#protocol/content.ts";
import { programWords } from "#protocol/program-words.ts";
import { temperatureText, type UnitSystem } from "#protocol/units.ts";
import type {
  ContentClass,
  ContentDraft,
  ContentKind,
  ContentVersion,
  LocaleText,
  Market,
  VersionState,
} from "../api/content-shapes.ts";
import type { Tone } from "./rollouts.ts";

export const contentKindWords: Record<ContentKind, string> = {
  recipe: "Recipe",
  tip: "Tip",
  notice: "Notice",
  message: "Message",
  offer: "Offer",
};

export const contentClassWords: Record<ContentClass, string> = {
  safety: "Safety",
  security: "Security",
  recall: "Recall",
  service: "Service",
  requested: "Asked for",
  loyalty_status: "Points and tiers",
  promotional: "Promotional",
};

/** What a class means for whoever gets it. */
export const contentClassHelp: Record<ContentClass, string> = {
  safety: "Goes on the feed and to every appliance, and is acknowledged there. Never held back.",
  security: "Never held back.",
  recall: "Never held back.",
  service: "Helps to use the appliance. Not counted, not held back.",
  requested: "Somebody asked for it.",
  loyalty_status: "Through campaigns alone: with consent, within caps and quiet hours. Never on a feed.",
  promotional: "Through campaigns alone: with consent, within caps and quiet hours. Never on a feed.",
};

export const classesOfKind: Record<ContentKind, ContentClass[]> = {
  recipe: ["service", "requested", "loyalty_status", "promotional"],
  tip: ["service", "requested", "loyalty_status", "promotional"],
  notice: ["service", "safety", "security", "recall"],
  message: ["service", "safety", "security", "recall", "requested", "loyalty_status", "promotional"],
  offer: ["promotional", "loyalty_status"],
};

export const feedOfKind: Record<ContentKind, string | null> = {
  recipe: "recipes",
  tip: "tips",
  notice: "notices",
  message: null,
  offer: null,
};

export const versionStateWords: Record<VersionState, { words: string; tone: Tone }> = {
  draft: { words: "Draft", tone: "plain" },
  in_review: { words: "In review", tone: "mind" },
  approved: { words: "Approved", tone: "well" },
  scheduled: { words: "Scheduled", tone: "plain" },
  live: { words: "Live", tone: "well" },
  withdrawn: { words: "Withdrawn", tone: "plain" },
  expired: { words: "Over", tone: "plain" },
};

export const stepWords: Record<string, string> = {
  submit: "Handed in",
  approve: "Approved",
  send_back: "Sent back",
  overtake: "Back to draft: a newer version was saved",
  schedule: "Scheduled",
  unschedule: "Schedule taken back",
  start: "Live",
  withdraw: "Withdrawn",
  replace: "Replaced by a newer version",
  expire: "Its time was over",
};

export const fallbackWords: Record<Market["because"], string> = {
  own: "its own text",
  language: "the same language",
  sister: "a sister of its language",
  english: "English, since its language is missing",
  first: "the only thing there is",
};

export function durationWords(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The machine layer of a step in one line: `Hot air, 180 °C, 25 min`. */
export function machineLine(machine: ProgramSettings, units: UnitSystem): string {
  const { program, setpoint_c, duration_s, probe_c, fastPreHeat, steamLevel } = machine;
  return [
    programWords[program],
    setpoint_c === undefined ? null : temperatureText(setpoint_c, units),
    duration_s === undefined ? null : durationWords(duration_s),
    probe_c === undefined ? null : `until the probe says ${temperatureText(probe_c, units)}`,
    steamLevel === undefined ? null : `steam ${steamLevel}`,
    fastPreHeat === true ? "fast preheat" : null,
  ]
    .filter((part) => part !== null)
    .join(", ");
}

export const emptyText = (kind: ContentKind): LocaleText =>
  kind === "recipe" ? { title: "", summary: "", ingredients: [], steps: [{ text: "" }] } : { title: "", text: "" };

export const newDraft = (kind: ContentKind): ContentDraft => ({
  kind,
  class: classesOfKind[kind][0] ?? "service",
  isShareable: kind === "recipe",
  topics: [],
  models: null,
  image: null,
  ...(kind === "offer" ? { offerKey: null } : {}),
  locales: { en: emptyText(kind) },
});

export const draftOf = (kind: ContentKind, version: ContentVersion): ContentDraft => ({
  kind,
  class: version.class,
  isShareable: version.isShareable,
  topics: version.topics,
  models: version.models,
  image: version.image?.sha256 ?? null,
  ...(kind === "offer" ? { offerKey: version.offerKey } : {}),
  locales: version.locales,
});

/** A pointer of the API about a place in the text: which locale, and which step where it is one. */
export function placeOf(pointer: string): { locale: string | null; step: number | null; field: string } {
  const [, root, locale = null, part, at, ...rest] = pointer.split("/");
  if (root !== "locales") return { locale: null, step: null, field: pointer };
  const isStep = part === "steps" && at !== undefined;
  return {
    locale,
    step: isStep ? Number(at) : null,
    field: isStep ? (rest.at(-1) ?? "") : [part, at, ...rest].filter((one) => one !== undefined).join(" "),
  };
}
