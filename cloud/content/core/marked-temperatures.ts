/**
 * Temperatures in the text of a recipe from elsewhere, marked as amounts so that each reader has them in the units of their own: `180°C`
 * becomes `{{180 °C}}`, see `#protocol/units.ts`.
 *
 * Only what can mean one thing is marked. Left as it is: a text that gives both units by itself; a number behind another (`160 to 180 °C`),
 * below zero, or in braces; anything below 30 °C, which may as well be a difference (`lower it by 20 °C`); and degrees Fahrenheit that are
 * no multiple of five, since readers there would get another number than the author wrote.
 */

const number = String.raw`(\d{2,3}(?:[.,]\d)?)`;
const temperature = new RegExp(
  String.raw`${number}(?:\s*[–-]\s*${number})?\s*(?:[°º˚]|degrees?\s|Grad\s)\s*(C|F|Celsius|Fahrenheit)(?![\p{L}\p{N}])`,
  "gu",
);
/** What stands before a number that does not stand alone: another number with one word or sign between them, braces, or a sign. */
const notAlone = /(?:[\d½¼¾]\s*\S{0,6}\s*|\{\{\s*|[-−–+±]\s*|\b(?:by|um)\s+)$/iu;
const celsiusMin = 30;

/** Whole degrees, of Celsius; null where readers in Fahrenheit would get another number back. */
function celsiusOf(fahrenheit: string): string | null {
  const value = Number(fahrenheit.replace(",", "."));
  return value % 5 === 0 ? String(Math.round(((value - 32) * 5) / 9)) : null;
}

export function markTemperatures(text: string): string {
  // The signs of one letter: ℃ and ℉.
  const plain = text.replaceAll("\u2103", "°C").replaceAll("\u2109", "°F");
  const units = new Set(Array.from(plain.matchAll(temperature), ([, , , unit = ""]) => unit.charAt(0)));
  if (units.size !== 1) return text;
  return plain.replaceAll(
    temperature,
    (whole: string, from: string, until: string | undefined, unit: string, at: number) => {
      if (notAlone.test(plain.slice(0, at))) return whole;
      const given = until === undefined ? [from] : [from, until];
      const celsius = given.map((one) => (unit.startsWith("C") ? one : celsiusOf(one)));
      const isSure = celsius.every((one) => one !== null && Number(one.replace(",", ".")) >= celsiusMin);
      return isSure ? `{{${celsius.join("–")} °C}}` : whole;
    },
  );
}
