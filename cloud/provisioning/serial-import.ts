import { batchKey, serialNumber } from "#protocol/provisioning.ts";
import { modelKey } from "#protocol/ids.ts";
import type { Readable } from "node:stream";
import { z } from "zod";
import { country, tags } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { Audit, Principal } from "../staff/staff.ts";
import { BatchesStore } from "./batches-store.ts";
import { type Delimiter, delimiterOf, fieldsOf, type Line, LineCutter } from "./core/csv-lines.ts";
import { type MadeLine, SerialsStore } from "./serials-store.ts";

export interface LineError {
  /** From 1, the header row's. */
  line: number;
  /** `line` where it is not one field's fault. */
  field: "line" | Column;
  message: string;
}

export interface ImportReport {
  imported: number;
  /** Serial numbers that were there already, of the same batch. */
  unchanged: number;
  /** The first of the lines that were not imported, in their order. */
  errors: LineError[];
  /** How many more there are. */
  errorsMore: number;
}

export type ImportOutcome =
  | ({ kind: "imported" } & ImportReport)
  | { kind: "refused"; rule: "csv_header_wrong" | "import_too_large" | "import_running"; detail: string };

export interface ImportLimits {
  lineLengthMax: number;
  linesMax: number;
  bytesMax: number;
  /** Stored in one transaction. */
  linesPerChunk: number;
  errorsMax: number;
}

export const importLimits: ImportLimits = {
  lineLengthMax: 500,
  linesMax: 5_000_000,
  bytesMax: 1_073_741_824,
  linesPerChunk: 5_000,
  errorsMax: 1_000,
};

const required = ["serial", "model", "batch"] as const;
/** What may be left out, as a column or in a line. Tags are set apart by spaces. */
const optional = ["country", "tags"] as const;
const columns = [...required, ...optional];
type Column = (typeof columns)[number];
type Fields = Record<Column, string>;

const tagsOf = (field: string): string[] => [...new Set(field.split(" ").filter((tag) => tag !== ""))].toSorted();

interface ReadLine {
  line: number;
  fields: Fields;
}

const shapes = {
  serial: serialNumber,
  model: modelKey,
  batch: batchKey,
  country: country.or(z.literal("")),
  tags: z.string().transform(tagsOf).pipe(tags),
};

export interface SerialImportDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  limits?: Partial<ImportLimits>;
}

/** Takes tables of manufactured serial numbers as they stream in: no more of one is in memory than a chunk. */
export class SerialImport {
  readonly #deps: SerialImportDeps;
  readonly #limits: ImportLimits;
  #isRunning = false;

  constructor(deps: SerialImportDeps) {
    this.#deps = deps;
    this.#limits = { ...importLimits, ...deps.limits };
  }

