import { sql } from "kysely";
import { type Db, transaction } from "../platform/database.ts";
import type { Household } from "./core/household.ts";

/** Who holds something back while it is quiet. */
const hoursReaders = ["decisions", "letters", "displays", "questions"] as const;
export type HoursReader = (typeof hoursReaders)[number];

/** Households that one look of a reader takes. */
const takenAtOnce = 1_000;

/** Whether it is quiet at other moments than before. */
export const keepsOtherHours = (before: Household, after: Household): boolean =>
  JSON.stringify(quietOf(before)) !== JSON.stringify(quietOf(after));

/** In the order that the schema names them, whatever order they are kept in. */
function quietOf({ channels: { quiet }, timeZone }: Household) {
  return quiet === null ? null : [quiet.fromMinute, quiet.toMinute, quiet.meanwhile, timeZone];
}

/**
 * Households that keep other quiet hours than before. Each reader takes them when it holds nothing in its hands, so that what it held by
 * the old hours is there to be found.
 */
export class HoursChanges {
  /** Notes it for every reader, in the transaction that changes it. */
  async note(tx: Db, householdIds: readonly string[]): Promise<void> {
    await sql`
      INSERT INTO household_hours_changed (reader, household_id)
      SELECT reader, id FROM unnest(${[...hoursReaders]}::text[]) AS reader, unnest(${[...householdIds]}::uuid[]) AS id ORDER BY 1, 2
      ON CONFLICT DO NOTHING`.execute(tx);
  }

  /**
   * Has a reader look again at what it holds for some of them, in one transaction: they come back where it does not go through.
   *
   * @returns what the look came to; null where there was nobody to look at
   */
  take<R>(
    db: Db,
    reader: HoursReader,
    lookAgain: (tx: Db, householdIds: readonly string[]) => Promise<R>,
  ): Promise<R | null> {
    return transaction(db, async (tx) => {
      const { rows } = await sql<{ household_id: string }>`
        DELETE FROM household_hours_changed WHERE reader = ${reader} AND household_id IN (
          SELECT household_id FROM household_hours_changed WHERE reader = ${reader}
          ORDER BY household_id LIMIT ${takenAtOnce} FOR UPDATE SKIP LOCKED)
        RETURNING household_id`.execute(tx);
      return rows.length === 0
        ? null
        : lookAgain(
            tx,
            rows.map((row) => row.household_id),
          );
    });
  }
}
