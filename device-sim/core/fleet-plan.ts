import type { Model } from "#protocol/model.ts";
import { type PersonaName, personaNames } from "./household.ts";
import { pick } from "./random.ts";

/** Where the simulated households live. Every model's file must list these locales. */
const places = [
  { locale: "de", timeZone: "Europe/Berlin", country: "DE" },
  { locale: "en-GB", timeZone: "Europe/London", country: "GB" },
  { locale: "fr", timeZone: "Europe/Paris", country: "FR" },
  { locale: "sv", timeZone: "Europe/Stockholm", country: "SE" },
  { locale: "pt-BR", timeZone: "America/Sao_Paulo", country: "BR" },
  { locale: "ja", timeZone: "Asia/Tokyo", country: "JP" },
] as const;

export interface PlannedMember {
  id: string;
  model: string;
  locale: string;
  timeZone: string;
  country: string;
  persona: PersonaName;
  seed: number;
}

/** How many of ten appliances are of which model. */
export const usualMix: readonly string[] = [
  "oven-x200",
  "oven-s80",
  "oven-x200",
  "dishwasher-d4",
  "oven-x200",
  "oven-s80",
  "oven-x200",
  "dishwasher-d4",
  "oven-x200",
  "oven-s80",
];

const personaWeights = [4, 2, 3, 2, 0.5];

/** Who is in a fleet: a function of its arguments. Ids are `{prefix}-0001` and so on. */
export function planFleet(options: {
  count: number;
  seed: number;
  prefix: string;
  mix?: readonly string[];
}): PlannedMember[] {
  const mix = options.mix ?? usualMix;
  return Array.from({ length: options.count }, (_none, at) => {
    const place = pick(places, null, options.seed, at, "place");
    return {
      id: `${options.prefix}-${String(at + 1).padStart(4, "0")}`,
      model: mix[at % mix.length] ?? "oven-x200",
      ...place,
      persona: pick(personaNames, personaWeights, options.seed, at, "persona"),
      seed: options.seed * 100_003 + at,
    };
  });
}

/** Which revision of a model's hardware the appliance with this seed is. */
export const hardwareOf = (model: Model, seed: number): string =>
  model.hardwareIds[seed % model.hardwareIds.length] ?? "";
