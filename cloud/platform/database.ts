import { readdir, readFile } from "node:fs/promises";
import { Kysely, PostgresDialect, type RawBuilder, sql } from "kysely";
import pg from "pg";

/**
 * A handle that runs SQL: the pool, one transaction of it, or one connection. Statements are written with Kysely's `sql` tag.
 */
export type Db = Kysely<unknown>;

// int8 holds epoch milliseconds, counts and points here, all of them far below 2^53.
pg.types.setTypeParser(20, Number);

export interface DatabaseOptions {
  connection: pg.ClientConfig;
  /** In all, two at least; half of them answer questions outside of transactions. */
  connectionsMax: number;
  onError: (error: Error) => void;
}

/**
 * Transactions have connections of their own. One that asks something outside of itself, such as which models there are, would else wait for
 * a connection while others have them all and wait for the same: nobody would go on before a time-out.
 */
class Connections extends Kysely<unknown> {
  readonly #transactions: Kysely<unknown>;

  constructor(questions: pg.Pool, transactions: pg.Pool) {
    super({ dialect: new PostgresDialect({ pool: questions }) });
    this.#transactions = new Kysely({ dialect: new PostgresDialect({ pool: transactions }) });
  }

  override transaction() {
    return this.#transactions.transaction();
  }

  override async destroy(): Promise<void> {
    await Promise.all([super.destroy(), this.#transactions.destroy()]);
  }
}

/** The connections to one database. */
export class Database {
  readonly db: Db;
  readonly #connection: pg.ClientConfig;

  constructor(options: DatabaseOptions) {
    // A bound on every statement also bounds how long a killed server's backends can keep its restart waiting.
    this.#connection = { statement_timeout: 60_000, connectionTimeoutMillis: 10_000, ...options.connection };
    const questions = Math.max(1, options.connectionsMax >> 1);
    const poolOf = (max: number) => {
      const pool = new pg.Pool({ ...this.#connection, max: Math.max(1, max) });
      // An idle connection that dies with its server is replaced by the pool; without a listener it would end the process.
      pool.on("error", options.onError);
      // A busy one that dies fails its query and also emits an error, which needs a listener for the same reason.
      pool.on("connect", (client) => client.on("error", options.onError));
      return pool;
    };
    this.db = new Connections(poolOf(questions), poolOf(options.connectionsMax - questions));
  }

  /** A connection of one's own, outside the pool: for COPY, LISTEN and locks. The caller ends it. */
  async connect(): Promise<pg.Client> {
    const client = new pg.Client(this.#connection);
    client.on("error", () => {});
    await client.connect();
    return client;
  }

  async close(): Promise<void> {
    await this.db.destroy();
  }
}

/**
 * `= ANY` of these ids, for hundreds at once: as an array that the planner does not see. It would weigh each of them against the table's
 * statistics, which takes longer than finding the rows.
 */
export const amongIds = (ids: readonly string[]): RawBuilder<unknown> => sql`ANY((SELECT ${ids}::uuid[])::uuid[])`;

/** Runs a statement, written like `sql`, that changes rows. @returns how many */
export const affected =
  (db: Db) =>
  async (text: TemplateStringsArray, ...values: readonly unknown[]): Promise<number> => {
    const { numAffectedRows } = await sql(text, ...values).execute(db);
    return Number(numAffectedRows ?? 0);
  };

/** Runs `work` in one transaction: all of it, or nothing. */
export const transaction = <T>(db: Db, work: (tx: Db) => Promise<T>): Promise<T> =>
  db.isTransaction ? work(db) : db.transaction().execute((tx) => withLast(tx, () => work(tx)));

/** What still has to be done in transactions that are open. */
const last = new WeakMap<Db, (() => Promise<void>)[]>();

/** Runs the work of a transaction, and then what it left for its end. For whoever opens transactions in a way of their own. */
export async function withLast<T>(tx: Db, work: () => Promise<T>): Promise<T> {
  const waiting: (() => Promise<void>)[] = [];
  last.set(tx, waiting);
  const done = await work();
  for (const one of waiting) await one();
  return done;
}

/**
 * Leaves something for the end of a transaction: inside it, behind everything else that it does. For locks that follow from many kinds of
 * changes: taken last, whoever has one waits for nobody else, and so two roads that change different things first never wait in a ring.
 *
 * @returns whether the transaction's end will do it; false where it was not opened by `transaction`, and the caller does it at once
 */
export function doLast(tx: Db, work: () => Promise<void>): boolean {
  const waiting = last.get(tx);
  waiting?.push(work);
  return waiting !== undefined;
}

const triesMax = 3;

/**
 * Tries again what PostgreSQL sent away in favour of somebody else: of two who wait for each other (40P01) one must go, and it may go
 * again at once. For whoever has a person waiting; what the clock does comes again by itself, and so does a batch of the up road.
 *
 * @param work whole transactions, so that nothing of a try that failed is left
 */
export async function retryConflicts<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (tries === triesMax || sqlState(error)?.startsWith("40") !== true) throw error;
    }
  }
}

/** `transaction` for rows that others change in an order of their own. `work` may run more than once. */
export const contested = <T>(db: Db, work: (tx: Db) => Promise<T>): Promise<T> =>
  db.isTransaction ? work(db) : retryConflicts(() => transaction(db, work));

/** Runs questions that belong together on one state of the database, whatever is committed in between. */
export const snapshot = <T>(db: Db, work: (tx: Db) => Promise<T>): Promise<T> =>
  db.transaction().setIsolationLevel("repeatable read").setAccessMode("read only").execute(work);

/** Asks a question that changes nothing, and gives it up where one of its statements takes longer than `msMax`: null then. */
export async function inStatementTime<T>(db: Db, msMax: number, work: (tx: Db) => Promise<T>): Promise<T | null> {
  const asking = db
    .transaction()
    .setAccessMode("read only")
    .execute(async (tx) => {
      await sql`SELECT set_config('statement_timeout', ${String(msMax)}, true)`.execute(tx);
      return work(tx);
    });
  try {
    return await asking;
  } catch (error) {
    if (sqlState(error) === queryCanceled) return null;
    throw error;
  }
}

/** A `Db` over one given connection, for those who need COPY beside their statements. Transactions are the caller's. */
export function bindDb(client: pg.Client): Db {
  const connection = {
    query: client.query.bind(client),
    release() {},
  };
  const pool = { options: {}, connect: () => Promise.resolve(connection), end: () => Promise.resolve() };
  return new Kysely({ dialect: new PostgresDialect({ pool }) });
}

const queryCanceled = "57014";

const migrationsDir = new URL("./migrations/", import.meta.url);

/** The names of the migrations that this Hearth has, in their order. */
export const knownMigrations = async (): Promise<string[]> =>
  (await readdir(migrationsDir)).filter((name) => name.endsWith(".sql")).toSorted();

/**
 * Brings the database up to the newest migration: each file once, in the order of its number, in a transaction of its own.
 *
 * @param only the migrations to run; all of them where it is left out
 * @returns the names that were run
 */
export async function migrate(db: Db, only?: ReadonlySet<string>): Promise<string[]> {
  await sql`CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY, run_at timestamptz NOT NULL DEFAULT now())`.execute(
    db,
  );
  const { rows } = await sql<{ name: string }>`SELECT name FROM migration`.execute(db);
  const done = new Set(rows.map((row) => row.name));
  const run: string[] = [];
  for (const name of await knownMigrations()) {
    if (done.has(name) || only?.has(name) === false) continue;
    const text = await readFile(new URL(name, migrationsDir), "utf8");
    await transaction(db, async (tx) => {
      await sql.raw(text).execute(tx);
      await sql`INSERT INTO migration (name) VALUES (${name})`.execute(tx);
    });
    run.push(name);
  }
  return run;
}

/** PostgreSQL's error code (SQLSTATE) of an error, or undefined where it is none. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** Whether PostgreSQL itself said this. Anything else, such as EPIPE, says only that nobody answered. */
export const isDatabaseAnswer = (error: unknown): boolean => error instanceof pg.DatabaseError;
