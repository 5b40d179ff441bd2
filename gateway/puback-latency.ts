import { pubackBucketsMs } from "#protocol/link/messages.ts";

/**
 * How long devices waited for their PUBACKs, in fixed buckets. All of one chunk are counted with the age of its oldest record, so
 * that what is shown is never better than what was.
 */
export class PubackLatency {
  readonly #counts: number[] = Array.from({ length: pubackBucketsMs.length + 1 }, () => 0);
  #sumMs = 0;

  observe(latencyMs: number, pubacks: number): void {
    const found = pubackBucketsMs.findIndex((endMs) => latencyMs <= endMs);
    const at = found < 0 ? pubackBucketsMs.length : found;
    this.#counts[at] = (this.#counts[at] ?? 0) + pubacks;
    this.#sumMs += latencyMs * pubacks;
  }

  /** Counts of the buckets, the last of what took longer than any. */
  counted(): { counts: number[]; sumMs: number } {
    return { counts: [...this.#counts], sumMs: this.#sumMs };
  }
}
