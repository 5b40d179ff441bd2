/** What is different between two versions of what somebody wrote, in words. */

export interface Change {
  /** `actions / 1 / tag`, or nothing for the whole. */
  place: string;
  /** Null where there was nothing. */
  before: string | null;
  /** Null where there is nothing any more. */
  now: string | null;
}

const wordsMax = 120;

const isParts = (value: unknown): value is object => typeof value === "object" && value !== null;

function valueWords(value: unknown): string {
  const said = typeof value === "string" && value !== "" ? value : JSON.stringify(value);
  return said.length > wordsMax ? `${said.slice(0, wordsMax)}…` : said;
}

const wordsOf = (value: unknown) => (value === undefined ? null : valueWords(value));

/** Each place where they differ, in the order in which the former names them; what is only in the latter comes after. */
export function changesBetween(before: unknown, now: unknown, place: readonly string[] = []): Change[] {
  if (Object.is(before, now)) return [];
  if (isParts(before) && isParts(now) && Array.isArray(before) === Array.isArray(now)) {
    const [old, fresh] = [new Map(Object.entries(before)), new Map(Object.entries(now))];
    return [...new Set([...old.keys(), ...fresh.keys()])].flatMap((name) => {
      // Lists are counted from one, as people do.
      const part = Array.isArray(before) ? String(Number(name) + 1) : name;
      return changesBetween(old.get(name), fresh.get(name), [...place, part]);
    });
  }
  return [{ place: place.join(" / "), before: wordsOf(before), now: wordsOf(now) }];
}

/** A change as it follows its place: `limit was “280”, and is “300”`. */
export const changeWords = ({ before, now }: Change): string =>
  before === null
    ? `is new: “${now}”`
    : now === null
      ? `was “${before}”, and is gone`
      : `was “${before}”, and is “${now}”`;
