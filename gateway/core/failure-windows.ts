/** Counts failures by key in windows of a fixed length. The oldest window goes where there are too many. */
export class FailureWindows {
  readonly #windowMs: number;
  readonly #keysMax: number;
  readonly #windows = new Map<string, { count: number; sinceMs: number }>();

  constructor(windowMs: number, keysMax: number) {
    this.#windowMs = windowMs;
    this.#keysMax = keysMax;
  }

  /** @returns how many there are now in the key's window, this one included */
  add(key: string, nowMs: number): number {
    const known = this.#windows.get(key);
    if (known !== undefined && nowMs - known.sinceMs < this.#windowMs) return (known.count += 1);
    this.#windows.delete(key);
    if (this.#windows.size >= this.#keysMax) {
      // Maps keep their order of insertion: the first is the oldest window.
      for (const oldest of this.#windows.keys()) {
        this.#windows.delete(oldest);
        break;
      }
    }
    this.#windows.set(key, { count: 1, sinceMs: nowMs });
    return 1;
  }

  of(key: string, nowMs: number): number {
    const known = this.#windows.get(key);
    return known !== undefined && nowMs - known.sinceMs < this.#windowMs ? known.count : 0;
  }
}

/** The first failure beyond the free ones waits so long, and each after it twice as long as the one before. */
const delayMsFirst = 100;
const doublingsMax = 16;

/** How long a refusal waits for its answer after so many failures. */
export function refusalDelayMs(failures: number, free: number, delayMsMax: number): number {
  if (failures <= free) return 0;
  return Math.min(delayMsMax, delayMsFirst * 2 ** Math.min(failures - free - 1, doublingsMax));
}
