import type { Clock } from "./clock.ts";

/** What took less is looked up at each question. */
const quickMs = 50;
/** A look-up may take so small a part of the time: one that took a second is made again after twenty. */
const restFactor = 20;
const keptMax = 100;

interface Kept<Answer> {
  answer: Answer;
  atMs: number;
  /** From then on it is looked up again, while who asks has this one. */
  untilMs: number;
  isLooking: boolean;
}

/**
 * Answers a dear question that many ask again and again, as a page does that is open: at once and with the answer that is kept, which is
 * made again behind their back, and by who asks where nobody asked for long.
 */
export class KeptLookUp<Answer> {
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept<Answer>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns the answer and when it was true */
  async ask(key: string, look: () => Promise<Answer>): Promise<{ answer: Answer; atMs: number }> {
    const kept = this.#kept.get(key);
    const nowMs = this.#clock.nowMs();
    if (kept === undefined || nowMs - kept.untilMs >= kept.untilMs - kept.atMs) return this.#look(key, look);
    if (nowMs >= kept.untilMs && !kept.isLooking) {
      kept.isLooking = true;
      // Who asks next hears what is wrong.
      void this.#look(key, look).catch(() => this.#kept.delete(key));
    }
    return kept;
  }

  async #look(key: string, look: () => Promise<Answer>): Promise<{ answer: Answer; atMs: number }> {
    const atMs = this.#clock.nowMs();
    const answer = await look();
    const doneMs = this.#clock.nowMs();
    this.#kept.delete(key);
    if (doneMs - atMs >= quickMs) {
      const [oldest] = this.#kept.keys();
      if (this.#kept.size >= keptMax && oldest !== undefined) this.#kept.delete(oldest);
      this.#kept.set(key, { answer, atMs, untilMs: doneMs + restFactor * (doneMs - atMs), isLooking: false });
    }
    return { answer, atMs };
  }
}
