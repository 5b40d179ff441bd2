/**
 * Takes secrets and people out of a log, in whole lines, as a stream.
 *
 * A line is what lies between two line breaks, whatever the chunks were, so that a secret cut across chunks is taken out like any other.
 * What can be told apart is removed by name; what merely looks like a key (a long run of one alphabet) goes too, since a log is read by
 * people and a key that stays is worse than a hash that goes. Private addresses stay: a technician needs them, and they lead nowhere.
 */
export const removals = ["secret", "key", "email", "address"] as const;
export type Removal = (typeof removals)[number];
export type RemovalCounts = Record<Removal, number>;

/** A longer line is cut at its last space before this, since nobody can tell what of a word was cut off. */
export const lineCharsMax = 8_192;
/** Lines of a private key that never ends. */
const keyLinesMax = 200;

interface Pattern {
  what: Removal;
  find: RegExp;
  /** The text in place of what was found; null where it stays. */
  instead: (found: string, groups: string[]) => string | null;
}

const gone = (what: Removal): string => `[removed: ${what}]`;

/** Names whose value is a secret. Those of people's own choice may hold spaces, so that their value ends with the line or a separator. */
const chosen = "pass(?:word|wd|phrase|code)?|pwd|psk|passkey|wpa_passphrase|wifi[_-]?key|wep[_-]?key[0-3]?|ssid";
const given =
  "secret|token|api[_-]?key|access[_-]?key|private[_-]?key|client[_-]?key|authorization|auth|cookie|credentials?|session(?:id)?|signature|sig|nonce|pin|pairing[_-]?code|otp";
/** Blanks within a line: no pattern reaches from one line into the next, so that lines can be looked at together. */
const blank = "[^\\S\\n]";
const named = (names: string, value: string): RegExp =>
  new RegExp(
    `((?<![A-Za-z0-9])["']?[\\w.-]{0,40}?(?:${names})[\\w]{0,20}["']?${blank}{0,4}[:=]${blank}{0,4})(${value})`,
    "gim",
  );
const quoted = `"(?:[^"\\\\\\n]|\\\\.)*(?:"|$)|'[^'\\n]*(?:'|$)`;

const isPrivateV4 = ([a = 0, b = 0]: number[]): boolean =>
  a === 10 ||
  a === 127 ||
  a === 0 ||
  (a === 172 && b >= 16 && b < 32) ||
  (a === 192 && b === 168) ||
  (a === 169 && b === 254);

const hasMixed = (run: string): boolean => /[a-z]/.test(run) && /[A-Z]/.test(run) && /\d/.test(run);

