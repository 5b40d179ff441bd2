/**
 * A table as CSV (RFC 4180), one line a record.
 *
 * A general CSV parser lets a quoted field run over lines, so that one forgotten quote swallows the lines behind it; the one that was
 * tried (csv-parse 7) then ends without a word. Serial numbers never hold a line break: here a line is wrong by itself, and the next
 * one is read.
 */

/** Cuts text that comes in pieces into lines, numbered from 1. A line over the bound is told of and passed over, never held. */
export class LineCutter {
  readonly #lengthMax: number;
  #rest = "";
  #isTooLong = false;
  #number = 0;

  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  /** @returns the lines that end in this piece */
  cut(piece: string): Line[] {
    const parts = piece.split("\n");
    const last = parts.pop() ?? "";
    const lines = parts.map((part) => this.#line(part));
    this.#keep(last);
    return lines;
  }

  /** @returns what stands behind the last line break, where anything does */
  end(): Line[] {
    return this.#rest === "" && !this.#isTooLong ? [] : [this.#line("")];
  }

  #line(end: string): Line {
    this.#keep(end);
    const text = this.#isTooLong ? null : this.#rest.endsWith("\r") ? this.#rest.slice(0, -1) : this.#rest;
    this.#rest = "";
    this.#isTooLong = false;
    this.#number += 1;
    return { number: this.#number, text };
  }

  #keep(text: string): void {
    if (this.#isTooLong) return;
    this.#isTooLong = this.#rest.length + text.length > this.#lengthMax;
    this.#rest = this.#isTooLong ? "" : this.#rest + text;
  }
}

export interface Line {
  number: number;
  /** Null where it is longer than the bound. */
  text: string | null;
}

/** What stands between fields: German spreadsheets write a semicolon. */
export type Delimiter = "," | ";";

/** Whichever the header row has more of. */
export const delimiterOf = (header: string): Delimiter =>
  header.split(";").length > header.split(",").length ? ";" : ",";

/** The fields of a line without blanks around them, or null where its quotes do not fit together. */
export function fieldsOf(line: string, delimiter: Delimiter): string[] | null {
  if (!line.includes('"')) return line.split(delimiter).map((field) => field.trim());
  const fields: string[] = [];
  const field = new RegExp(`(?:\\s*"((?:[^"]|"")*)"\\s*|([^"${delimiter}]*))(${delimiter}|$)`, "y");
  for (;;) {
    const found = field.exec(line);
    if (found === null) return null;
    fields.push((found[1]?.replaceAll('""', '"') ?? found[2] ?? "").trim());
    if (found[3] === "") return fields;
  }
}
