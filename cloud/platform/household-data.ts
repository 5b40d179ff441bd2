import type { Db } from "./database.ts";

/**
 * What one part of the service holds about households: listed for the export, and erased with the household. Each slice with personal
 * rows offers one for each kind of row that an owner would know by a name of its own.
 */
export interface HouseholdData {
  /** Names the file in the export and the line in the report of an erasure: lower case, with `_`. */
  name: string;
  /** What it is, in a sentence that an owner understands. */
  describes: string;
  /** Computed by the service about the household (scores, stages, decisions), and not what the household or its appliances said. */
  isDerived?: true;
  /** How long it is kept, in words; as long as the household where it is left out. */
  kept?: string;
  /** What of it stays without the person after the erasure, and why; nothing where it is left out. */
  keeps?: string;
  /** All of it, in an order that stays; names with their units, times in epoch milliseconds. Never the whole of it in memory. */
  rows(db: Db, householdId: string): AsyncIterable<object>;
  /** Removes it, within the erasure's transaction, in few statements. @returns how many rows are gone */
  erase(tx: Db, householdId: string): Promise<number>;
}

const pageRowsMax = 1_000;

/**
 * Reads page by page.
 *
 * @param page up to `limit` rows after `last`, in an order that stays; `last` is null at first
 */
export async function* pages<Row>(
  page: (last: Row | null, limit: number) => Promise<readonly Row[]>,
): AsyncGenerator<Row> {
  for (let last: Row | null = null; ;) {
    const rows: readonly Row[] = await page(last, pageRowsMax);
    yield* rows;
    if (rows.length < pageRowsMax) return;
    last = rows.at(-1) ?? null;
  }
}

/** Reads what a household has little of: all of it at once. */
export async function* few<Row>(read: () => Promise<readonly Row[]>): AsyncGenerator<Row> {
  yield* await read();
}
