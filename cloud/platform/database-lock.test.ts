import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { until } from "../../test/support/service-process.ts";
import { lockDatabase } from "./database-lock.ts";

let base: TestDatabase;
beforeAll(async () => {
  base = await createTestDatabase();
});
afterAll(() => base.drop());

const refusal = (): Promise<string> =>
  lockDatabase(base.database, () => {}).then(
    async (release) => release().then(() => "taken"),
    (error: Error) => error.message,
  );

/** Ends the sessions that hold the lock, as a server that goes down does. */
async function endHolders(): Promise<void> {
  const client = new pg.Client(base.connection);
  await client.connect();
  await client.query(
    `SELECT pg_terminate_backend(l.pid, 5000) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND a.datname = current_database()`,
  );
  await client.end();
}

test("a second Hearth is refused with the name of the first, and let in once that has gone", async () => {
  const release = await lockDatabase(base.database, () => {});
  expect(await refusal()).toContain(`another Hearth (pid ${process.pid} on `);
  await release();
  expect(await refusal()).toBe("taken");
});

test("the lock is taken again after the database was away", async () => {
  const lost: string[] = [];
  const release = await lockDatabase(base.database, (reason) => lost.push(reason));
  const sessions = async () => {
    const { rows } = await base.database.connect().then(async (client) => {
      const found = await client.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM pg_locks l JOIN pg_stat_activity a USING (pid)
         WHERE l.locktype = 'advisory' AND a.datname = current_database()`,
      );
      await client.end();
      return found;
    });
    return rows[0]?.n;
  };
  await endHolders();
  await until("one session is there", async () => (await sessions()) === 1);
  expect(await refusal()).toContain("another Hearth");
  expect(lost).toEqual([]);
  await release();
  await until("no session is left", async () => (await sessions()) === 0);
});

test("who finds the lock taken by another when the database is back is told so", async () => {
  const lost: string[] = [];
  const release = await lockDatabase(base.database, (reason) => lost.push(reason));
  const other = new pg.Client({ ...base.connection, application_name: "pid 7 on another-host" });
  await other.connect();
  await endHolders();
  await other.query("SELECT pg_advisory_lock(4711000)");
  await until("the lock is told as lost", () => lost.length > 0);
  expect(lost).toEqual(["another Hearth (pid 7 on another-host) has taken the database"]);
  await release();
  await other.end();
});
