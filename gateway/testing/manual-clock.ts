import type { Clock } from "../platform/clock.ts";

interface Task {
  atMs: number;
  everyMs: number | null;
  run: () => void;
}

/** Time that passes when a test says so. */
export class ManualClock implements Clock {
  #nowMs = Date.now();
  readonly #tasks = new Set<Task>();

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    return this.#add({ atMs: this.#nowMs + delayMs, everyMs: null, run });
  }

  every(intervalMs: number, run: () => void): () => void {
    return this.#add({ atMs: this.#nowMs + intervalMs, everyMs: intervalMs, run });
  }

  /** Lets time pass, and runs what falls due meanwhile at its time. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const due = [...this.#tasks].filter(({ atMs }) => atMs <= endMs).toSorted((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      if (due.everyMs === null) this.#tasks.delete(due);
      else due.atMs += due.everyMs;
      due.run();
    }
    this.#nowMs = endMs;
  }

  #add(task: Task): () => void {
    this.#tasks.add(task);
    return () => this.#tasks.delete(task);
  }
}
