import { link, readFile, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { StartError } from "./config.ts";

/** Ticks since boot at which a process started, so that a pid used again is not taken for the old one. Linux only. */
async function startTicks(pid: number): Promise<string | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}

/** Whether a process with this pid runs, whoever's it is. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** The pid that holds the lock, or null where its holder is gone. */
async function holder(path: string): Promise<number | null> {
  const [pidText = "", ticks] = (await readFile(path, "utf8").catch(() => "")).trim().split(" ");
  const pid = Number(pidText);
  if (!Number.isSafeInteger(pid) || pid <= 0 || !isAlive(pid)) return null;
  const now = await startTicks(pid);
  return now === null || now === ticks ? pid : null;
}

/**
 * Takes the data folder for this process.
 *
 * @returns a function that gives it back
 * @throws StartError naming the pid of the Hearth that holds it
 */
export async function lockDataDir(dataDir: string): Promise<() => Promise<void>> {
  const path = join(dataDir, "hearth.lock");
  // Written whole beside its place and then linked there: nobody ever reads a lock that does not say yet whose it is.
  const mine = `${path}.${process.pid}`;
  await writeFile(mine, `${process.pid} ${await startTicks(process.pid)}\n`, { mode: 0o600 });
  try {
    return await takeLock(dataDir, path, mine);
  } finally {
    await unlink(mine).catch(() => {});
  }
}

async function takeLock(dataDir: string, path: string, mine: string): Promise<() => Promise<void>> {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      await link(mine, path);
      return () => unlink(path).catch(() => {});
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
    const pid = await holder(path);
    if (pid !== null) {
      throw new StartError(
        `HEARTH_DATA_DIR ${dataDir} is in use by another Hearth (pid ${pid}): stop that one, or set HEARTH_DATA_DIR to another folder.`,
      );
    }
    await unlink(path).catch(() => {});
  }
  throw new StartError(`HEARTH_DATA_DIR ${dataDir} holds a lock file that does not go away: delete ${path}.`);
}
