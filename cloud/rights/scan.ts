import { type RawBuilder, sql } from "kysely";
import { type Db, inStatementTime } from "../platform/database.ts";
import type { Scan } from "./core/report.ts";

/** The word to other systems that this household is erased: it reaches them for as long as the outbox keeps anything. */
const erasedWord = sql`t.type = 'hearth.household.erased'`;

/** Rows in which ids may stay, which stand for nobody any more. E-mail addresses may stay in none. */
const keptById: ReadonlyMap<string, RawBuilder<unknown>> = new Map([
  // Who did what: each line's hash covers the line before, so that none can be taken out.
  ["audit_entry", sql`true`],
  ["outbox", erasedWord],
  ["webhook_delivery", erasedWord],
]);

/**
 * Looks for texts in every table that the catalogue knows and that can hold a text, partitions too: a table that is new is looked
 * through like all others.
 *
 * @param ids of the household and its people: these may stay where `keptById` says so
 * @param words e-mail addresses and the like: these may stay nowhere
 */
export async function scanTables(
  db: Db,
  { ids, words }: { ids: readonly string[]; words: readonly string[] },
  nowMs: number,
  statementMsMax = 30_000,
): Promise<Omit<Scan, "elsewhere">> {
  const { rows: tables } = await sql<{ name: string }>`
    SELECT c.relname AS name FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND EXISTS (
      SELECT FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND (
        t.typname IN ('text', 'varchar', 'uuid', 'json', 'jsonb', 'bytea', '_text', '_uuid', '_jsonb')))
    ORDER BY c.relname`.execute(db);
  const found: Scan["found"] = [];
  const notLookedThrough: string[] = [];
  for (const { name } of tables) {
    const kept = keptById.get(name) ?? sql`false`;
    const counted = await inStatementTime(db, statementMsMax, (tx) =>
      sql<{ count: number }>`
        SELECT count(*) AS count FROM ${sql.table(name)} AS t
        WHERE t::text ILIKE ANY(${words.flatMap(patterns)}) OR (t::text ILIKE ANY(${ids.flatMap(patterns)}) AND NOT ${kept})`.execute(
        tx,
      ),
    );
    const rows = counted?.rows[0]?.count;
    if (rows === undefined) notLookedThrough.push(name);
    else if (rows > 0) found.push({ table: name, rows });
  }
  return { atMs: nowMs, tables: tables.length, notLookedThrough, found };
}

/** As it is, and as bytes are written. */
const patterns = (text: string) => [
  `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`,
  `%${Buffer.from(text).toString("hex")}%`,
];
