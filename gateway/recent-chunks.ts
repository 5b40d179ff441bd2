/** Values just committed, kept so that a cloud that keeps up never makes the spool read its disk. */
export class RecentChunks {
  readonly #bytesMax: number;
  readonly #values = new Map<number, Uint8Array<ArrayBuffer>>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Keeps a value, and lets go of the oldest while there is too much. */
  keep(key: number, value: Uint8Array<ArrayBuffer>): void {
    this.#values.set(key, value);
    this.#bytes += value.length;
    for (const oldest of this.#values.keys()) {
      if (this.#bytes <= this.#bytesMax) break;
      this.forget(oldest);
    }
  }

  get(key: number): Uint8Array<ArrayBuffer> | undefined {
    return this.#values.get(key);
  }

  /** The value was given away, or is no longer needed. */
  forget(key: number): void {
    const value = this.#values.get(key);
    if (!value) return;
    this.#values.delete(key);
    this.#bytes -= value.length;
  }
}
