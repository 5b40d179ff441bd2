import type { Sampling } from "./kitchen.ts";
import type { Clock } from "./platform/clock.ts";

const usual: Sampling = { runningMs: 10_000, restingMs: 60_000 };

/** How often an appliance measures: as it was made, as it was set, or faster for a while because somebody watches. */
export class SamplingPace {
  readonly #clock: Clock;
  readonly #setMs: () => number | null;
  #faster: { everyMs: number; untilMs: number } | null = null;

  /** @param setMs what its setting says, null for as it was made */
  constructor(clock: Clock, setMs: () => number | null) {
    this.#clock = clock;
    this.#setMs = setMs;
  }

  faster(everyMs: number, forMs: number): void {
    this.#faster = { everyMs, untilMs: this.#clock.nowMs() + forMs };
  }

  reset(): void {
    this.#faster = null;
  }

  current(): Sampling {
    if (this.#faster !== null && this.#clock.nowMs() >= this.#faster.untilMs) this.#faster = null;
    const everyMs = this.#faster?.everyMs ?? this.#setMs();
    return everyMs === null ? usual : { runningMs: everyMs, restingMs: everyMs };
  }
}
