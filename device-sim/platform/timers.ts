/** Where waiting comes from. Every wait can be called off. */
export interface Timers {
  /** Calls `work` once after `ms`. @returns how to call it off */
  after(ms: number, work: () => void): () => void;
  /** Calls `work` every `ms`. @returns how to end it */
  every(ms: number, work: () => void): () => void;
}

export const systemTimers: Timers = {
  after(ms, work) {
    const timer = setTimeout(work, ms);
    return () => {
      clearTimeout(timer);
    };
  },
  every(ms, work) {
    const timer = setInterval(work, ms);
    return () => {
      clearInterval(timer);
    };
  },
};

/** Resolves after `ms`, or at once when the signal says stop. */
export const pause = (timers: Timers, ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const cancel = timers.after(ms, () => {
      signal.removeEventListener("abort", done);
      resolve();
    });
    const done = (): void => {
      cancel();
      resolve();
    };
    signal.addEventListener("abort", done, { once: true });
  });
