import type { FactTypes } from "../../platform/predicate/predicate.ts";

/**
 * What a rollout's target may ask of an appliance. The help stands in the API's description and beside the console's editor, so each says
 * where the fact comes from and when it is missing: what is said of a missing fact does not match.
 */
export const targetFacts = {
  model: { type: "text", help: "The model's key, such as oven-x200." },
  hardware: {
    type: "text",
    help: "The hardware revision that the appliance reports. Missing until it has reported.",
  },
  version: {
    type: "version",
    help: 'The firmware version that it reports. Compare with older(version, "2.10.0") or newer. Missing until it has reported.',
  },
  counter: {
    type: "number",
    help: "The release counter of the firmware that it runs. Missing until it has reported it.",
  },
  tags: { type: "texts", help: 'What the maker marked it with: "internal" in tags. Never missing; it may be empty.' },
  locale: { type: "text", help: "The language of its display, such as de or en-GB. Missing until it has reported." },
  country: {
    type: "text",
    help: "Where it was registered, as two capital letters (ISO 3166-1), such as DE. Missing where nobody said.",
  },
  last_seen_days: {
    type: "number",
    help: "Days since it was last connected, 0 while it is; since its registration where it never was. Never missing.",
  },
  online: { type: "flag", help: "Whether it is connected now. Never missing." },
  household: { type: "flag", help: "Whether it belongs to a household. Never missing." },
} as const satisfies FactTypes;

/** Targets that a person begins from. */
export const targetExamples = [
  { text: "true", means: "Every appliance that the release fits." },
  { text: '"internal" in tags', means: "Ring 0: our own." },
  { text: 'country in ["DE", "AT", "CH"] && last_seen_days < 30', means: "Those in three countries that are in use." },
  { text: 'older(version, "2.10.0") && !("beta" in tags)', means: "Those before 2.10.0, without testers." },
] as const;
