import { SetClock } from "./down-road.ts";

/** The machine's own time, which a test moves on: for tests with processes and certificates of the real world. */
export class MovedClock extends SetClock {
  #aheadMs = 0;

  override nowMs(): number {
    return Date.now() + this.#aheadMs;
  }

  override forward(ms: number): number {
    this.#aheadMs += ms;
    return this.nowMs();
  }
}
