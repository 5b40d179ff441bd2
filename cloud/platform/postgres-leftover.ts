import { readdir, readFile, readlink, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { sleep } from "./clock.ts";
import type { Logger } from "./logger.ts";

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}

/**
 * The processes whose working directory is `dir`: PostgreSQL and its backends, and nothing else, work in the cluster's folder.
 * Without /proc (macOS) only the pid file tells.
 */
async function processesIn(dir: string): Promise<number[]> {
  const names = await readdir("/proc").catch(() => []);
  const pids = names.map(Number).filter((pid) => Number.isSafeInteger(pid) && pid > 0 && pid !== process.pid);
  const found = await Promise.all(
    pids.map(async (pid) => ((await readlink(`/proc/${pid}/cwd`).catch(() => "")) === dir ? [pid] : [])),
  );
  return found.flat();
}

/** Lines of PostgreSQL's pid file: pid, data folder, start time, port, socket folder, ..., status. */
const pidFileLines = async (dir: string): Promise<string[]> =>
  (await readFile(join(dir, "postmaster.pid"), "utf8").catch(() => "")).split("\n");

async function pidInFile(dir: string): Promise<number[]> {
  const pid = Number((await pidFileLines(dir))[0]);
  // Without /proc a pid used again by a stranger cannot be told apart, so only its own working directory convicts it.
  if (!Number.isSafeInteger(pid) || pid <= 1 || process.platform === "linux") return [];
  return signal(pid, 0) ? [pid] : [];
}

/** How the folders are named in which the embedded server keeps its socket. */
export const socketDirPrefix = "hearth-pg-";

/** The socket folder of the server that runs on this cluster, or ran and was killed; null where there was none, or it is not ours. */
export async function socketDirOf(clusterDir: string): Promise<string | null> {
  const socketDir = (await pidFileLines(clusterDir))[4] ?? "";
  return basename(socketDir).startsWith(socketDirPrefix) ? socketDir : null;
}

/**
 * Ends whatever an earlier, killed Hearth left running on this cluster, first politely, and removes its stale pid file.
 *
 * @param clusterDir the cluster's folder, with no symbolic link in its path
 */
export async function endLeftover(clusterDir: string, logger: Logger): Promise<void> {
  for (const how of ["SIGINT", "SIGQUIT", "SIGKILL"] as const) {
    for (let waitedMs = 0; waitedMs < 3_000; waitedMs += 50) {
      const pids = [...(await processesIn(clusterDir)), ...(await pidInFile(clusterDir))];
      if (pids.length === 0) {
        await rm(join(clusterDir, "postmaster.pid"), { force: true });
        return;
      }
      if (waitedMs === 0) {
        logger.warn({ event: "postgres.leftover_ended", pids, how });
        for (const pid of pids) signal(pid, how);
      }
      await sleep(50);
    }
  }
}

/** Ends a server that answers to nothing, and whatever else works in its folder, at once. */
export async function killWhatWorksIn(
  clusterDir: string,
  server: { kill(name: NodeJS.Signals): boolean },
): Promise<void> {
  server.kill("SIGKILL");
  for (const pid of await processesIn(clusterDir)) signal(pid, "SIGKILL");
}
