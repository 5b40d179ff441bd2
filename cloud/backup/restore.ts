/** A backup put back: into a data folder that is not there yet, and a database that holds nothing. */
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { sql } from "kysely";
import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { StartError } from "../platform/config.ts";
import { bindDb, type Db, knownMigrations, migrate, transaction } from "../platform/database.ts";
import { type ArchiveEntry, ArchiveUnreadable, Measured, readArchive } from "./archive.ts";
import { foreignKeysOf, quoted, tablesOf } from "./catalogue.ts";
import {
  end as endSchema,
  type End,
  endName,
  head as headSchema,
  type Head,
  headName,
  placeOf,
  tableOf,
} from "./core/contents.ts";
import type { BackupProgress, BackupReport } from "./report.ts";

const smallEntryBytesMax = 64 * 1_048_576;

interface Work {
  client: pg.Client;
  dataDir: string;
  onProgress: (progress: BackupProgress) => void;
  read: End;
  rows: number;
  bytes: number;
}

/**
 * Reads a backup into a database and a data folder. Everything in the database is one transaction, which ends only once the backup was
 * found whole.
 *
 * @param client a connection to an empty database, of its own and without a limit on its statements
 * @throws StartError where the backup cannot be used, with the reason
 */
export async function restoreBackup(deps: {
  client: pg.Client;
  dataDir: string;
  path: string;
  onProgress: (progress: BackupProgress) => void;
}): Promise<BackupReport & { madeAtMs: number }> {
  const { client, dataDir, path, onProgress } = deps;
  if ((await tablesOf(client)).length > 0)
    throw new StartError("The database is not empty: restore into one that holds nothing.");
  const work: Work = { client, dataDir, onProgress, read: { tables: {}, files: {} }, rows: 0, bytes: 0 };
  const head = await transaction(bindDb(client), async (tx) => {
    const found = await readAll(work, tx, path);
    await settleNumbers(client, found);
    await migrate(tx);
    await continueXids(tx);
    return found;
  });
  const { rows, bytes, read } = work;
  return { tables: head.tables.length, rows, files: Object.keys(read.files).length, bytes, madeAtMs: head.madeAtMs };
}

async function readAll(work: Work, tx: Db, path: string): Promise<Head> {
  let head: Head | null = null;
  let end: End | null = null;
  let loading: TableLoad | null = null;
  let foreignKeys: Awaited<ReturnType<typeof foreignKeysOf>> = [];
  try {
    for await (const entry of readArchive(path)) {
      const table = tableOf(entry.name);
      if (head === null) {
        if (entry.name !== headName) throw new StartError(`${path} is no backup: it begins with ${entry.name}.`);
        head = headSchema.parse(JSON.parse(await textOf(entry)));
        foreignKeys = await makeEmpty(work.client, tx, head);
      } else if (table === null) {
        await loading?.end();
        loading = null;
        if (entry.name === endName) end = endSchema.parse(JSON.parse(await textOf(entry)));
        else await putFile(work, entry);
      } else {
        if (loading?.name !== table) {
          await loading?.end();
          loading = new TableLoad(work, columnsOf(head, table));
        }
        await loading.take(entry);
      }
    }
  } catch (error) {
    await loading?.giveUp();
    if (error instanceof ArchiveUnreadable)
      throw new StartError(`${path} cannot be read as a backup (${error.message}).`, { cause: error });
    // Bytes that were changed may be unpacked all the same, to rows that are none.
    if (loading !== null && error instanceof pg.DatabaseError && /^2[23]/.test(error.code ?? ""))
      throw new StartError(`${path} is damaged: the rows of ${loading.name} are none (${error.message}).`, {
        cause: error,
      });
    throw error;
  }
  if (head === null || end === null) throw new StartError(`${path} is cut short: it has no ${endName}.`);
  for (const { name } of head.tables) work.read.tables[name] ??= nothingRead();
  compare(path, work.read, end);
  // Made again at the end: rows come table by table, and point at what comes later.
  for (const { table, name, definition } of foreignKeys)
    await work.client.query(`ALTER TABLE ${quoted(table)} ADD CONSTRAINT ${quoted(name)} ${definition}`);
  return head;
}

const nothingRead = () => ({ rows: 0, bytes: 0, sha256: new Measured().sha256() });

const columnsOf = (head: Head, name: string): Head["tables"][number] => {
  const table = head.tables.find((known) => known.name === name);
  if (table === undefined) throw new StartError(`The backup holds rows of ${name}, which it does not list.`);
  return table;
};

