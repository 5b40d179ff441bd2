/** `npm run ledger -- verify` as it is typed, on a ledger that holds and on one that somebody broke. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand } from "../../test/support/command.ts";
import { ledgerOfTests } from "../../test/support/ledger.ts";

const { database, home, give } = await ledgerOfTests();
const { db } = database;
let dataDir = "";

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "hearth-ledger-"));
});
afterAll(() => rm(dataDir, { recursive: true }));

function address(): string {
  const { host, port, user, password, database: name } = database.connection;
  // A folder of sockets cannot be a host of an address: it is a parameter.
  const query = new URLSearchParams({ host: String(host), port: String(port) });
  return `postgres://${user}:${encodeURIComponent(String(password))}@localhost/${name}?${query.toString()}`;
}

const verify = (more: readonly string[] = [], url = address()) =>
  runCommand(["cloud/cli/ledger.ts", "verify", ...more], { DATABASE_URL: url, HEARTH_DATA_DIR: dataDir });

const of = (id: string) => `; household ${id}, of which no name is kept`;

/** Writes a transfer once more, with other values: what no code of ours does, and a restore gone wrong might. */
const copy = (source: string, others: Record<string, unknown>) =>
  sql`
  INSERT INTO ledger_transfer OVERRIDING SYSTEM VALUE
  SELECT (jsonb_populate_record(t, ${JSON.stringify(others)}::jsonb
    || jsonb_build_object('id', gen_random_uuid(), 'sequence', (SELECT max(sequence) + 1 FROM ledger_transfer)))).*
  FROM ledger_transfer t WHERE source = ${source} LIMIT 1`.execute(db);

test("a ledger that holds ends with 0, and whatever is broken is named with its account or transfer, and whose it is, and ends with 1", async () => {
  // One of them has its name still.
  const nameOf = async (id: string, name: string) =>
    sql`INSERT INTO household (id, name, locale, time_zone, channels, created_at_ms)
      VALUES (${id}, ${name}, 'de-DE', 'Europe/Berlin', '{}', 0)`.execute(db);
  const [whole, twice, back, elsewhere, owes, lost] = [home(), home(), home(), home(), home(), home()];
  await nameOf(owes, "Huber");
  await give(whole, 10, 0);
  await give(twice, 10, 0, "twice");
  await give(back, 10, 0, "back");
  await give(elsewhere, 10, 0, "elsewhere");
  await give(owes, 10, 0);
  await give(lost, 10, 0);
  expect(await verify()).toEqual({ code: 0, output: expect.stringContaining("60 points held") });
  expect(JSON.parse((await verify(["--json", "--replay"])).output)).toMatchObject({ ok: true, broken: [] });

  await sql`ALTER TABLE ledger_transfer DISABLE TRIGGER USER`.execute(db);
  const { rows: unique } = await sql<{ name: string }>`
    SELECT indexrelid::regclass::text AS name FROM pg_index
    WHERE indrelid = 'ledger_transfer'::regclass AND indisunique AND NOT indisprimary AND indexrelid NOT IN (
      SELECT conindid FROM pg_constraint WHERE conrelid = 'ledger_transfer'::regclass)`.execute(db);
  for (const { name } of unique) await sql.raw(`DROP INDEX ${name}`).execute(db);
  await copy("twice", {});
  const { rows } = await sql<{ id: string; debit_account: number; credit_account: number }>`
    SELECT id, debit_account, credit_account FROM ledger_transfer WHERE source = 'back'`.execute(db);
  const [earning] = rows;
  await copy("back", {
    kind: "reversal",
    points: 11,
    reverses: earning?.id,
    debit_account: earning?.credit_account,
    credit_account: earning?.debit_account,
  });
  await sql`UPDATE ledger_transfer SET kind = 'spending', cause = gen_random_uuid() WHERE source = 'elsewhere'`.execute(
    db,
  );
  await sql`UPDATE ledger_account SET debits = credits + 5 WHERE household_id = ${owes}`.execute(db);
  await sql`UPDATE ledger_lot SET points_left = 9 WHERE account = (SELECT key FROM ledger_account WHERE household_id = ${lost})`.execute(
    db,
  );

  const { code, output } = await verify();
  expect(code).toBe(1);
  const accountOf = async (id: string) => {
    const { rows: found } = await sql<{ key: number }>`
      SELECT key FROM ledger_account WHERE household_id = ${id}`.execute(db);
    return found[0]?.key;
  };
  expect(output).toContain(`BROKEN earned_twice: twice earned 2 times by service:test${of(twice)}\n`);
  expect(output).toContain(`BROKEN wrong_reversal: ${earning?.id} is taken back by 11 of 10 points${of(back)}\n`);
  expect(output).toMatch(
    new RegExp(`BROKEN wrong_accounts: transfer \\S+ moves from \\S+ to household${of(elsewhere)}\n`),
  );
  expect(output).toMatch(
    new RegExp(`BROKEN wrong_cause: .* reserved 0, released 0, spent 10, refunded 0${of(elsewhere)}\n`),
  );
  expect(output).toContain(
    `BROKEN balance_negative: account ${await accountOf(owes)} holds -5; household ${owes}, Huber\n`,
  );
  expect(output).toContain(`BROKEN balance_is_not_the_sum: account ${await accountOf(owes)} says 15/10,`);
  expect(output).toMatch(/BROKEN debits_are_not_credits: program \S+: \d+ debited, \d+ credited\n/);
  expect(output).toMatch(
    new RegExp(
      `BROKEN lots_are_not_the_balance: account ${await accountOf(lost)} says 9 left of .* say 10${of(lost)}\n`,
    ),
  );
  expect(output).toMatch(/The ledger does not hold\.\n$/);
  // Those who are whole are not named.
  expect(output).not.toMatch(new RegExp(`account ${await accountOf(whole)} `));
  expect(output).not.toContain(whole);
  const told = JSON.parse((await verify(["--json"])).output);
  expect(told).toMatchObject({ ok: false, households: { [owes]: "Huber" } });
  expect(told.broken).toContainEqual(expect.objectContaining({ rule: "balance_negative", householdIds: [owes] }));
});

test("a database that is not there is said in a sentence", async () => {
  expect(await verify([], "postgres://nobody@127.0.0.1:1/none")).toEqual({
    code: 1,
    output: "The database does not answer: connect ECONNREFUSED 127.0.0.1:1\n",
  });
});
