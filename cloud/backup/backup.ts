/**
 * A backup of the whole installation, while it runs: everything that the database held at one moment, the keys and images of the data
 * folder, and the gateway's spool.
 *
 * The spool is copied first and the rows are read after it. So what a device had a PUBACK for before the backup began is in one of the
 * two: in the rows where it was committed by then, in the spool where it was not. Where both have it, the watermark says so.
 */
import { mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import type pg from "pg";
import { to as copyTo } from "pg-copy-streams";
import { ArchiveWriter, Measured, partBytesMax } from "./archive.ts";
import { migrationsOf, partitionsOf, quoted, sequencesOf, tablesOf } from "./catalogue.ts";
import { type End, endName, type Head, headName, isOfThisRun, partName } from "./core/contents.ts";
import type { BackupProgress, BackupReport } from "./report.ts";
import { copySpool } from "./spool-copy.ts";

export type { BackupProgress, BackupReport } from "./report.ts";
export { restoreBackup } from "./restore.ts";

interface Work {
  archive: ArchiveWriter;
  onProgress: (progress: BackupProgress) => void;
  end: End;
  rows: number;
  bytes: number;
}

/**
 * Writes a backup beside its place and moves it there once it is whole.
 *
 * @param client a connection of its own, without a limit on its statements
 * @param path a file that is not there
 */
export async function writeBackup(deps: {
  client: pg.Client;
  dataDir: string;
  path: string;
  nowMs: number;
  onProgress: (progress: BackupProgress) => void;
}): Promise<BackupReport> {
  const { client, dataDir, path, nowMs, onProgress } = deps;
  const unfinished = `${path}.unfinished`;
  await rm(unfinished, { force: true });
  const archive = new ArchiveWriter(unfinished);
  const work: Work = { archive, onProgress, end: { tables: {}, files: {} }, rows: 0, bytes: 0 };
  const spoolCopy = await mkdtemp(join(dirname(path), ".hearth-spool-"));
  try {
    await copySpool(join(dataDir, "spool"), spoolCopy);
    const head = await writeRows(work, client, nowMs);
    await writeFiles(work, dataDir, "files", (name) => !isOfThisRun(name));
    await writeFiles(work, spoolCopy, "spool", () => true);
    await archive.add(endName, Buffer.from(JSON.stringify(work.end)));
    await archive.end();
    await rename(unfinished, path);
    const { rows, bytes, end } = work;
    return { tables: head.tables.length, rows, files: Object.keys(end.files).length, bytes };
  } catch (error) {
    await archive.giveUp();
    await rm(unfinished, { force: true });
    throw error;
  } finally {
    await rm(spoolCopy, { recursive: true, force: true });
  }
}

/** One transaction that sees one moment, so that what belongs together is together, whatever is committed meanwhile. */
async function writeRows(work: Work, client: pg.Client, nowMs: number): Promise<Head> {
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  try {
    const head: Head = {
      format: 1,
      madeAtMs: nowMs,
      migrations: await migrationsOf(client),
      tables: await tablesOf(client),
      partitions: await partitionsOf(client),
      sequences: await sequencesOf(client),
    };
    await work.archive.add(headName, Buffer.from(JSON.stringify(head)));
    for (const table of head.tables) await writeTable(work, client, table);
    return head;
  } finally {
    await client.query("ROLLBACK");
  }
}

async function writeTable(work: Work, client: pg.Client, table: Head["tables"][number]): Promise<void> {
  const columns = table.columns.map(quoted).join(", ");
  const stream = client.query(copyTo(`COPY (SELECT ${columns} FROM ${quoted(table.name)}) TO STDOUT`));
  const measured = new Measured();
  let rows = 0;
  let part = 0;
  let held: Buffer[] = [];
  let heldBytes = 0;
  const write = async () => {
    if (heldBytes === 0) return;
    await work.archive.add(partName(table.name, part), Buffer.concat(held));
    part += 1;
    held = [];
    heldBytes = 0;
    work.onProgress({ doing: table.name, rows: work.rows + rows, bytes: work.bytes + measured.bytes });
  };
  for await (const piece of stream) {
    if (!Buffer.isBuffer(piece)) continue;
    measured.take(piece);
    rows += newLinesIn(piece);
    held.push(piece);
    heldBytes += piece.length;
    if (heldBytes >= partBytesMax) await write();
  }
  await write();
  work.end.tables[table.name] = { rows, bytes: measured.bytes, sha256: measured.sha256() };
  work.rows += rows;
  work.bytes += measured.bytes;
}

/** COPY ends each row with a line feed, and writes those inside a value as `\n`. */
function newLinesIn(piece: Buffer): number {
  let count = 0;
  for (let at = piece.indexOf(10); at !== -1; at = piece.indexOf(10, at + 1)) count += 1;
  return count;
}

async function writeFiles(work: Work, dir: string, under: "files" | "spool", wanted: (name: string) => boolean) {
  const found = await readdir(dir, { recursive: true, withFileTypes: true });
  for (const file of found) {
    const path = join(file.parentPath, file.name);
    const place = relative(dir, path).split(sep);
    if (!file.isFile() || !wanted(place[0] ?? "") || !wanted(file.name)) continue;
    const name = [under, ...place].join("/");
    const written = await work.archive.addFile(name, path);
    work.end.files[name] = written;
    work.bytes += written.bytes;
    work.onProgress({ doing: name, rows: work.rows, bytes: work.bytes });
  }
}
