/**
 * The place of a version among others, as a list that PostgreSQL compares as text, part by part. There is no one order of all the world's
 * versions; this one is right where numbers lead, as in semantic versions, in OpenSSL's (`1.1.1k`) and in most of Debian's:
 *
 *   2.9 < 2.10-rc1 < 2.10 = 2.10.0 = v2.10 < 2.10a < 2.10.1
 *
 * Each part begins with a digit for its kind: 0 what comes before the release itself, 1 the end, 2 letters, 3 a number.
 */
const end = "1";
const digitsMax = 12;
const partsMax = 32;

/** Words for what comes before a release. */
const before = /^(?:alpha|beta|rc|pre|preview|dev|snapshot|a(?=\d)|b(?=\d))/;

/** @returns null where the text does not begin with a number, as versions do */
export function versionKey(text: string): string[] | null {
  const epoch = /^(\d{1,6}):/.exec(text);
  const rest = text
    .slice(epoch?.[0].length ?? 0)
    .toLowerCase()
    .replace(/^v(?=\d)/, "");
  if (!/^\d/.test(rest)) return null;
  const parts = [number(epoch?.[1] ?? "0")];
  let numbers: string[] = [];
  const flush = () => {
    // 2.10 and 2.10.0 are the same: noughts at the end of a run of numbers say nothing.
    while (numbers.at(-1) === number("0")) numbers.pop();
    parts.push(...numbers);
    numbers = [];
  };
  let sawDash = false;
  for (const [piece] of rest.matchAll(/\d+|[a-z]+|[^0-9a-z]+/g)) {
    if (/^\d/.test(piece)) {
      if (piece.length > digitsMax) return null;
      numbers.push(number(piece));
    } else if (/^[a-z]/.test(piece)) {
      flush();
      parts.push(`${isBefore(piece, sawDash) ? "0" : "2"}${piece}`);
    }
    sawDash = piece.startsWith("-") || piece.startsWith("~");
  }
  flush();
  parts.push(end);
  return parts.length > partsMax ? null : parts;
}

const number = (digits: string) => `3${digits.replace(/^0+(?=\d)/, "").padStart(digitsMax, "0")}`;

/** `1.2-rc1` and `1.2~rc1` come before 1.2, `1.2rc1` does as well; `1.1.1k` comes after 1.1.1. */
const isBefore = (word: string, sawDash: boolean) => before.test(word) || (sawDash && /^(?:a|b|c|m)$/.test(word));

/** Below 0, 0 or above 0, as PostgreSQL compares arrays of text by their bytes. */
export function compareVersionKeys(a: readonly string[], b: readonly string[]): number {
  for (const [at, part] of a.entries()) {
    const other = b[at];
    if (other === undefined) return 1;
    if (part !== other) return part < other ? -1 : 1;
  }
  return a.length - b.length;
}
