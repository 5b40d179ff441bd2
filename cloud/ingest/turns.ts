import { yieldToEvents } from "../platform/clock.ts";

/** What comes over a link, handled one after the other in the order in which it came. Others have their turn in between. */
export class Turns<T> {
  readonly #handle: (item: T) => Promise<void>;
  readonly #onFailed: (error: unknown) => void;
  readonly #queue: T[] = [];
  #working: Promise<void> | null = null;
  #stopped = false;

  /** @param onFailed nothing further is handled until something comes: an error of `handle` is a bug */
  constructor(handle: (item: T) => Promise<void>, onFailed: (error: unknown) => void) {
    this.#handle = handle;
    this.#onFailed = onFailed;
  }

  /** What comes after the item that is being handled. */
  get next(): T | undefined {
    return this.#queue[0];
  }

  get isStopped(): boolean {
    return this.#stopped;
  }

  add(item: T): void {
    if (this.#stopped) return;
    this.#queue.push(item);
    this.#working ??= this.#work();
  }

  /** Handles nothing further; what is being handled is finished. */
  stop(): void {
    this.#stopped = true;
    this.#queue.length = 0;
  }

  /** Resolves when all that came so far is handled. */
  async settled(): Promise<void> {
    await this.#working;
  }

  async #work(): Promise<void> {
    try {
      for (let item = this.#queue.shift(); item !== undefined; item = this.#queue.shift()) {
        await this.#handle(item);
        await yieldToEvents();
      }
    } catch (error) {
      if (!this.#stopped) this.#onFailed(error);
    } finally {
      this.#working = null;
    }
  }
}