const patterns: readonly Pattern[] = [
  {
    what: "secret",
    find: /\b(Bearer|Basic|Digest)[^\S\n]{1,4}[\w+/=.~-]{6,}/gi,
    instead: (_, [kind]) => `${kind} ${gone("secret")}`,
  },
  { what: "secret", find: named(chosen, `${quoted}|[^,;}&\\n]+`), instead: (_, [name]) => name + gone("secret") },
  {
    what: "secret",
    find: named(given, `${quoted}|[^\\s,;}&]+`),
    instead: (found, [name]) => (found.includes(gone("secret")) ? null : name + gone("secret")),
  },
  { what: "secret", find: /(:\/\/)[^\s/@]{1,200}@/g, instead: (_, [scheme]) => `${scheme}${gone("secret")}@` },
  { what: "key", find: /\beyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?/g, instead: () => gone("key") },
  { what: "key", find: /\bhearth_\w{16,}/g, instead: () => gone("key") },
  // A digest that says that it is one stays: it names an image.
  {
    what: "key",
    find: /(sha-?256["']?[^\S\n]{0,2}[:=]?[^\S\n]{0,2}["']?)?\b[0-9a-f]{32,}\b/gi,
    instead: (_, [digest]) => (digest === "" ? gone("key") : null),
  },
  { what: "key", find: /[A-Za-z0-9+/_-]{32,}={0,2}/g, instead: (run) => (hasMixed(run) ? gone("key") : null) },
  {
    what: "email",
    find: /[\p{L}\p{N}._%+'-]{1,64}@[\p{L}\p{N}.-]{1,253}\.\p{L}{2,24}/gu,
    instead: () => gone("email"),
  },
  {
    what: "address",
    find: /(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])/g,
    instead: (found) => {
      const parts = found.split(".").map(Number);
      return parts.some((part) => part > 255) || isPrivateV4(parts) ? null : gone("address");
    },
  },
  // Local ones (fe80::, fd..::, ::1) stay. At least two groups and a double colon, or all eight: a time of day is none.
  {
    what: "address",
    find: /(?<![\w:.])(?:(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|(?:[0-9a-f]{1,4}:){1,6}(?::[0-9a-f]{1,4}){1,6}|(?:[0-9a-f]{1,4}:){1,7}:)(?![\w:])/gi,
    instead: (found) => (/^(fe[89ab]|f[cd])/i.test(found) ? null : gone("address")),
  },
  // Where a Wi-Fi stands can be looked up by its access point's address; the maker's half may stay.
  {
    what: "address",
    find: /(?<![\w:-])([0-9a-f]{2}[:-][0-9a-f]{2}[:-][0-9a-f]{2})(?:[:-][0-9a-f]{2}){3}(?![\w:-])/gi,
    instead: (_, [maker]) => `${maker}:${gone("address")}`,
  },
];

const keyBegins = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----/;
const keyEnds = /-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----/;

/** The filter of one log. It keeps the line that is not whole yet, and counts what it took out. */
export class Redaction {
  readonly counts: RemovalCounts = { secret: 0, key: 0, email: 0, address: 0 };
  #line = "";
  #isOverlong = false;
  #keyLinesLeft = 0;

  /** @returns what can be written of all that came so far */
  push(text: string): string {
    let whole = "";
    let from = 0;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", from)) {
      this.#take(text.slice(from, at));
      whole += this.#finish("\n");
      from = at + 1;
    }
    this.#take(text.slice(from));
    return this.#clean(whole);
  }

  /** @returns the rest; nothing may be pushed after it */
  end(): string {
    return this.#line === "" && !this.#isOverlong ? "" : this.#clean(this.#finish(""));
  }

  #take(part: string): void {
    const room = lineCharsMax - this.#line.length;
    this.#line += part.slice(0, room);
    if (part.length > room) this.#isOverlong = true;
  }

  #finish(lineBreak: string): string {
    const whole = this.#line;
    const isOverlong = this.#isOverlong;
    this.#line = "";
    this.#isOverlong = false;
    const kept = isOverlong ? whole.slice(0, Math.max(0, whole.search(/\s\S*$/))) : whole;
    const line = this.#withoutKey(kept);
    if (line === null) return "";
    return `${line}${isOverlong ? " [line cut]" : ""}${lineBreak}`;
  }

  /** The line as far as it is no part of a private key; null where all of it is. */
  #withoutKey(line: string): string | null {
    if (this.#keyLinesLeft > 0) {
      const end = keyEnds.exec(line);
      this.#keyLinesLeft = end === null ? this.#keyLinesLeft - 1 : 0;
      return end === null ? null : line.slice(end.index + end[0].length);
    }
    const begin = keyBegins.exec(line);
    if (begin === null) return line;
    this.counts.key += 1;
    const rest = line.slice(begin.index);
    const end = keyEnds.exec(rest);
    if (end === null) this.#keyLinesLeft = keyLinesMax;
    return `${line.slice(0, begin.index)}${gone("key")}${end === null ? "" : rest.slice(end.index + end[0].length)}`;
  }

  /** @param lines whole ones */
  #clean(lines: string): string {
    let text = lines;
    for (const { what, find, instead } of patterns) {
      text = text.replace(find, (found: string, ...rest: unknown[]) => {
        const groups = rest.flatMap((part, at) => (typeof part === "string" && at < rest.length - 2 ? [part] : [""]));
        const put = instead(found, groups);
        if (put === null) return found;
        this.counts[what] += 1;
        return put;
      });
    }
    return text;
  }
}
