import type { ProgramSettings } from "./content.ts";

/** Programs of Home Connect's vocabulary, as its appliances and people call them. */
export const programWords: Readonly<Record<ProgramSettings["program"], string>> = {
  HotAir: "Hot air",
  TopBottomHeating: "Top/bottom heating",
  PizzaSetting: "Pizza setting",
  SlowCook: "Slow cook",
  Grill: "Grill",
  Steam: "Steam",
  Eco50: "Eco 50 °C",
  Intensiv70: "Intensive 70 °C",
  Quick45: "Quick 45 °C",
};

const isProgram = (name: string): name is keyof typeof programWords => Object.hasOwn(programWords, name);

/** A program as an appliance names it, in words: one that the vocabulary does not have stays as it is. */
export const programText = (name: string): string => (isProgram(name) ? programWords[name] : name);
