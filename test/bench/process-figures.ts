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
export const cpuMs = (pid: number): number => ticksMs(pid, 14);

/** The same of its children that have ended. */
const endedCpuMs = (pid: number): number => ticksMs(pid, 16);

/** User time, which is this field of proc_pid_stat(5), and system time, which is the next. */
function ticksMs(pid: number, field: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The second field is the name, in brackets, which may hold blanks.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[field - 3]) + Number(fields[field - 2])) * 1_000) / ticksPerSecond;
}

/** Time on processors of a process, of those that it started, and of those of them that have ended, one level deep. */
export function familyCpuMs(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
  // One that ends meanwhile is counted with its parent the next time.
  const ofChildren = children.map((child) => attempted(() => cpuMs(Number(child))));
  return cpuMs(pid) + endedCpuMs(pid) + ofChildren.reduce((sum, ms) => sum + ms, 0);
}

function attempted(look: () => number): number {
  try {
    return look();
  } catch {
    return 0;
  }
}

/** Highest anonymous memory of a process in MB, looked at ten times a second. */
export function watchMemory(pid: number): () => number {
  let highest = 0;
  const timer = setInterval(() => {
    // After its end, which a failed measurement comes to before this one is called off, there is nothing to look at.
    highest = Math.max(highest, attempted(() => anonymousKb(pid)) / 1_024);
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
