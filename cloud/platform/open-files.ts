import { readFile } from "node:fs/promises";
import type { GatewayLimits } from "#protocol/link/limits.ts";

/** Files that the process needs besides a socket for each device: database, spool, images, HTTP. */
const filesForItself = 500;

/** How many files this process may have open at once, or null where the system does not say. Node has raised it to the hard limit. */
export async function openFilesMax(): Promise<number | null> {
  const limits = await readFile("/proc/self/limits", "utf8").catch(() => "");
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? null : Number(soft);
}

/** Of the sockets that are possible: how many may wait for their turn, and how many may be on their way in. */
const waitingShare = 0.2;
const arrivingShare = 0.05;

/** The gateway's limits, or less of what takes a socket each where the system allows fewer open files. */
export function limitsPossible(limits: GatewayLimits, filesMax: number | null): GatewayLimits {
  if (filesMax === null) return limits;
  const sockets = Math.max(0, filesMax - filesForItself);
  const connectsQueuedMax = Math.min(limits.connectsQueuedMax, Math.floor(sockets * waitingShare));
  const connectsInProgressMax = Math.min(limits.connectsInProgressMax, Math.ceil(sockets * arrivingShare));
  const connectionsMax = Math.min(limits.connectionsMax, sockets - connectsQueuedMax - connectsInProgressMax);
  return { ...limits, connectsQueuedMax, connectsInProgressMax, connectionsMax };
}