  /**
   * Imports a table. What is right in it is stored, a chunk at a time, whatever else is in it; the same table again changes nothing.
   *
   * @param stream UTF-8; read no faster than the database takes it
   * @throws where the stream or the database breaks; whole chunks stay stored
   */
  async run(by: Principal, stream: Readable): Promise<ImportOutcome> {
    if (this.#isRunning) return { kind: "refused", rule: "import_running", detail: "One import runs at a time." };
    this.#isRunning = true;
    try {
      return await new Run(by, this.#deps, this.#limits).read(stream);
    } finally {
      this.#isRunning = false;
    }
  }
}

/** One table on its way. */
class Run {
  readonly #by: Principal;
  readonly #deps: SerialImportDeps;
  readonly #limits: ImportLimits;
  readonly #id: string;
  readonly #batches = new BatchesStore();
  readonly #serials = new SerialsStore();
  readonly #report: ImportReport = { imported: 0, unchanged: 0, errors: [], errorsMore: 0 };
  #header: { order: Column[]; delimiter: Delimiter } | null = null;
  #chunk: ReadLine[] = [];

  constructor(by: Principal, deps: SerialImportDeps, limits: ImportLimits) {
    this.#by = by;
    this.#deps = deps;
    this.#limits = limits;
    this.#id = deps.ids.next();
  }

  async read(stream: Readable): Promise<ImportOutcome> {
    const { bytesMax, lineLengthMax } = this.#limits;
    const decoder = new TextDecoder();
    const cutter = new LineCutter(lineLengthMax);
    let bytes = 0;
    // Not destroyed when left early: the answer to the sender goes over the same socket.
    for await (const piece of stream.iterator({ destroyOnReturn: false })) {
      if (!Buffer.isBuffer(piece)) throw new TypeError("a table is a stream of bytes");
      bytes += piece.length;
      if (bytes > bytesMax) return this.#tooLarge(`The table is longer than ${bytesMax} bytes.`);
      const refusal = await this.#take(cutter.cut(decoder.decode(piece, { stream: true })));
      if (refusal !== null) return refusal;
    }
    const refusal = await this.#take([...cutter.cut(decoder.decode()), ...cutter.end()]);
    if (refusal !== null) return refusal;
    if (this.#header === null) return headerWrong("The table is empty.");
    await this.#store();
    return { kind: "imported", ...this.#report };
  }

  async #take(lines: readonly Line[]): Promise<ImportOutcome | null> {
    const { linesMax, linesPerChunk } = this.#limits;
    for (const { number, text } of lines) {
      if (number > linesMax) return this.#tooLarge(`The table has more than ${linesMax} lines.`);
      if (this.#header === null) {
        const refusal = this.#takeHeader(text ?? "");
        if (refusal !== null) return refusal;
      } else if (text !== "") {
        this.#takeLine(this.#header, number, text);
      }
      if (this.#chunk.length >= linesPerChunk) await this.#store();
    }
    return null;
  }

  async #tooLarge(why: string): Promise<ImportOutcome> {
    await this.#store();
    const { imported, unchanged, errors, errorsMore } = this.#report;
    const wrong = errors.length + errorsMore;
    const detail = `${why} Imported before that: ${imported}, unchanged: ${unchanged}, wrong: ${wrong}.`;
    return { kind: "refused", rule: "import_too_large", detail };
  }

  #takeHeader(text: string): ImportOutcome | null {
    const delimiter = delimiterOf(text);
    const names = fieldsOf(text, delimiter)?.map((name) => name.toLowerCase()) ?? [];
    const order = names.flatMap((name) => columns.find((column) => column === name) ?? []);
    const isWhole = required.every((column) => order.includes(column));
    if (order.length !== names.length || new Set(order).size !== order.length || !isWhole) {
      return headerWrong(`The first line is '${text.slice(0, 100)}'.`);
    }
    this.#header = { order, delimiter };
    return null;
  }

  #takeLine({ order, delimiter }: { order: Column[]; delimiter: Delimiter }, line: number, text: string | null): void {
    if (text === null) return this.#wrong(line, "line", `is longer than ${this.#limits.lineLengthMax} characters`);
    const values = fieldsOf(text, delimiter);
    if (values === null) return this.#wrong(line, "line", "has quotes that do not fit together");
    if (values.length !== order.length) {
      return this.#wrong(line, "line", `has ${values.length} fields in place of ${order.length}`);
    }
    const fields: Fields = { serial: "", model: "", batch: "", country: "", tags: "" };
    for (const [at, column] of order.entries()) fields[column] = values[at] ?? "";
    for (const column of columns) {
      const { error } = shapes[column].safeParse(fields[column]);
      if (error !== undefined) return this.#wrong(line, column, error.issues[0]?.message ?? "is not valid");
    }
    this.#chunk.push({ line, fields });
  }

  /** Stores what has gathered, in one transaction. */
  async #store(): Promise<void> {
    const { db, clock, audit } = this.#deps;
    const chunk = this.#chunk;
    this.#chunk = [];
    if (chunk.length === 0) return;
    const models = await this.#batches.modelsOf(db, [...new Set(chunk.map(({ fields }) => fields.batch))]);
    const lines = this.#fitting(chunk, models);
    const { imported, strangers } = await transaction(db, async (tx) => {
      const stored = await this.#serials.store(tx, lines, clock.nowMs());
      const batches = [...new Set(lines.map(({ batch }) => batch))].slice(0, 20);
      if (stored.imported > 0) {
        await audit.record(tx, {
          principal: this.#by,
          action: "serials.imported",
          subject: `import:${this.#id}`,
          after: { count: stored.imported, batches },
        });
      }
      return stored;
    });
    this.#report.imported += imported;
    this.#report.unchanged += lines.length - imported - strangers.length;
    for (const { line, batch } of strangers)
      this.#wrong(line, "batch", `the serial number is of batch ${batch} already`);
    this.#report.errors.sort((a, b) => a.line - b.line);
  }

  /** Lines that agree with their batch and with one another; the others are reported. */
  #fitting(chunk: readonly ReadLine[], models: ReadonlyMap<string, string>): MadeLine[] {
    const fitting = new Map<string, MadeLine>();
    for (const { line, fields } of chunk) {
      const { serial, batch } = fields;
      const model = models.get(batch);
      const before = fitting.get(serial);
      if (model === undefined) this.#wrong(line, "batch", `there is no batch ${batch}`);
      else if (model !== fields.model) this.#wrong(line, "model", `batch ${batch} is of model ${model}`);
      else if (before === undefined) fitting.set(serial, madeLine(line, fields));
      else if (before.batch === batch) this.#report.unchanged += 1;
      else this.#wrong(line, "batch", `line ${before.line} has the serial number in batch ${before.batch}`);
    }
    return [...fitting.values()];
  }

  #wrong(line: number, field: LineError["field"], message: string): void {
    const { errors } = this.#report;
    if (errors.length < this.#limits.errorsMax) errors.push({ line, field, message });
    else this.#report.errorsMore += 1;
  }
}

const madeLine = (line: number, { serial, batch, country: where, tags: marks }: Fields): MadeLine => ({
  line,
  serial,
  batch,
  country: where === "" ? null : where,
  tags: tagsOf(marks),
});

const headerWrong = (detail: string): ImportOutcome => ({ kind: "refused", rule: "csv_header_wrong", detail });
