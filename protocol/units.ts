/**
 * Amounts in a content item's text stand in double braces, in metric units: `Bake at {{180 °C}} with {{500 g}} of flour`. Each reader gets
 * them in the units of their locale, or those that their household chose. Whatever else stands in braces stays as it is.
 */
export const unitSystems = ["metric", "imperial"] as const;
export type UnitSystem = (typeof unitSystems)[number];

/** Regions that measure ovens in degrees Fahrenheit and flour in ounces. */
const imperialRegions = new Set(["US", "LR", "BS", "BZ", "KY", "PW"]);

/** The units of a locale, where nobody chose any. */
export const unitsOfLocale = (locale: string): UnitSystem =>
  imperialRegions.has(locale.split("-").at(-1) ?? "") ? "imperial" : "metric";

const amount = /\{\{\s*(\d{1,6}(?:[.,]\d{1,2})?)(?:\s*[–-]\s*(\d{1,6}(?:[.,]\d{1,2})?))?\s*(°C|kg|g|l|ml|cm)\s*\}\}/g;

const rounded = (value: number, step: number): number => Math.round(value / step) * step;
const short = (value: number): string => String(Number(value.toFixed(value < 10 ? 1 : 0)));

/** A metric amount in imperial units, rounded as one measures it in a kitchen. */
function imperial(value: number, unit: string): { text: string; unit: string } {
  switch (unit) {
    case "°C":
      return { text: String(rounded((value * 9) / 5 + 32, 5)), unit: "°F" };
    case "kg":
      return { text: short(value * 2.204_62), unit: "lb" };
    case "g":
      return { text: short(value / 28.349_5), unit: "oz" };
    case "l":
      return { text: short(value * 1.056_69), unit: "qt" };
    case "ml":
      return { text: short(value / 29.573_5), unit: "fl oz" };
    default:
      return { text: short(value / 2.54), unit: "in" };
  }
}

const separator = "\u00A0";

/** The text with its amounts in the given units. */
export function inUnits(text: string, units: UnitSystem): string {
  if (!text.includes("{{")) return text;
  return text.replaceAll(amount, (_all, from: string, until: string | undefined, unit: string) => {
    const numbers = until === undefined ? [from] : [from, until];
    if (units === "metric") return `${numbers.join("–")}${separator}${unit}`;
    const there = numbers.map((number) => imperial(Number(number.replace(",", ".")), unit));
    return `${there.map((one) => one.text).join("–")}${separator}${there[0]?.unit}`;
  });
}

/** A temperature of the machine layer as people read it. */
export const temperatureText = (celsius: number, units: UnitSystem): string =>
  inUnits(`{{${Number(celsius.toFixed(1))} °C}}`, units);
