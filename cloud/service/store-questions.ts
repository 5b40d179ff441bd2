import { type Clock, inTime } from "../platform/clock.ts";

/** So long anything of a rule waits for the store of readings. */
export const answerMsMax = 2_000;
const pauseMsMin = 10_000;
export const pauseMsMax = 600_000;

/**
 * Questions to the store of readings from within the transaction of everybody's effects. A store that does not answer soon does not
 * answer, and is let alone for a while, each time for twice as long: however long it is away, hardly a batch waits for it, and once it
 * is back it is asked again.
 */
export class StoreQuestions {
  readonly #clock: Clock;
  #pauseMs = 0;
  #againAtMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Null where it does not answer, or is not asked. */
  async ask<T>(question: () => Promise<T>): Promise<T | null> {
    if (this.#clock.nowMs() < this.#againAtMs) return null;
    const answered = async () => ({ answer: await question() });
    const found = await inTime(answered(), answerMsMax);
    this.#pauseMs = found === null ? Math.min(pauseMsMax, Math.max(pauseMsMin, 2 * this.#pauseMs)) : 0;
    this.#againAtMs = this.#clock.nowMs() + this.#pauseMs;
    return found === null ? null : found.answer;
  }
}
