/** A service that is killed in the middle of a transaction, at a place that a test names. */
import { databaseOf, type RunningService, stopServiceProcess, until } from "./service-process.ts";

/** Kills the service while it waits to add rows to a table: what it wrote before, in the same transaction, is written and not committed. */
export async function killBeforeAdding(
  service: RunningService,
  table: string,
  begin: () => Promise<void>,
): Promise<void> {
  const client = await databaseOf(service.dataDir);
  try {
    await client.query(`BEGIN; LOCK TABLE ${table} IN SHARE MODE`);
    await begin();
    await until(`it waits to add to ${table}`, async () => {
      // Within a transaction who does what is looked up once.
      await client.query("SELECT pg_stat_clear_snapshot()");
      const { rows } = await client.query(
        `SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid)
         WHERE l.relation = $1::regclass AND l.mode = 'RowExclusiveLock' AND NOT l.granted AND a.query ~* ('insert into ' || $1 || '\\M')`,
        [table],
      );
      return rows.length > 0;
    });
    await stopServiceProcess(service, "SIGKILL");
  } finally {
    await client.end().catch(() => {});
  }
}
