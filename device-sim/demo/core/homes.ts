import type { PlannedMember } from "../../core/fleet-plan.ts";
import { pick } from "../../core/random.ts";

/** A household before it is known to Hearth, and the appliances in its kitchen. */
export interface Home {
  name: string;
  locale: string;
  timeZone: string;
  appliances: string[];
}

const surnames: Record<string, readonly string[]> = {
  de: ["Berger", "Hoffmann", "Keller", "Lang", "Neumann", "Vogel", "Winter", "Ziegler"],
  "en-GB": ["Archer", "Bennett", "Clarke", "Fletcher", "Hughes", "Morgan", "Shaw", "Walker"],
  fr: ["Bernard", "Chevalier", "Dupuis", "Fontaine", "Garnier", "Laurent", "Moreau", "Roussel"],
  sv: ["Andersson", "Berg", "Dahl", "Ek", "Holm", "Lindgren", "Nyström", "Sandberg"],
  "pt-BR": ["Almeida", "Barros", "Cardoso", "Ferreira", "Moraes", "Ribeiro", "Souza", "Teixeira"],
  ja: ["Fujita", "Hayashi", "Ito", "Kimura", "Mori", "Ogawa", "Sato", "Yamada"],
};

/** Every oven has a household of its own; a dishwasher moves in with one of its place that has none yet. */
export function planHomes(members: readonly PlannedMember[], isOven: (model: string) => boolean): Home[] {
  const homes: Home[] = [];
  const roomFor = new Map<string, Home[]>();
  const ovensFirst = members.toSorted((a, b) => Number(isOven(b.model)) - Number(isOven(a.model)));
  for (const { id, model, locale, timeZone, seed } of ovensFirst) {
    const place = `${locale} ${timeZone}`;
    const shared = isOven(model) ? undefined : roomFor.get(place)?.pop();
    if (shared !== undefined) {
      shared.appliances.push(id);
      continue;
    }
    const home = { name: pick(surnames[locale] ?? ["Doe"], null, seed, "surname"), locale, timeZone, appliances: [id] };
    homes.push(home);
    if (isOven(model)) roomFor.set(place, [...(roomFor.get(place) ?? []), home]);
  }
  return homes;
}