/** The tables as the backup's Hearth had them, with nothing in them and nothing that watches them. */
async function makeEmpty(client: pg.Client, tx: Db, head: Head): ReturnType<typeof foreignKeysOf> {
  const known = new Set(await knownMigrations());
  const foreign = head.migrations.filter((name) => !known.has(name));
  if (foreign.length > 0)
    throw new StartError(
      `The backup was made by a newer Hearth (it has run ${foreign.join(", ")}): update this one first.`,
    );
  await migrate(tx, new Set(head.migrations));
  const there = new Set((await tablesOf(client)).map(({ name }) => name));
  const missing = head.tables.filter(({ name }) => !there.has(name)).map(({ name }) => name);
  if (missing.length > 0)
    throw new StartError(`The backup holds tables that no migration makes: ${missing.join(", ")}.`);
  for (const { name, of, bound } of head.partitions) {
    const { rows } = await client.query("SELECT 1 WHERE to_regclass($1) IS NOT NULL", [quoted(name)]);
    if (rows.length === 0) await client.query(`CREATE TABLE ${quoted(name)} PARTITION OF ${quoted(of)} ${bound}`);
  }
  const foreignKeys = await foreignKeysOf(client);
  for (const { table, name } of foreignKeys)
    await client.query(`ALTER TABLE ${quoted(table)} DROP CONSTRAINT ${quoted(name)}`);
  for (const name of there) await client.query(`ALTER TABLE ${quoted(name)} DISABLE TRIGGER USER`);
  await client.query(`TRUNCATE ${[...there].map(quoted).join(", ")}`);
  return foreignKeys;
}

/** The rows of one table on their way in. */
class TableLoad {
  readonly name: string;
  readonly #work: Work;
  readonly #measured = new Measured();
  readonly #stream: ReturnType<typeof copyFrom>;
  readonly #done: Promise<unknown>;

  constructor(work: Work, { name, columns }: Head["tables"][number]) {
    this.name = name;
    this.#work = work;
    this.#stream = work.client.query(copyFrom(`COPY ${quoted(name)} (${columns.map(quoted).join(", ")}) FROM STDIN`));
    this.#done = once(this.#stream, "finish");
    this.#done.catch(() => {});
  }

  async take(entry: ArchiveEntry): Promise<void> {
    for await (const piece of entry.pieces) {
      this.#measured.take(piece);
      if (!this.#stream.write(piece)) await Promise.race([once(this.#stream, "drain"), this.#done]);
    }
    const { bytes } = this.#measured;
    this.#work.onProgress({ doing: this.name, rows: this.#work.rows, bytes: this.#work.bytes + bytes });
  }

  /** Ends the COPY without its rows, so that the connection can be used for the roll-back. */
  async giveUp(): Promise<void> {
    const closed = once(this.#stream, "close");
    this.#stream.destroy(new Error("the backup could not be read"));
    await closed.catch(() => {});
  }

  async end(): Promise<void> {
    this.#stream.end();
    await this.#done;
    const { bytes } = this.#measured;
    const rows = this.#stream.rowCount;
    this.#work.read.tables[this.name] = { rows, bytes, sha256: this.#measured.sha256() };
    this.#work.rows += rows;
    this.#work.bytes += bytes;
  }
}

async function putFile(work: Work, entry: ArchiveEntry): Promise<void> {
  const place = placeOf(entry.name);
  if (place === null) throw new StartError(`The backup holds ${entry.name}, which is no file of a data folder.`);
  const path = join(work.dataDir, place);
  await mkdir(dirname(path), { recursive: true });
  const measured = new Measured();
  const file = createWriteStream(path, { mode: entry.mode & 0o777, flags: "wx", flush: true });
  const closed = once(file, "close");
  closed.catch(() => {});
  for await (const piece of entry.pieces) {
    measured.take(piece);
    if (!file.write(piece)) await Promise.race([once(file, "drain"), closed]);
  }
  file.end();
  await closed;
  work.read.files[entry.name] = { bytes: measured.bytes, sha256: measured.sha256() };
  work.bytes += measured.bytes;
  work.onProgress({ doing: entry.name, rows: work.rows, bytes: work.bytes });
}

/** @throws StartError that names what differs from what was written */
function compare(path: string, read: End, written: End): void {
  for (const kind of ["tables", "files"] as const) {
    const names = new Set([...Object.keys(read[kind]), ...Object.keys(written[kind])]);
    for (const name of names) {
      const [is, was] = [read[kind][name], written[kind][name]];
      if (is === undefined || was === undefined || is.bytes !== was.bytes || is.sha256 !== was.sha256)
        throw new StartError(`${path} is damaged: ${name} is not what was written.`);
    }
  }
}

async function textOf(entry: ArchiveEntry): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of entry.pieces) {
    bytes += piece.length;
    if (bytes > smallEntryBytesMax) throw new StartError(`The backup's ${entry.name} is too long to be one.`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

/** Sequences go on where they were, and the tables are watched again. */
async function settleNumbers(client: pg.Client, head: Head): Promise<void> {
  for (const { name, value, isCalled } of head.sequences)
    await client.query("SELECT setval($1::regclass, $2, $3)", [quoted(name), value, isCalled]);
  for (const { name } of head.tables) await client.query(`ALTER TABLE ${quoted(name)} ENABLE TRIGGER USER`);
}

/** Transaction numbers of this cluster begin far below those that the backup's positions were made of. */
async function continueXids(tx: Db): Promise<void> {
  await sql`
    UPDATE xid_base SET added = greatest(0, known.newest - pg_current_xact_id()::text::bigint + 1)
    FROM (SELECT greatest(
      (SELECT max(xid::text::bigint) FROM outbox), (SELECT max(xid::text::bigint) FROM outbox_floor)) AS newest) AS known`.execute(
    tx,
  );
}
