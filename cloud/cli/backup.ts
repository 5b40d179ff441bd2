/** `npm run backup -- FILE` and `npm run restore -- FILE`: the whole installation in one file, and back. */
import { access, readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type pg from "pg";
import { type BackupProgress, type BackupReport, restoreBackup, writeBackup } from "../backup/backup.ts";
import { systemClock } from "../platform/clock.ts";
import { type Config, readConfig, StartError } from "../platform/config.ts";
import { preparePostgresHome } from "../platform/postgres-home.ts";
import { erasedFileName } from "../platform/storage.ts";
import { type ErasedEntry, ErasedList } from "../rights/rights.ts";
import { withDatabase } from "./own-database.ts";

const usage = `usage: npm run backup -- FILE [--json]
       npm run restore -- FILE [--erased LIST] [--json]

backup    writes everything of this installation into FILE, which must not be there yet: the database as it is at one
          moment, keys, certificates and images of the data folder, and the gateway's spool. The service may be running.
          FILE holds private keys: only its owner may read it, and it belongs where keys belong.
restore   puts FILE back into a data folder that is empty or not there, and a database that holds nothing. A backup of an
          older Hearth is brought up to date. The service starts from it with \`npm start\`.
--erased  LIST is ${erasedFileName} of the data folder that was in use until now: whoever was erased since the backup was made
          is in it again, and is erased again by the next start, before anybody sees them.

Both use HEARTH_DATA_DIR (./data) and DATABASE_URL, as \`npm start\` does. --json prints one line at the end.`;

const lineMsMin = 250;

/** Says on standard error how far it is: on one line of a terminal, and nowhere else. */
function progressLine(): (progress: BackupProgress) => void {
  let saidAtMs = 0;
  return ({ doing, rows, bytes }) => {
    if (!process.stderr.isTTY || systemClock.nowMs() - saidAtMs < lineMsMin) return;
    saidAtMs = systemClock.nowMs();
    const line = `  ${megabytes(bytes)} MB  ${rows.toLocaleString("en")} rows  ${doing}`;
    process.stderr.write(`\r\u001B[K${line.slice(0, (process.stderr.columns ?? 80) - 1)}`);
  };
}

const clearLine = () => process.stderr.isTTY && process.stderr.write("\r\u001B[K");
const megabytes = (bytes: number) => (bytes / 1_000_000).toFixed(1);

/** A connection whose statements may take as long as they need. */
function connected<T>(config: Config, work: (client: pg.Client) => Promise<T>): Promise<T> {
  return withDatabase(config, async (database) => {
    const client = await database.connect();
    try {
      await client.query("SET statement_timeout = 0");
      return await work(client);
    } finally {
      await client.end();
    }
  });
}

const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

async function backup(config: Config, path: string): Promise<BackupReport> {
  if (await isThere(path)) throw new StartError(`${path} is there already: name a file that is not.`);
  const { dataDir } = config;
  const there = await readdir(dataDir).catch(() => []);
  if (there.length === 0)
    throw new StartError(`HEARTH_DATA_DIR ${dataDir} holds no Hearth: set HEARTH_DATA_DIR to the folder it runs on.`);
  const onProgress = progressLine();
  return connected(config, (client) => writeBackup({ client, dataDir, path, nowMs: systemClock.nowMs(), onProgress }));
}

interface Restored extends BackupReport {
  madeAtMs: number;
  /** Erasures in the list that was given; null where none was. */
  erasedListed: number | null;
}

/** The list that the installation kept until now. */
async function readErased(path: string): Promise<ErasedEntry[]> {
  if (!(await isThere(path))) throw new StartError(`--erased ${path} is not there.`);
  const damaged: number[] = [];
  const entries = await new ErasedList(path, (line) => damaged.push(line)).read();
  if (damaged.length > 0 && entries.size === 0)
    throw new StartError(`--erased ${path} is no list of erasures: name ${erasedFileName} of the data folder.`);
  return [...entries.values()];
}

/** What whoever restores has to know of those who were erased since. */
function erasedWords({ madeAtMs, erasedListed }: Restored, dataDir: string): string {
  if (erasedListed !== null)
    return `Whoever of the ${erasedListed.toLocaleString("en")} erasures in the list came back is erased again as it starts.\n`;
  return `Whoever was erased after ${new Date(madeAtMs).toISOString()} is in it again. Before you start it, copy ${erasedFileName} of the data
folder that was in use until now to ${join(dataDir, erasedFileName)}: they are erased again before anybody sees them. Where that file
is lost, ask those who hear your webhooks for the households of \`hearth.household.erased\` since then, and erase each with
POST /api/v1/households/ID/erase.\n`;
}

async function restore(config: Config, path: string, erasedFile: string | undefined): Promise<Restored> {
  if (!(await isThere(path))) throw new StartError(`${path} is not there.`);
  const erased = erasedFile === undefined ? null : await readErased(erasedFile);
  const { dataDir } = config;
  const there = await readdir(dataDir).catch(() => []);
  if (there.length > 0)
    throw new StartError(`HEARTH_DATA_DIR ${dataDir} is not empty: restore into a folder that is empty or not there.`);
  try {
    const onProgress = progressLine();
    const restored = await connected(config, (client) => restoreBackup({ client, dataDir, path, onProgress }));
    if (erased !== null) {
      const list = new ErasedList(join(dataDir, erasedFileName), () => {});
      const listed = await list.read();
      await list.add(erased.filter(({ id }) => !listed.has(id)));
    }
    return { ...restored, erasedListed: erased?.length ?? null };
  } catch (error) {
    // Half an installation would look like one.
    for (const name of await readdir(dataDir).catch(() => [])) await rm(join(dataDir, name), { recursive: true });
    if (config.databaseUrl === undefined) {
      const { clusterDir, passwordFile } = await preparePostgresHome(dataDir);
      for (const made of [clusterDir, passwordFile]) await rm(made, { recursive: true, force: true });
    }
    throw error;
  }
}

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      erased: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const [command = "", file, ...more] = positionals;
  if (values.help) {
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  }
  const isRestore = command === "restore";
  if (file === undefined || more.length > 0 || (command !== "backup" && !isRestore)) throw new StartError(usage);
  if (values.erased !== undefined && !isRestore) throw new StartError(usage);
  const path = resolve(file);
  const config = readConfig(process.env);
  const restored = isRestore ? await restore(config, path, values.erased) : null;
  const report = restored ?? (await backup(config, path));
  clearLine();
  const { tables, rows, files, bytes } = report;
  const what = `${rows.toLocaleString("en")} rows of ${tables} tables and ${files} files, ${megabytes(bytes)} MB before compression`;
  process.stderr.write(
    restored === null
      ? `${path} holds ${what}. Keep it as you keep keys.\n`
      : `Restored ${what}.\n${erasedWords(restored, config.dataDir)}Start with: npm start\n`,
  );
  if (values.json) process.stdout.write(`${JSON.stringify({ path, ...report })}\n`);
} catch (error) {
  clearLine();
  const known = error instanceof StartError || (error instanceof TypeError && "code" in error);
  process.stderr.write(known ? `${error.message}\n` : `${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
}
