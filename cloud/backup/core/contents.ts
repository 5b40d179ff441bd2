/**
 * What a backup is: a tar archive, compressed with zstd, whose entries come in this order.
 *
 *   hearth.json                what it is, and how the database is built
 *   tables/<name>/<part>       rows as PostgreSQL's COPY writes them, in parts that are one text when put together
 *   files/<path>               the data folder: keys, certificates, images
 *   spool/<path>               the gateway's stores, as they were before the rows were read
 *   end.json                   how many rows and bytes there are, and their hashes: without it a backup is not whole
 */
import { z } from "zod";

export const headName = "hearth.json";
export const endName = "end.json";

const column = z.string();

export const head = z.strictObject({
  format: z.literal(1),
  madeAtMs: z.number(),
  /** In the order in which they run. */
  migrations: z.array(z.string()),
  tables: z.array(z.strictObject({ name: z.string(), columns: z.array(column) })),
  partitions: z.array(z.strictObject({ name: z.string(), of: z.string(), bound: z.string() })),
  sequences: z.array(z.strictObject({ name: z.string(), value: z.number(), isCalled: z.boolean() })),
});
export type Head = z.infer<typeof head>;

export const end = z.strictObject({
  tables: z.record(z.string(), z.strictObject({ rows: z.number(), bytes: z.number(), sha256: z.string() })),
  files: z.record(z.string(), z.strictObject({ bytes: z.number(), sha256: z.string() })),
});
export type End = z.infer<typeof end>;

/** The entry of a table's part, by number from 0. */
export const partName = (table: string, part: number): string => `tables/${table}/${String(part).padStart(6, "0")}`;

/** The table that an entry belongs to, or null. */
export function tableOf(entry: string): string | null {
  return /^tables\/([a-z0-9_]+)\/\d{6,}$/.exec(entry)?.[1] ?? null;
}

/**
 * Where a file of a backup goes, from the data folder; null where it is no such file, or would go anywhere else.
 *
 * @param entry `files/…` or `spool/…`
 */
export function placeOf(entry: string): string | null {
  const [kind, ...parts] = entry.split("/");
  if (parts.length === 0 || parts.some((part) => part === "" || part === "." || part === "..")) return null;
  if (kind === "files") return parts.join("/");
  return kind === "spool" ? entry : null;
}

/** Whether something in the data folder belongs to this machine or this run, and not to the installation. */
export const isOfThisRun = (name: string): boolean =>
  /^(postgres(\.new-.*|\.password)?|spool|hearth\.lock.*|.*\.new)$/.test(name);
