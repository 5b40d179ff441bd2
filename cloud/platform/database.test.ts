import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { contested, type Db, doLast, transaction } from "./database.ts";

let base: TestDatabase;

beforeAll(async () => {
  base = await createTestDatabase();
  await sql`CREATE TABLE account (id int PRIMARY KEY, balance int NOT NULL)`.execute(base.db);
  await sql`INSERT INTO account VALUES (1, 0), (2, 0)`.execute(base.db);
});
afterAll(() => base.drop());

const add = (tx: Db, id: number) => sql`UPDATE account SET balance = balance + 1 WHERE id = ${id}`.execute(tx);

test("of two who wait for each other both come through, each once", async () => {
  let tries = 0;
  const met = Promise.withResolvers<void>();
  const pay = (from: number, to: number) =>
    contested(base.db, async (tx) => {
      tries += 1;
      await add(tx, from);
      if (tries === 2) met.resolve();
      await met.promise;
      await add(tx, to);
    });
  await Promise.all([pay(1, 2), pay(2, 1)]);
  // Who was sent away may meet the other once more.
  expect(tries).toBeGreaterThanOrEqual(3);
  const { rows } = await sql`SELECT balance FROM account ORDER BY id`.execute(base.db);
  expect(rows).toEqual([{ balance: 2 }, { balance: 2 }]);
});

test("what cannot be done is not tried again, and what is always sent away ends", async () => {
  let tries = 0;
  const fail = (code: string) =>
    contested(base.db, async (tx) => {
      tries += 1;
      await sql.raw(`DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '${code}'; END $$`).execute(tx);
    });
  await expect(fail("23505")).rejects.toThrow("no");
  expect(tries).toBe(1);
  await expect(fail("40P01")).rejects.toThrow("no");
  expect(tries).toBe(4);
});

test("what is left for the end of a transaction is inside it, behind everything else, and gone where it fails", async () => {
  const order: string[] = [];
  const late = (tx: Db) => async () => {
    order.push("last");
    await add(tx, 1);
  };
  const before = await balances();
  await transaction(base.db, async (tx) => {
    expect(doLast(tx, late(tx))).toBe(true);
    // Whoever is called with the transaction is in it, and ends nothing.
    await transaction(tx, async () => void order.push("within"));
    order.push("work");
  });
  expect(order).toEqual(["within", "work", "last"]);
  expect(await balances()).toEqual([(before[0] ?? 0) + 1, before[1]]);
  const failing = transaction(base.db, async (tx) => {
    doLast(tx, late(tx));
    doLast(tx, () => Promise.reject(new Error("no")));
  });
  await expect(failing).rejects.toThrow("no");
  expect(await balances()).toEqual([(before[0] ?? 0) + 1, before[1]]);
  expect(doLast(base.db, async () => {})).toBe(false);
});

async function balances(): Promise<number[]> {
  const { rows } = await sql<{ balance: number }>`SELECT balance FROM account ORDER BY id`.execute(base.db);
  return rows.map(({ balance }) => balance);
}

test("however many transactions there are at once, one that asks something outside of itself has its answer", async () => {
  const asks = Array.from({ length: 100 }, (_, id) =>
    transaction(base.db, async (tx) => {
      await sql`SELECT pg_sleep(0.01)`.execute(tx);
      const { rows } = await sql<{ id: number }>`SELECT ${id}::int AS id FROM account WHERE id = 1`.execute(base.db);
      return rows[0]?.id;
    }),
  );
  expect(await Promise.all(asks)).toEqual(asks.map((_, id) => id));
});
