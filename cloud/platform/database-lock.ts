import type pg from "pg";
import { StartError } from "./config.ts";
import type { Database } from "./database.ts";

/** The same number in every Hearth: one installation, one service, one lock. */
const serviceLock = 4_711_000;

/**
 * Takes the database for this service with a session's advisory lock, which ends with its connection.
 *
 * @returns a function that gives it back
 * @throws StartError naming the process that holds it
 */
export async function lockDatabase(database: Database): Promise<() => Promise<void>> {
  const client = await database.connect();
  await client.query(`SET application_name = 'hearth pid ${process.pid}'`);
  // A session that only holds a lock must not be ended for being idle.
  const { rows } = await client.query<{ locked: boolean }>("SELECT pg_try_advisory_lock($1) AS locked", [serviceLock]);
  if (rows[0]?.locked === true) return () => client.end();
  const holder = await holderOf(client);
  await client.end();
  throw new StartError(
    `The database is in use by another Hearth (${holder}): stop that one, or set DATABASE_URL or HEARTH_DATA_DIR to another database.`,
  );
}

async function holderOf(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT a.application_name AS name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.objid = $1 AND l.granted`,
    [serviceLock],
  );
  return rows[0]?.name.replace("hearth ", "") ?? "unknown";
}
