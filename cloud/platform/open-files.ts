import { readFile } from "node:fs/promises";

/** Files that the process needs besides a socket for each device: database, spool, images, HTTP. */
const filesForItself = 500;

/** How many files this process may have open at once, or null where the system does not say. Node has raised it to the hard limit. */
export async function openFilesMax(): Promise<number | null> {
  const limits = await readFile("/proc/self/limits", "utf8").catch(() => "");
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? null : Number(soft);
}

/** How many devices can be connected at once: the gateway's own bound, or fewer where the system allows fewer open files. */
export const connectionsPossible = (connectionsMax: number, filesMax: number | null): number =>
  filesMax === null ? connectionsMax : Math.max(0, Math.min(connectionsMax, filesMax - filesForItself));
