/** One entry of a slice's error catalogue: what happened, and what to do about it. The key is the stable code. */
export interface ProblemEntry {
  status: number;
  title: string;
  help: string;
}

export type ProblemCatalogue = Readonly<Record<string, ProblemEntry>>;

/** One field that was refused: a JSON pointer into what was sent, and why. */
export interface FieldError {
  pointer: string;
  message: string;
}

/** The version of something that a change was not made from: who made it, and when. */
export interface Newest {
  version: number;
  atMs: number;
  by: string;
}

/** A refusal on its way to the caller, as RFC 9457 describes it. */
export class Problem extends Error {
  override name = "Problem";
  readonly code: string;
  readonly entry: ProblemEntry;
  readonly fields: FieldError[];
  readonly newest: Newest | null;

  constructor(
    code: string,
    entry: ProblemEntry,
    detail?: string,
    fields: FieldError[] = [],
    newest: Newest | null = null,
  ) {
    super(detail ?? entry.title);
    this.code = code;
    this.entry = entry;
    this.fields = fields;
    this.newest = newest;
  }
}

/** The problem of `code` in a slice's catalogue. `detail` says what is particular to this case, `fields` which ones it is about. */
export function problem<C extends ProblemCatalogue>(
  catalogue: C,
  code: keyof C & string,
  detail?: string,
  fields?: FieldError[],
): Problem {
  const entry = catalogue[code];
  if (entry === undefined) throw new TypeError(`no problem ${code}`);
  return new Problem(code, entry, detail, fields);
}
