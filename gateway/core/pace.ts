/** What may happen at once, in seconds' worth of the pace. */
const burstSeconds = 2;
/** Room is counted in thousandths, so that each millisecond adds a whole number. */
const thousandths = 1_000;

/** Lets so many a second through, and turns the others away. */
export class Pace {
  readonly #perSecond: number;
  #room: number;
  #filledAtMs: number;

  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#room = perSecond * burstSeconds * thousandths;
    this.#filledAtMs = nowMs;
  }

  /** Whether this one may. A clock that goes back fills nothing. */
  take(nowMs: number): boolean {
    const elapsedMs = Math.min(Math.max(0, nowMs - this.#filledAtMs), burstSeconds * 1_000);
    this.#filledAtMs = nowMs;
    this.#room = Math.min(this.#room + elapsedMs * this.#perSecond, this.#perSecond * burstSeconds * thousandths);
    if (this.#room < thousandths) return false;
    this.#room -= thousandths;
    return true;
  }
}
