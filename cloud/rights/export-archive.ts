import { once } from "node:events";
import type { Readable } from "node:stream";
import { createGzip } from "node:zlib";
import { pack, type Pack } from "tar-stream";
import type { Db } from "../platform/database.ts";
import type { HouseholdData } from "../platform/household-data.ts";
import { csvOf } from "./core/csv.ts";

export type ExportFormat = "json" | "csv";

/** A part is held in memory until its length is known, as a tar wants it. */
const partBytesMax = 2_097_152;
const partRowsMax = 20_000;

interface ExportDeps {
  db: Db;
  data: readonly HouseholdData[];
  /** The household, and what became part of it. */
  parts: readonly string[];
  format: ExportFormat;
  sheet: object;
  onError: (error: unknown) => void;
}

/**
 * Everything about a household as a `.tar.gz`, made as it is read: whoever reads slowly holds one part. `said/` is what people and
 * appliances said and did, `derived/` what was computed from it.
 */
export function exportArchive(deps: ExportDeps): Readable {
  const tar = pack();
  const out = createGzip();
  tar.pipe(out);
  // Whoever goes away ends the work; an archive that cannot be finished ends without its end, and no reader takes it for whole.
  out.once("close", () => tar.destroy());
  void fill(tar, deps).catch((error: unknown) => {
    if (!out.destroyed) deps.onError(error);
    out.destroy();
  });
  return out;
}

async function fill(tar: Pack, { db, data, parts, format, sheet }: ExportDeps): Promise<void> {
  const gone = once(tar, "close").then(() => {
    throw new Error("the reader has gone");
  });
  // Whoever waits for an entry hears of it; between two nobody does.
  gone.catch(() => {});
  const add = (name: string, text: string) => Promise.race([addEntry(tar, name, text), gone]);
  await add("data-sheet.json", JSON.stringify(sheet, null, 2));
  const counts: Record<string, number> = {};
  for (const one of data) {
    const folder = one.isDerived === true ? "derived" : "said";
    let [rows, bytes, part, total]: [object[], number, number, number] = [[], 0, 1, 0];
    const end = async () => {
      const name = `${folder}/${one.name}${part === 1 ? "" : `-${part}`}.${format}`;
      await add(
        name,
        format === "json" ? `[\n${rows.map((row) => JSON.stringify(row)).join(",\n")}\n]\n` : csvOf(rows),
      );
      [rows, bytes, part] = [[], 0, part + 1];
    };
    for (const householdId of parts) {
      for await (const row of one.rows(db, householdId)) {
        rows.push(row);
        total += 1;
        bytes += JSON.stringify(row).length;
        if (bytes >= partBytesMax || rows.length >= partRowsMax) await end();
      }
    }
    if (rows.length > 0 || part === 1) await end();
    counts[`${folder}/${one.name}`] = total;
  }
  // Last, so that whoever has it has everything before it.
  await add("contents.json", JSON.stringify({ rows: counts }, null, 2));
  tar.finalize();
}

async function addEntry(tar: Pack, name: string, text: string): Promise<void> {
  const bytes = Buffer.from(text);
  const entry = tar.entry({ name, size: bytes.length });
  const taken = once(entry, "finish");
  entry.end(bytes);
  await taken;
}
