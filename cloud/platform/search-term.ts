/** What somebody looks for, in the forms in which it may be written down. */
export interface SearchTerm {
  /** As it was typed, in lower case, with single spaces. */
  text: string;
  words: readonly string[];
  /** Without what is put in between when a serial number is written down: as `search_key` in SQL. Empty where nothing is left. */
  key: string;
  /** Of what may be the beginning of an id: the lowest and highest UUID that begin so. */
  ids: { from: string; to: string } | null;
}

/** How well something fits. */
export const searchRanks = ["exact", "beginning", "end", "part"] as const;
export type SearchRank = (typeof searchRanks)[number];

/** Something that was found, with what tells it apart. */
export interface Found {
  kind: "device" | "household" | "member" | "case" | "release" | "model";
  id: string;
  title: string;
  subtitle: string;
  /** Its place in the console. */
  href: string;
  rank: SearchRank;
}

/** What one question may ask of the database. */
export interface SearchScope {
  term: SearchTerm;
  limit: number;
  /** Whether parts of words have an index. Without it only beginnings and ends are looked for. */
  parts: boolean;
}

export const searchCharactersMax = 100;
const wordsMax = 8;
const meaningfulMin = 2;
const idDigitsMin = 4;
const partCharactersMin = 3;

/** The term for what was typed, or null where fewer than two letters or digits are in it: everything would fit. */
export function searchTerm(typed: string): SearchTerm | null {
  const text = typed.trim().replaceAll(/\s+/g, " ").toLowerCase();
  if ((text.match(/[\p{L}\p{N}]/gu) ?? []).length < meaningfulMin) return null;
  return {
    text,
    words: [...new Set(text.split(" "))].slice(0, wordsMax),
    key: text.replaceAll(/[-_./: ]/g, ""),
    ids: idRange(text),
  };
}

function idRange(text: string): SearchTerm["ids"] {
  const digits = text.replaceAll("-", "");
  if (!/^[0-9a-f]{4,32}$/.test(digits) || digits.length < idDigitsMin) return null;
  const whole = (filler: string) =>
    digits.padEnd(32, filler).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  return { from: whole("0"), to: whole("f") };
}

const literal = (text: string): string => text.replaceAll(/[\\%_]/g, String.raw`\$&`);

/** LIKE patterns in which every character of `text` stands for itself. */
export const beginsWith = (text: string): string => `${literal(text)}%`;
export const holds = (text: string): string => `%${literal(text)}%`;

export const reversed = (text: string): string => Array.from(text).toReversed().join("");

/** Whether an index over parts of words can help with one of these: it knows nothing of shorter ones. */
export const hasLongPart = (words: readonly string[]): boolean =>
  words.some((word) => word.length >= partCharactersMin);

/** How well a name fits that is known to fit somehow. */
export function rankOf(name: string, text: string): SearchRank {
  const own = name.toLowerCase();
  if (own === text) return "exact";
  if (own.startsWith(text)) return "beginning";
  return own.endsWith(text) ? "end" : "part";
}

export const bestRank = (ranks: readonly SearchRank[]): SearchRank =>
  searchRanks.find((rank) => ranks.includes(rank)) ?? "part";
