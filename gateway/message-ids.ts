const idMax = 65_535;

/** Message ids of what was sent to one connection and is not acknowledged: none is given to two messages (clause 2.3.1). */
export class MessageIds {
  /** Made for those to whom something is sent. */
  #inUse: Set<number> | null = null;
  readonly #max: number;
  #next = 1;

  /** @param max how many may be in use; some must always be free, so that the next one can be found */
  constructor(max: number) {
    this.#max = max;
  }

  get inUse(): number {
    return this.#inUse?.size ?? 0;
  }

  /** No further message should be sent: its receiver acknowledges nothing. */
  get isFull(): boolean {
    return this.inUse >= this.#max;
  }

  take(): number {
    const id = this.#next;
    this.use(id);
    return id;
  }

  /** An id that a message of the session before has. */
  use(id: number): void {
    const inUse = (this.#inUse ??= new Set()).add(id);
    while (inUse.has(this.#next)) this.#next = this.#next === idMax ? 1 : this.#next + 1;
  }

  release(id: number): void {
    this.#inUse?.delete(id);
  }
}
