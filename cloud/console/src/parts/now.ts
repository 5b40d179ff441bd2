import { useSyncExternalStore } from "react";

/** One clock for the whole page: everything that reads `4 s ago` moves on at the same moment. */
const tickMs = 1_000;
const listeners = new Set<() => void>();
let nowMs = Date.now();
let timer: ReturnType<typeof setInterval> | null = null;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    nowMs = Date.now();
    for (const each of listeners) each();
  }, tickMs);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  };
}

/** Epoch milliseconds, anew each second. */
export const useNow = (): number => useSyncExternalStore(subscribe, () => nowMs);

/** The reader's own zone. */
export const localZone: string = Intl.DateTimeFormat().resolvedOptions().timeZone;
