const idMax = 65_535;
/** Some are always free, so that the next one can be found. */
const inUseMax = 60_000;

/** Message ids of what was sent to one connection and is not acknowledged: none is given to two messages (clause 2.3.1). */
export class MessageIds {
  readonly #inUse = new Set<number>();
  #next = 1;

  /** No further message should be sent: its receiver acknowledges nothing. */
  get isFull(): boolean {
    return this.#inUse.size >= inUseMax;
  }

  take(): number {
    const id = this.#next;
    this.use(id);
    return id;
  }

  /** An id that a message of the session before has. */
  use(id: number): void {
    this.#inUse.add(id);
    while (this.#inUse.has(this.#next)) this.#next = this.#next === idMax ? 1 : this.#next + 1;
  }

  release(id: number): void {
    this.#inUse.delete(id);
  }
}
