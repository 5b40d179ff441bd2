/** Where time comes from. Everything that asks for the time is given one of these. */
export interface Clock {
  /** Epoch milliseconds. */
  nowMs(): number;
}

export const systemClock: Clock = { nowMs: () => Date.now() };

/** Waits without holding the process open. */
export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

/** What `work` gives, or null where it fails or takes longer than `msMax`; it is left to end by itself. */
export async function inTime<T>(work: Promise<T>, msMax: number): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), msMax);
  });
  return Promise.race([work.catch(() => null), late]).finally(() => clearTimeout(timer));
}

/** Lets everything else that is ready have its turn. */
export const yieldToEvents = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** A list in pieces, with a turn for everything else that is ready between two of them. */
export async function* inPieces<T>(items: readonly T[], size: number): AsyncGenerator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) {
    if (at > 0) await yieldToEvents();
    yield items.slice(at, at + size);
  }
}

/** Work that repeats until it is stopped. */
export interface Ticker {
  /** Ends the repetition and waits for a run under way. */
  stop(): Promise<void>;
}

/**
 * Runs `work` every `intervalMs`, never twice at once. An error goes to `onError` and the next run comes all the same.
 */
export function every(intervalMs: number, work: () => Promise<void>, onError: (error: unknown) => void): Ticker {
  let running: Promise<void> | null = null;
  const timer = setInterval(() => {
    running ??= work()
      .catch(onError)
      .finally(() => {
        running = null;
      });
  }, intervalMs);
  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
