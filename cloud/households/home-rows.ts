import { sql } from "kysely";
import type { Db } from "../platform/database.ts";

/** What becomes of two households, as those hear it who keep something by household. */
export interface Merged {
  mergeId: string;
  from: string;
  into: string;
  atMs: number;
  /** `from`, and everything that had become part of it. */
  parts: readonly string[];
}

export interface Unmerged extends Merged {
  /** What stays part of `into`, and came to it directly: the earliest first. */
  staying: readonly Merged[];
}

/**
 * Rows of households that become one, and two again. A row's `household_id` is the household that stands for it, and its `home_id` the one
 * that it was first kept for; null where that is the same. Whose it is after any merge is taken back follows from its home and from what
 * that household is made of then, so that no row remembers the merges that moved it.
 *
 * @param identity the column that names a thing once within a household. What both have is the same thing, and stays with both.
 */
export async function moveRows(
  tx: Db,
  table: string,
  { from, into }: Pick<Merged, "from" | "into">,
  identity?: string,
): Promise<void> {
  const isNews =
    identity === undefined
      ? sql`true`
      : sql`NOT EXISTS (SELECT FROM ${sql.table(table)} o WHERE o.household_id = ${into} AND o.${sql.id(identity)} = r.${sql.id(identity)})`;
  await sql`
    UPDATE ${sql.table(table)} r SET household_id = ${into}, home_id = coalesce(r.home_id, r.household_id)
    WHERE r.household_id = ${from} AND ${isNews}`.execute(tx);
}

/** Gives back what `moveRows` moved, at whatever remove. */
export async function moveRowsBack(tx: Db, table: string, unmerged: Unmerged, identity?: string): Promise<void> {
  const { from, into, parts, staying } = unmerged;
  await sql`
    UPDATE ${sql.table(table)} SET household_id = ${from}
    WHERE household_id = ${into} AND home_id = ANY(${[...parts]}::uuid[])`.execute(tx);
  // What went may be what another of them has too, and kept because of it.
  if (identity !== undefined) for (const other of staying) await moveRows(tx, table, other, identity);
}
