/** What Linux says of another process. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** `USER_HZ`, which Linux has fixed for all that leaves the kernel. */
const ticksPerSecond = 100;

/** Anonymous memory in KB: heap and buffers, without shared and mapped files. */
export function anonymousKb(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/RssAnon:\s+(\d+) kB/.exec(text)?.[1] ?? 0);
}

/** Time on processors so far, all threads together, in steps of 10 ms. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name before it is in brackets, and may hold blanks. User and system time are fields 14 and 15 of the whole line.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / ticksPerSecond;
}

/** Highest anonymous memory of a process in MB, looked at ten times a second. */
export function watchMemory(pid: number): () => number {
  let highest = 0;
  const timer = setInterval(() => {
    highest = Math.max(highest, anonymousKb(pid) / 1_024);
  }, 100);
  return () => {
    clearInterval(timer);
    return Math.round(highest);
  };
}

const settleMsMax = 30_000;
/** Share of one processor that is hardly anything. */
const quietShare = 0.1;

/** Waits until a process hardly computes any more, looked at over so long. */
export async function untilQuiet(pid: number, quietMs = 500): Promise<void> {
  const endMs = performance.now() + settleMsMax;
  for (let before = cpuMs(pid); performance.now() < endMs;) {
    await sleep(quietMs);
    const now = cpuMs(pid);
    if (now - before <= quietMs * quietShare) return;
    before = now;
  }
}

/** Files that a process may open here, once it has raised its soft limit to the hard one, as Node does. */
export function openFilesMax(): number {
  const limit = execFileSync("sh", ["-c", "ulimit -Hn"], { encoding: "utf8" }).trim();
  return limit === "unlimited" ? Number.POSITIVE_INFINITY : Number(limit);
}
