/** Where time comes from. */
export interface Clock {
  /** Epoch milliseconds. */
  nowMs(): number;
}

export const systemClock: Clock = { nowMs: () => Date.now() };

/**
 * Time that starts in the past, runs faster, and falls to normal speed when it reaches the present. It never runs ahead of the
 * real clock, whatever the real clock does.
 */
export class AcceleratedClock implements Clock {
  readonly #real: Clock;
  readonly #speed: number;
  readonly #realStartMs: number;
  readonly #startMs: number;

  /** @param options.speed at least 1 */
  constructor(options: { real: Clock; startMs: number; speed: number }) {
    this.#real = options.real;
    this.#speed = options.speed;
    this.#realStartMs = options.real.nowMs();
    this.#startMs = options.startMs;
  }

  nowMs(): number {
    const realMs = this.#real.nowMs();
    return Math.min(realMs, Math.floor(this.#startMs + (realMs - this.#realStartMs) * this.#speed));
  }
}

/** Time that stands still until it is begun: appliances connect in one moment, and only then does their life go on. */
export class HeldClock implements Clock {
  readonly #heldMs: number;
  #running: Clock | null = null;

  constructor(heldMs: number) {
    this.#heldMs = heldMs;
  }

  nowMs(): number {
    return this.#running?.nowMs() ?? this.#heldMs;
  }

  /** @param running must begin where this one stands */
  begin(running: Clock): void {
    this.#running = running;
  }
}

/** The later of two clocks: an order's deadline lies in real time, and a simulated appliance may still live in the past. */
export const laterOf = (one: Clock, other: Clock): Clock => ({ nowMs: () => Math.max(one.nowMs(), other.nowMs()) });
