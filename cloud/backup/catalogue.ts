/** How a database is built, from PostgreSQL's own catalogue: so that no table that somebody adds is ever left out. */
import type pg from "pg";
import type { Head } from "./core/contents.ts";

const inSchema = "relnamespace = 'public'::regnamespace";

/** Tables by name, without partitions, which their parents' rows bring along, and without what PostgreSQL computes itself. */
export async function tablesOf(client: pg.Client): Promise<Head["tables"]> {
  const { rows } = await client.query<{ name: string; columns: string[] }>(`
    SELECT c.relname AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    WHERE c.${inSchema} AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> 'migration'
    GROUP BY c.oid, c.relname ORDER BY c.relname`);
  return rows;
}

export async function partitionsOf(client: pg.Client): Promise<Head["partitions"]> {
  const { rows } = await client.query<Head["partitions"][number]>(`
    SELECT c.relname AS name, p.relname AS of, pg_get_expr(c.relpartbound, c.oid) AS bound
    FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid JOIN pg_class p ON p.oid = i.inhparent
    WHERE c.${inSchema} AND c.relispartition AND c.relkind = 'r' ORDER BY c.relname`);
  return rows;
}

export async function sequencesOf(client: pg.Client): Promise<Head["sequences"]> {
  const { rows: names } = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE ${inSchema} AND relkind = 'S' ORDER BY relname`,
  );
  const sequences: Head["sequences"] = [];
  for (const { name } of names) {
    const { rows } = await client.query<{ value: number; isCalled: boolean }>(
      `SELECT last_value AS value, is_called AS "isCalled" FROM ${quoted(name)}`,
    );
    for (const row of rows) sequences.push({ name, ...row });
  }
  return sequences;
}

export async function migrationsOf(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(`SELECT name FROM migration ORDER BY name COLLATE "C"`);
  return rows.map(({ name }) => name);
}

/** The rules between tables, each with what makes it again. */
export async function foreignKeysOf(client: pg.Client): Promise<{ table: string; name: string; definition: string }[]> {
  const { rows } = await client.query<{ table: string; name: string; definition: string }>(`
    SELECT t.relname AS table, k.conname AS name, pg_get_constraintdef(k.oid) AS definition
    FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid
    WHERE t.${inSchema} AND k.contype = 'f' AND k.conparentid = 0 ORDER BY 1, 2`);
  return rows;
}

/** Names as SQL takes them, whatever is in them. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
