/** Work that may rest between two runs, by the machine's time: no calendar is asked, and nobody can set it back. */
export class Pace {
  #dueAtMs = 0;
  #cancel: (() => void) | null = null;

  /** The next run comes no sooner than so long from now. */
  rest(ms: number): void {
    this.#dueAtMs = performance.now() + ms;
  }

  get isResting(): boolean {
    return performance.now() < this.#dueAtMs;
  }

  /** Runs once, after this turn of the event loop or when the rest is over. While a run is due, further wishes for one are the same. */
  schedule(run: () => void): void {
    if (this.#cancel !== null) return;
    const due = () => {
      this.#cancel = null;
      run();
    };
    const restMs = this.#dueAtMs - performance.now();
    if (restMs > 0) {
      const timer = setTimeout(due, restMs);
      this.#cancel = () => clearTimeout(timer);
    } else {
      const turn = setImmediate(due);
      this.#cancel = () => clearImmediate(turn);
    }
  }

  cancel(): void {
    this.#cancel?.();
    this.#cancel = null;
  }
}
