/** A condition as its parts, where it is made of comparisons of a fact with what is written beside it. The service checks it; this reads it. */

type Sign = "==" | "!=" | "<" | "<=" | ">" | ">=";

/** `isDenied`: it has not to hold. */
export type Leaf = { fact: string; isDenied: boolean } & (
  | { kind: "flag" }
  | { kind: "compared"; sign: Sign; value: string | number }
  | { kind: "one_of"; values: (string | number)[] }
  | { kind: "among"; value: string }
  | { kind: "version"; than: "older" | "newer"; value: string }
  | { kind: "begins"; value: string }
);

export type Condition = Leaf | { kind: "all"; parts: Condition[] } | { kind: "any"; parts: Condition[] };

const tokens =
  /\s*(?:(?<text>"[^"\\]*"|'[^'\\]*')|(?<number>-?\d+(?:\.\d+)?)(?![\w.])|(?<name>[a-zA-Z_]\w*)|(?<sign>&&|\|\||==|!=|<=|>=|[<>!()[\],.]))/y;

interface Token {
  kind: "text" | "number" | "name" | "sign";
  said: string;
}

function tokensOf(when: string): Token[] | null {
  const found: Token[] = [];
  const text = when.trimEnd();
  for (tokens.lastIndex = 0; tokens.lastIndex < text.length;) {
    const groups = tokens.exec(text)?.groups;
    if (groups === undefined) return null;
    const { text: quoted, number, name, sign } = groups;
    if (quoted !== undefined) found.push({ kind: "text", said: quoted.slice(1, -1) });
    else if (number !== undefined) found.push({ kind: "number", said: number });
    else if (name !== undefined) found.push({ kind: "name", said: name });
    else if (sign !== undefined) found.push({ kind: "sign", said: sign });
  }
  return found;
}

/** What no part of it can be read ends the reading. */
class Unreadable extends Error {}

const isSign = (said: string): said is Sign => ["==", "!=", "<", "<=", ">", ">="].includes(said);
const reserved: ReadonlySet<string> = new Set(["true", "false", "null", "in"]);

class Reader {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(found: readonly Token[]) {
    this.#tokens = found;
  }

  whole(): Condition {
    const found = this.#any();
    if (this.#at < this.#tokens.length) throw new Unreadable();
    return found;
  }

  #any(): Condition {
    return this.#joined("any", "||", () => this.#all());
  }

  #all(): Condition {
    return this.#joined("all", "&&", () => this.#one());
  }

  /** Brackets that change nothing are gone: `a && (b && c)` is three that stand side by side. */
  #joined(kind: "all" | "any", sign: string, next: () => Condition): Condition {
    const parts = [next()];
    while (this.#skip(sign)) parts.push(next());
    const [first] = parts;
    if (first !== undefined && parts.length === 1) return first;
    return { kind, parts: parts.flatMap((part) => (part.kind === kind ? part.parts : [part])) };
  }

  #one(): Condition {
    if (this.#skip("!")) return denied(this.#one());
    if (this.#skip("(")) {
      const inner = this.#any();
      this.#need(")");
      return inner;
    }
    return this.#leaf();
  }

  #leaf(): Leaf {
    const { kind, said } = this.#take();
    if (kind === "text") {
      if (this.#take().said !== "in") throw new Unreadable();
      return { kind: "among", fact: this.#fact(), value: said, isDenied: false };
    }
    if (kind !== "name" || reserved.has(said)) throw new Unreadable();
    if ((said === "older" || said === "newer") && this.#skip("(")) {
      const fact = this.#fact();
      this.#need(",");
      const value = this.#text();
      this.#need(")");
      return { kind: "version", fact, than: said, value, isDenied: false };
    }
    if (this.#skip(".")) {
      if (this.#take().said !== "startsWith") throw new Unreadable();
      this.#need("(");
      const value = this.#text();
      this.#need(")");
      return { kind: "begins", fact: said, value, isDenied: false };
    }
    return this.#compared(said);
  }

  #compared(fact: string): Leaf {
    const next = this.#tokens[this.#at];
    if (next?.kind === "name" && next.said === "in") {
      this.#at += 1;
      return { kind: "one_of", fact, values: this.#list(), isDenied: false };
    }
    if (next?.kind !== "sign" || !isSign(next.said)) return { kind: "flag", fact, isDenied: false };
    this.#at += 1;
    const value = this.#take();
    const equals = next.said === "==" || next.said === "!=";
    if (value.kind === "name" && equals && (value.said === "true" || value.said === "false"))
      return { kind: "flag", fact, isDenied: (value.said === "true") !== (next.said === "==") };
    // Which of two texts is the greater one says nothing to anybody.
    if (value.kind === "text" && equals)
      return { kind: "compared", fact, sign: next.said, value: value.said, isDenied: false };
    if (value.kind !== "number") throw new Unreadable();
    return { kind: "compared", fact, sign: next.said, value: Number(value.said), isDenied: false };
  }

  #list(): (string | number)[] {
    this.#need("[");
    const values: (string | number)[] = [];
    do {
      const { kind, said } = this.#take();
      if (kind !== "text" && kind !== "number") throw new Unreadable();
      values.push(kind === "text" ? said : Number(said));
    } while (this.#skip(","));
    this.#need("]");
    return values;
  }

  #take(): Token {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw new Unreadable();
    this.#at += 1;
    return token;
  }

  #fact(): string {
    const { kind, said } = this.#take();
    if (kind !== "name" || reserved.has(said)) throw new Unreadable();
    return said;
  }

  #text(): string {
    const { kind, said } = this.#take();
    if (kind !== "text") throw new Unreadable();
    return said;
  }

  /** Whether the sign stood there; it is behind the reader then. */
  #skip(sign: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== "sign" || token.said !== sign) return false;
    this.#at += 1;
    return true;
  }

  #need(sign: string): void {
    if (!this.#skip(sign)) throw new Unreadable();
  }
}

/** Not both is one of the two not, and neither is both of them not: of a fact that is missing as well. */
function denied(condition: Condition): Condition {
  if (condition.kind === "all" || condition.kind === "any")
    return { kind: condition.kind === "all" ? "any" : "all", parts: condition.parts.map(denied) };
  return { ...condition, isDenied: !condition.isDenied };
}

/** Null where it holds anything else than such comparisons, joined and denied. */
export function readCondition(when: string): Condition | null {
  const found = tokensOf(when);
  if (found === null || found.length === 0) return null;
  try {
    return new Reader(found).whole();
  } catch (error) {
    if (error instanceof Unreadable) return null;
    throw error;
  }
}
