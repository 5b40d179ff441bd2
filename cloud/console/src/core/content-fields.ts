import { programText } from "#protocol/program-words.ts";

/** Fields of an item in words, as comparisons and refusals name them by their place. */
const fieldNames: Readonly<Record<string, string>> = {
  class: "Why it is said",
  isShareable: "May be passed on",
  topics: "Topics",
  models: "Models",
  offerKey: "What is granted",
  image: "Picture",
  imageAlt: "What the picture shows",
  title: "Title",
  text: "Text",
  summary: "Summary",
  servings: "Servings",
  prep_s: "Time to prepare",
  cook_s: "Time to cook",
  ingredients: "Ingredient",
  steps: "Step",
  program: "Program",
  setpoint_c: "Temperature",
  duration_s: "Duration",
  probe_c: "Temperature at the probe",
  steamLevel: "Steam",
  fastPreHeat: "Fast preheat",
};

const isNumber = (part: string): boolean => /^\d+$/.test(part);

/** `/locales/de/steps/0/machine/setpoint_c` as `de: Step 1, Temperature`. A name that nobody knows stays as it is. */
export function fieldWords(pointer: string): string {
  const [, root = "", ...rest] = pointer.split("/");
  const [locale, parts] = root === "locales" ? [rest[0] ?? null, rest.slice(1)] : [null, [root, ...rest]];
  const words: string[] = [];
  for (const part of parts.filter((one) => one !== "machine")) {
    if (isNumber(part)) words.push(`${words.pop() ?? ""} ${Number(part) + 1}`.trim());
    else words.push(Object.hasOwn(fieldNames, part) ? (fieldNames[part] ?? part) : part);
  }
  const field = words.join(", ");
  if (locale === null) return field;
  return field === "" ? locale : `${locale}: ${field}`;
}

/** What stands in a field, in words: of a step's program its name. */
export const valueWords = (pointer: string, text: string): string =>
  pointer.endsWith("/machine/program") ? programText(text) : text;
