/** Whose fault it is when a question to the database fails. */
import { isDatabaseAnswer, sqlState } from "../platform/database.ts";

/** The connection is gone, so nothing can be said about the batch. */
export class DatabaseAway extends Error {
  override name = "DatabaseAway";
}

/**
 * Whether an error is the database's condition and not the batch's fault: connection (08, 57), resources (53, 58), conflicts with
 * others (40), a lock that was not to be had (55).
 */
export const isPassing = (error: unknown): boolean =>
  error instanceof DatabaseAway || /^(08...|40...|53...|55...|57P..|58...)$/.test(sqlState(error) ?? "");

/** Runs a question to the database. An error that is not PostgreSQL's own answer means that nobody answered. */
export async function asking<T>(question: () => Promise<T>): Promise<T> {
  try {
    return await question();
  } catch (error) {
    if (isDatabaseAnswer(error)) throw error;
    throw new DatabaseAway(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
