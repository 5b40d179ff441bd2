/**
 * JSON as update clients write it: SWUpdate and others paste log lines and settings between quotation marks as they are, so that a text
 * may hold quotation marks, line breaks and backslashes that mean themselves. What is JSON is read exactly as `JSON.parse` reads it.
 */

/** Depth of the deepest value that is read. */
const depthMax = 16;

const space = /[\t\n\r ]*/y;
const literal = /(?:true|false|null|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?=[\t\n\r ]*(?:[,\]}]|$))/y;
/** What follows a text that has ended, by where it stands. Anything else, and its quotation mark was a part of it. */
const afterText = {
  key: /[\t\n\r ]*:/y,
  member: /[\t\n\r ]*(?:,[\t\n\r ]*"|\}[\t\n\r ]*(?:[,\]}]|$))/y,
  item: /[\t\n\r ]*(?:,[\t\n\r ]*(?:["{[]|(?:true|false|null|-?\d[\d.eE+-]*)[\t\n\r ]*[,\]])|\][\t\n\r ]*(?:[,\]}]|$))/y,
  alone: /[\t\n\r ]*$/y,
} as const;
type Place = keyof typeof afterText;
const escapes: Readonly<Record<string, string>> = {
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  '"': '"',
  "\\": "\\",
  "/": "/",
};

/** Reads a text, or undefined where it is nothing that resembles JSON. */
export function parseLeniently(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return new Reader(text).read();
  }
}

class NotJson extends Error {}

/** One pass over the text; each place is looked at a bounded number of times. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): unknown {
    try {
      const value = this.#value(0, "alone");
      this.#skip(space);
      return this.#at === this.#text.length ? value : undefined;
    } catch (error) {
      if (error instanceof NotJson) return undefined;
      throw error;
    }
  }

  #skip(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [null];
    if (found !== null) this.#at += found.length;
    return found;
  }

  #take(character: string): boolean {
    this.#skip(space);
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #expect(character: string): void {
    if (!this.#take(character)) throw new NotJson();
  }

  #value(depth: number, place: Place): unknown {
    if (depth > depthMax) throw new NotJson();
    this.#skip(space);
    if (this.#take("{")) return this.#object(depth);
    if (this.#take("[")) return this.#list(depth);
    if (this.#text[this.#at] === '"') return this.#string(place);
    const found = this.#skip(literal);
    if (found === null) throw new NotJson();
    return JSON.parse(found) as unknown;
  }

  #object(depth: number): Record<string, unknown> {
    const entries: [string, unknown][] = [];
    if (!this.#take("}")) {
      do {
        this.#skip(space);
        const key = this.#string("key");
        this.#expect(":");
        entries.push([key, this.#value(depth + 1, "member")]);
      } while (this.#take(","));
      this.#expect("}");
    }
    return Object.fromEntries(entries);
  }

  #list(depth: number): unknown[] {
    const items: unknown[] = [];
    if (this.#take("]")) return items;
    do items.push(this.#value(depth + 1, "item"));
    while (this.#take(","));
    this.#expect("]");
    return items;
  }

  #string(place: Place): string {
    if (this.#text[this.#at] !== '"') throw new NotJson();
    this.#at += 1;
    let read = "";
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined) throw new NotJson();
      this.#at += 1;
      if (character === '"' && this.#endsBefore(this.#at, place)) return read;
      read += character === "\\" ? this.#escaped(place) : character;
    }
  }

  /** Whether a quotation mark just before `at` ends its text. */
  #endsBefore(at: number, place: Place): boolean {
    const after = afterText[place];
    after.lastIndex = at;
    return after.test(this.#text);
  }

  /** What stands behind a backslash; one that escapes nothing means itself. */
  #escaped(place: Place): string {
    const next = this.#text[this.#at] ?? "";
    const hex = /^u([0-9a-fA-F]{4})/.exec(this.#text.slice(this.#at, this.#at + 5))?.[1];
    if (hex !== undefined) {
      this.#at += 5;
      return String.fromCharCode(Number.parseInt(hex, 16));
    }
    const meant = Object.hasOwn(escapes, next) ? escapes[next] : undefined;
    // C:\ at the end of a text: the quotation mark is its end.
    if (meant === undefined || (next === '"' && this.#endsBefore(this.#at + 1, place))) return "\\";
    this.#at += 1;
    return meant;
  }
}
