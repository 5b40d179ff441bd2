import type { LimitName } from "#protocol/link/limits.ts";

/** What is to be said of a device that is held back. */
export interface HeldBackWord {
  state: "held" | "released";
  limit: LimitName;
}

export interface HeldBackPatience {
  heldBackToldAfterMs: number;
  releasedAfterMs: number;
}

/**
 * Whether a device that goes over a limit is worth a word. It is paused and read again in turn for as long as it says too much:
 * that is one spell, told once its pauses add up, and over once it has kept to its limits for a while.
 *
 *   quiet --paused--> spell --pauses add up to heldBackToldAfterMs: held--> told
 *     ^                 |                                                    |
 *     +-----------------+------ no pause for releasedAfterMs: released ------+
 */
export class HeldBack {
  readonly #patience: HeldBackPatience;
  #limit: LimitName | null = null;
  #isTold = false;
  #pausedSinceMs: number | null = null;
  #pausedMs = 0;
  #resumedAtMs = 0;

  constructor(patience: HeldBackPatience) {
    this.#patience = patience;
  }

  /** It is not read, because of this limit. @returns whether a spell begins */
  paused(limit: LimitName, nowMs: number): boolean {
    const begins = this.#limit === null;
    this.#limit ??= limit;
    this.#pausedSinceMs ??= nowMs;
    return begins;
  }

  resumed(nowMs: number): void {
    if (this.#pausedSinceMs === null) return;
    this.#pausedMs += nowMs - this.#pausedSinceMs;
    this.#pausedSinceMs = null;
    this.#resumedAtMs = nowMs;
  }

  /** To be asked from time to time. @returns what is new */
  look(nowMs: number): HeldBackWord | null {
    const limit = this.#limit;
    if (limit === null) return null;
    const pausedMs = this.#pausedMs + (this.#pausedSinceMs === null ? 0 : nowMs - this.#pausedSinceMs);
    if (!this.#isTold && pausedMs >= this.#patience.heldBackToldAfterMs) {
      this.#isTold = true;
      return { state: "held", limit };
    }
    if (this.#pausedSinceMs !== null || nowMs - this.#resumedAtMs < this.#patience.releasedAfterMs) return null;
    const wasTold = this.#isTold;
    this.#limit = null;
    this.#isTold = false;
    this.#pausedMs = 0;
    return wasTold ? { state: "released", limit } : null;
  }
}
