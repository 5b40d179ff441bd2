import { appendFile, readFile } from "node:fs/promises";
import { z } from "zod";

const entry = z.strictObject({
  /** Of the erasure. */
  id: z.uuid(),
  atMs: z.number(),
  /** Of the code with which the person reads the report. */
  codeSha256: z.hex(),
  /** Keyed hashes of the household's id, and of what was part of it. */
  households: z.array(z.hex()).min(1),
});
export type ErasedEntry = z.infer<typeof entry>;

/**
 * Who was erased, in a file beside the database: a backup that is restored brings them back, and knows nothing of their erasure. A line of
 * JSON each, only ever added; none names anybody to whom the installation's secret is not known too.
 */
export class ErasedList {
  readonly #path: string;
  readonly #onDamaged: (line: number) => void;

  /** @param onDamaged hears of a line that cannot be read: a crash may have cut the last one short */
  constructor(path: string, onDamaged: (line: number) => void) {
    this.#path = path;
    this.#onDamaged = onDamaged;
  }

  async read(): Promise<Map<string, ErasedEntry>> {
    const text = await readFile(this.#path, "utf8").catch((error: unknown) => {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
      throw error;
    });
    const entries = new Map<string, ErasedEntry>();
    for (const [at, line] of text.split("\n").entries()) {
      if (line === "") continue;
      const read = parsed(line);
      if (read === null) this.#onDamaged(at + 1);
      // The first word on an erasure names everything that it took along.
      else if (!entries.has(read.id)) entries.set(read.id, read);
    }
    return entries;
  }

  /** Returns once they would survive a power failure. */
  async add(entries: readonly ErasedEntry[]): Promise<void> {
    if (entries.length === 0) return;
    // Begins with a line's end, since the line before may be cut short.
    const text = entries.map((one) => `\n${JSON.stringify(one)}`).join("");
    await appendFile(this.#path, `${text}\n`, { mode: 0o600, flush: true });
  }
}

function parsed(line: string): ErasedEntry | null {
  try {
    return entry.safeParse(JSON.parse(line)).data ?? null;
  } catch {
    return null;
  }
}
