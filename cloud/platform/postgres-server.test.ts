import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "../../test/support/service-process.ts";
import { Database } from "./database.ts";
import { createLogger } from "./logger.ts";
import { PostgresServer } from "./postgres-server.ts";

let dataDir: string;
let server: PostgresServer;
const gone: string[] = [];

const open = () => new Database({ connection: server.connection, connectionsMax: 4, onError() {} });

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "hearth-pg-test-"));
  await chmod(dataDir, 0o755);
  server = await PostgresServer.start(dataDir, createLogger("silent"), (reason) => gone.push(reason));
});
afterAll(async () => {
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
});

test("text is UTF-8 and what is committed is flushed", async () => {
  const database = open();
  const { rows } = await sql<{ encoding: string; fsync: string; commit: string }>`
    SELECT current_setting('server_encoding') AS encoding, current_setting('fsync') AS fsync,
           current_setting('synchronous_commit') AS commit`.execute(database.db);
  expect(rows[0]).toEqual({ encoding: "UTF8", fsync: "on", commit: "on" });
  await database.close();
});

test("a server killed under a busy query is started again with what was committed", async () => {
  const database = open();
  await sql`CREATE TABLE kept (n int)`.execute(database.db);
  await sql`INSERT INTO kept VALUES (1)`.execute(database.db);
  const busy = sql`SELECT pg_sleep(30)`.execute(database.db).then(
    () => "answered",
    () => "cut",
  );
  await until("the query is under way", async () => {
    const { rows } =
      await sql`SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'`.execute(
        database.db,
      );
    return rows.length > 0;
  });
  const killed = server.pid;
  process.kill(killed ?? 0, "SIGKILL");
  await until(
    "the server is back with its data",
    async () =>
      server.pid !== killed &&
      (await sql`SELECT n FROM kept`.execute(database.db).then(
        ({ rows }) => rows.length === 1,
        () => false,
      )),
  );
  expect(await busy).toBe("cut");
  expect(gone).toEqual([]);
  await database.close();
});
