import { hostname } from "node:os";
import type pg from "pg";
import { sleep } from "./clock.ts";
import { StartError } from "./config.ts";
import type { Database } from "./database.ts";

/** The same number in every Hearth: one installation, one service, one lock. */
const serviceLock = 4_711_000;
const retryMs = 500;

/** Containers all count from pid 1, so that the host is named too. PostgreSQL takes 63 bytes of it. */
const ownName = `pid ${process.pid} on ${hostname()}`.slice(0, 63);

/**
 * Takes the database for this service with a session's advisory lock, which ends with its connection: after the database was away it
 * is taken again.
 *
 * @param onLost another Hearth has taken the database meanwhile, and this one must end; told at most once, with the reason
 * @returns a function that gives it back
 * @throws StartError naming the process that holds it
 */
export async function lockDatabase(database: Database, onLost: (reason: string) => void): Promise<() => Promise<void>> {
  let released = false;
  let client = await database.connect();
  const holder = await tryLock(client);
  if (holder !== null) {
    await client.end();
    throw new StartError(
      `The database is in use by another Hearth (${holder}): stop that one, or set DATABASE_URL or HEARTH_DATA_DIR to another database.`,
    );
  }
  const lockAgain = async (): Promise<void> => {
    for (;;) {
      await sleep(retryMs);
      if (released) return;
      const fresh = await database.connect().catch(() => null);
      // Undefined: it is not there to ask.
      const other = fresh === null ? undefined : await tryLock(fresh).catch(() => undefined);
      if (other === null && fresh !== null) return hold(fresh);
      await fresh?.end().catch(() => {});
      // A session of our own may outlive its connection for a while on the server's side.
      if (other !== undefined && other !== null && other !== ownName && !released)
        return onLost(`another Hearth (${other}) has taken the database`);
    }
  };
  const hold = (locked: pg.Client): void => {
    client = locked;
    locked.once("end", () => void lockAgain());
    if (released) void locked.end();
  };
  hold(client);
  return async () => {
    released = true;
    await client.end();
  };
}

/** Null where the lock is ours now, otherwise the name of who has it. */
async function tryLock(client: pg.Client): Promise<string | null> {
  await client.query("SELECT set_config('application_name', $1, false)", [ownName]);
  const { rows } = await client.query<{ locked: boolean }>("SELECT pg_try_advisory_lock($1) AS locked", [serviceLock]);
  return rows[0]?.locked === true ? null : holderOf(client);
}

async function holderOf(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT a.application_name AS name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.objid = $1 AND l.granted AND a.datname = current_database()`,
    [serviceLock],
  );
  return rows[0]?.name ?? "unknown";
}
