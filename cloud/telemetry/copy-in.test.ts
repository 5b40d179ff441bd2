import { afterAll, expect, test } from "vitest";
import { createTestDatabase } from "../../test/support/postgres.ts";
import { copyIn } from "./copy-in.ts";

const base = await createTestDatabase();
const client = await base.database.connect();
await client.query("CREATE TEMP TABLE copied (n int PRIMARY KEY)");
afterAll(async () => {
  await client.end();
  await base.drop();
});

const copied = async () =>
  (await client.query<{ n: number }>("SELECT n FROM copied ORDER BY n")).rows.map(({ n }) => n);
/** Far more than the socket takes at once. */
const manyRows = Buffer.from(Array.from({ length: 200_000 }, (_, n) => `${n}\n`).join(""));

test("rows that the server does not want are dropped, whichever statement failed, and the connection goes on", async () => {
  const begin = "BEGIN; INSERT INTO copied VALUES (7); SAVEPOINT before; ";
  await expect(copyIn(client, `${begin}COPY copied FROM STDIN`, manyRows)).rejects.toMatchObject({ code: "23505" });
  await client.query("ROLLBACK TO SAVEPOINT before");
  expect(await copied()).toEqual([7]);
  await expect(copyIn(client, "SELECT 1 / 0; COPY copied FROM STDIN", manyRows)).rejects.toMatchObject({
    code: "22012",
  });
  await client.query("ROLLBACK");
  await expect(copyIn(client, "COPY copied FORM STDIN", manyRows)).rejects.toMatchObject({ code: "42601" });
  await copyIn(client, "SELECT 1; COPY copied FROM STDIN", Buffer.from("1\n2\n"));
  expect(await copied()).toEqual([1, 2]);
});

test("whoever waits for an answer is told that the connection ended under the rows", async () => {
  const other = await base.database.connect();
  const { rows } = await other.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  const sleeping = copyIn(other, "SELECT pg_sleep(30); COPY copied FROM STDIN", manyRows);
  const told = sleeping.then(
    () => "stored",
    (error: unknown) => error,
  );
  await client.query("SELECT pg_terminate_backend($1)", [rows[0]?.pid]);
  // What the server said last, or that the socket broke under what was still being written.
  expect(await told).toBeInstanceOf(Error);
  await expect(copyIn(other, "COPY copied FROM STDIN", manyRows)).rejects.toBeInstanceOf(Error);
});
