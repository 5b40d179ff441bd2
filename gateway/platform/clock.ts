/** Time as the gateway sees it: passed in, so that a test can hold it. */
export interface Clock {
  /** Epoch milliseconds. */
  nowMs(): number;
  /** Runs after a delay, until the returned function is called. */
  after(delayMs: number, run: () => void): () => void;
  /** Runs again and again, until the returned function is called. */
  every(intervalMs: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
  every(intervalMs, run) {
    const timer = setInterval(run, intervalMs);
    return () => clearInterval(timer);
  },
};
