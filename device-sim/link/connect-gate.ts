import type { Timers } from "../platform/timers.ts";

/**
 * Lets so many appliances of one process connect per second, in the order in which they asked: a fleet that was cut off does not
 * come back as one wave.
 */
export class ConnectGate {
  readonly #waiting = new Set<() => void>();
  readonly #perTick: number;
  readonly #timers: Timers;
  #endTicks: (() => void) | null = null;
  #left: number;

  constructor(options: { perSecond: number; timers: Timers }) {
    this.#perTick = Math.max(1, Math.round(options.perSecond / ticksPerS));
    this.#left = this.#perTick;
    this.#timers = options.timers;
  }

  /** Calls `connect` when it is this one's turn. @returns how to leave the queue */
  enter(connect: () => void): () => void {
    this.#waiting.add(connect);
    this.#endTicks ??= this.#timers.every(1_000 / ticksPerS, () => {
      this.#left = this.#perTick;
      this.#admit();
    });
    this.#admit();
    return () => {
      this.#waiting.delete(connect);
      this.#rest();
    };
  }

  #admit(): void {
    for (const connect of this.#waiting) {
      if (this.#left === 0) return;
      this.#left -= 1;
      this.#waiting.delete(connect);
      connect();
    }
    this.#rest();
  }

  /** No timer while nobody waits and the tick's budget is whole again. */
  #rest(): void {
    if (this.#waiting.size > 0 || this.#left < this.#perTick) return;
    this.#endTicks?.();
    this.#endTicks = null;
  }
}

const ticksPerS = 20;
