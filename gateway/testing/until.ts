import { setTimeout as sleep } from "node:timers/promises";

const deadlineMs = 60_000;
const pollMs = 5;

/** Waits until `look` finds something, and fails with what was waited for. */
export async function until<T>(look: () => T | undefined | null | false, what: string): Promise<T> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const found = look();
    if (found !== undefined && found !== null && found !== false) return found;
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
    await sleep(pollMs);
  }
}
