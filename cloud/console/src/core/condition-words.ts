/** A condition in words, where its form is one that words can say. */

const operatorWords: Record<string, string> = {
  "==": "is",
  "!=": "is not",
  "<": "is less than",
  "<=": "is at most",
  ">": "is more than",
  ">=": "is at least",
};

const text = `"[^"\\\\]*"|'[^'\\\\]*'`;
const name = "[a-z][a-zA-Z0-9_]*";
/** `program == "Eco50"`, `waited_h <= 72` */
const comparison = new RegExp(`^(${name})\\s*(==|!=|<=|>=|<|>)\\s*(${text}|-?\\d+(?:\\.\\d+)?)$`);
/** `program in ["Eco50", "Steam"]` */
const oneOf = new RegExp(`^(${name})\\s+in\\s+\\[\\s*((?:${text})(?:\\s*,\\s*(?:${text}))*)\\s*\\]$`);
/** `"DE" in countries` */
const holds = new RegExp(`^(${text})\\s+in\\s+(${name})$`);
/** `has_probe`, `!has_probe` */
const flag = new RegExp(`^(!?)\\s*(${name})$`);
/** What stands between one `&&` and the next, outside of texts. */
const parts = new RegExp(`(?:${text}|[^"'&])+`, "g");
const texts = new RegExp(text, "g");
const either = new Intl.ListFormat("en-GB", { type: "disjunction" });
const both = new Intl.ListFormat("en-GB", { type: "conjunction" });

const quoted = (literal: string) => `“${literal.slice(1, -1)}”`;

/** Facts that what they are called does not say. */
const ownWords: Readonly<Record<string, string>> = {
  last_feedback: "the last rating from 1 to 5",
  mention_reach: "the number of people whom public mentions reached",
};

/** A fact of the household by its name: `programs_30d` is `the number of programs in the last 30 days`. */
function wordsOfName(factName: string, isNumber: boolean): string {
  const days = /_(\d+)d$/.exec(factName)?.[1];
  const bare = (days === undefined ? factName : factName.slice(0, -days.length - 2)).replaceAll("_", " ");
  return `the ${isNumber ? "number of " : ""}${bare}${days === undefined ? "" : ` in the last ${days} days`}`;
}

function partWords(part: string, factWords: ReadonlyMap<string, string>): string | null {
  const known = (factName: string, isNumber: boolean) =>
    factWords.get(factName) ?? ownWords[factName] ?? wordsOfName(factName, isNumber);
  const [, compared, operator = "", value = ""] = comparison.exec(part) ?? [];
  if (compared !== undefined) {
    const isNumber = /^[-\d]/.test(value);
    // Which of two texts is the greater one says nothing to anybody.
    if (!isNumber && operator !== "==" && operator !== "!=") return null;
    return `${known(compared, isNumber)} ${operatorWords[operator]} ${isNumber ? value : quoted(value)}`;
  }
  const [, one, list = ""] = oneOf.exec(part) ?? [];
  if (one !== undefined) return `${known(one, false)} is ${either.format((list.match(texts) ?? []).map(quoted))}`;
  const [, held = "", among] = holds.exec(part) ?? [];
  if (among !== undefined) return `${quoted(held)} is among ${known(among, false)}`;
  const [, not, alone] = flag.exec(part) ?? [];
  if (alone === undefined || alone === "true" || alone === "false") return null;
  return `“${alone.replaceAll("_", " ")}” ${not === "!" ? "does not hold" : "holds"}`;
}

/**
 * `what was done is “descale” and the number of programs since the last time is at most 60`.
 *
 * @param factWords of facts what they are called before `is at least 5`
 * @returns null where it is more than comparisons that all have to hold: then only the condition itself says what it says
 */
export function conditionWords(when: string, factWords: ReadonlyMap<string, string>): string | null {
  const found = when.match(parts) ?? [];
  if (found.length === 0 || found.join("&&") !== when) return null;
  const words = found.map((part) => partWords(part.trim(), factWords));
  return words.includes(null) ? null : both.format(words.filter((one) => one !== null));
}
