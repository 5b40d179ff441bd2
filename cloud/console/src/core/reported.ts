/** What an appliance reports about itself, as words. It may report anything; what does not fit is left out. */

import { programText } from "#protocol/program-words.ts";

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A value as a word or two; of an object, the part that names it. */
export function reportedText(value: unknown): string | null {
  if (typeof value === "string") return value === "" ? null : value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (!isRecord(value)) return null;
  const { version, state, program, name } = value;
  const named = [version, state, typeof program === "string" ? programText(program) : program, name];
  return named.map((part) => reportedText(part)).find((part) => part !== null) ?? null;
}

/** Any value on one line, for a list of everything that is known. */
export function plainText(value: unknown): string {
  if (typeof value === "string") return value;
  return value === null || value === undefined ? "none" : JSON.stringify(value);
}
