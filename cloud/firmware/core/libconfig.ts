/**
 * Reads libconfig's language (https://hyperrealm.github.io/libconfig/), in which SWUpdate's `sw-description` is mostly written, as far as
 * values go: groups, lists, arrays, texts, numbers and truth values. `@include` is refused: what is signed is one text.
 */

export type Config = string | number | boolean | Config[] | { [name: string]: Config };

const depthMax = 32;

/** @returns null where the text is not in the language */
export function parseLibconfig(text: string): Config | null {
  try {
    return new Parser(text).read();
  } catch (error) {
    if (error instanceof NotConfig) return null;
    throw error;
  }
}

class NotConfig extends Error {}

const blank = /(?:[\s]|#[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y;
const nameToken = /[A-Za-z*][-A-Za-z0-9_*]*/y;
const numberToken = /(?:0[xX][0-9a-fA-F]+|[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)L{0,2}/y;
const textToken = /"(?:[^"\\]|\\[\s\S])*"/y;
const truthToken = /(?:true|false)\b/iy;
const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", f: "\f", '"': '"', "\\": "\\" };

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): Config {
    const all = this.#settings(0, null);
    this.#skip(blank);
    if (this.#at < this.#text.length) throw new NotConfig();
    return all;
  }

  #skip(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [null];
    if (found !== null) this.#at += found.length;
    return found;
  }

  #take(character: string): boolean {
    this.#skip(blank);
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #settings(depth: number, end: string | null): { [name: string]: Config } {
    const entries: [string, Config][] = [];
    for (;;) {
      if (end !== null && this.#take(end)) break;
      this.#skip(blank);
      const name = this.#skip(nameToken);
      if (name === null) {
        if (end === null && this.#at === this.#text.length) break;
        throw new NotConfig();
      }
      if (!this.#take("=") && !this.#take(":")) throw new NotConfig();
      entries.push([name, this.#value(depth + 1)]);
      // Between settings either stands, or nothing.
      if (!this.#take(";")) this.#take(",");
    }
    // A name that stands twice would be one thing to us and another to the appliance.
    if (new Set(entries.map(([name]) => name)).size < entries.length) throw new NotConfig();
    return Object.fromEntries(entries);
  }

  #value(depth: number): Config {
    if (depth > depthMax) throw new NotConfig();
    if (this.#take("{")) return this.#settings(depth, "}");
    if (this.#take("(")) return this.#list(depth, ")");
    if (this.#take("[")) return this.#list(depth, "]");
    const truth = this.#skip(truthToken);
    if (truth !== null) return truth.toLowerCase() === "true";
    const number = this.#skip(numberToken);
    if (number !== null) return Number(number.replace(/L+$/, ""));
    return this.#strings();
  }

  #list(depth: number, end: string): Config[] {
    const items: Config[] = [];
    while (!this.#take(end)) {
      items.push(this.#value(depth + 1));
      if (this.#take(",")) continue;
      if (!this.#take(end)) throw new NotConfig();
      break;
    }
    return items;
  }

  /** Texts that follow one another are one. */
  #strings(): string {
    let all: string | null = null;
    for (;;) {
      this.#skip(blank);
      const token = this.#skip(textToken);
      if (token === null) break;
      all = (all ?? "") + unescaped(token.slice(1, -1));
    }
    if (all === null) throw new NotConfig();
    return all;
  }
}

const unescaped = (text: string): string =>
  text.replaceAll(/\\(x[0-9a-fA-F]{2}|[\s\S])/g, (_all, what: string) =>
    what.length === 3 ? String.fromCharCode(Number.parseInt(what.slice(1), 16)) : (escapes[what] ?? what),
  );
