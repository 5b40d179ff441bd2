import type { Clock } from "./clock.ts";

export interface ReaderLimits {
  /** How long one word may wait for its reader to take it. */
  slowMsMax: number;
  /** A stream ends after this long; its reader comes back with its key. */
  lifeMsMax: number;
}

/** Whoever reads a live stream: whether they take what they are given, and when they have had their time. */
export class StreamReader {
  readonly #clock: Clock;
  readonly #openedAtMs: number;
  readonly #cut: () => void;
  #ended = false;
  #wake: (() => void) | null = null;
  /** Since when a word is on its way to the reader, or null. */
  #offeredAtMs: number | null = null;

  /** @param cut ends the reader's connection at once */
  constructor(clock: Clock, cut: () => void) {
    this.#clock = clock;
    this.#openedAtMs = clock.nowMs();
    this.#cut = cut;
  }

  get openedAtMs(): number {
    return this.#openedAtMs;
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  /** Words as `next` gives them, in order, until the stream ends. While it gives none the reader sleeps until it is woken. */
  async *words<Word>(next: () => Word | undefined): AsyncGenerator<Word, void, void> {
    while (!this.#ended) {
      const word = next();
      if (word === undefined) await this.untilWoken();
      else yield* this.offer(word);
    }
  }

  /** Hands over one word, and knows meanwhile since when it waits to be taken. */
  *offer<Word>(word: Word): Generator<Word, void, void> {
    this.#offeredAtMs = this.#clock.nowMs();
    yield word;
    this.#offeredAtMs = null;
  }

  async untilWoken(): Promise<void> {
    if (this.#ended) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = null;
  }

  wake(): void {
    this.#wake?.();
  }

  /** Ends the stream after the word that is on its way. */
  end(): void {
    this.#ended = true;
    this.wake();
  }

  /** Ends the stream with whatever is on its way. */
  cut(): void {
    this.end();
    this.#cut();
  }

  /** Ends a stream whose reader takes nothing or that has lived long enough. */
  watch(nowMs: number, { slowMsMax, lifeMsMax }: ReaderLimits): void {
    if (this.#offeredAtMs !== null && nowMs - this.#offeredAtMs > slowMsMax) this.cut();
    else if (nowMs - this.#openedAtMs > lifeMsMax) this.end();
  }
}
