/**
 * Where each chunk of the spool begins and how much it holds, oldest first. A quiet fleet makes one small chunk a commit, so a
 * spool of a gigabyte may hold millions: 28 bytes each in typed arrays, and no object.
 */
export class ChunkIndex {
  #capacity: number;
  #firsts: Float64Array<ArrayBuffer>;
  #receivedAtMs: Float64Array<ArrayBuffer>;
  #records: Uint32Array<ArrayBuffer>;
  #bytes: Float64Array<ArrayBuffer>;
  #head = 0;
  #length = 0;
  #recordsTotal = 0;
  #bytesTotal = 0;

  /** @param capacity chunks that fit before it grows */
  constructor(capacity = 1_024) {
    this.#capacity = capacity;
    this.#firsts = new Float64Array(capacity);
    this.#receivedAtMs = new Float64Array(capacity);
    this.#records = new Uint32Array(capacity);
    this.#bytes = new Float64Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** Records in all chunks. */
  get records(): number {
    return this.#recordsTotal;
  }

  get bytes(): number {
    return this.#bytesTotal;
  }

  /** Adds the newest chunk: `first` is above everything held. */
  push(first: number, records: number, bytes: number, receivedAtMs: number): void {
    if (this.#length === this.#capacity) this.#resize(this.#capacity * 2);
    const slot = this.#slot(this.#length);
    this.#firsts[slot] = first;
    this.#records[slot] = records;
    this.#bytes[slot] = bytes;
    this.#receivedAtMs[slot] = receivedAtMs;
    this.#length += 1;
    this.#recordsTotal += records;
    this.#bytesTotal += bytes;
  }

  /** The first sequence of the chunk at a position from 0, the oldest. */
  firstAt(position: number): number {
    return this.#firsts[this.#slot(position)] ?? 0;
  }

  recordsAt(position: number): number {
    return this.#records[this.#slot(position)] ?? 0;
  }

  receivedAtMsAt(position: number): number {
    return this.#receivedAtMs[this.#slot(position)] ?? 0;
  }

  /** The position of the chunk that holds `sequence`, or of the next one after it; `length` when there is none. */
  find(sequence: number): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.firstAt(middle) + this.recordsAt(middle) <= sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Drops every chunk whose last record is at or below `watermark`; the first sequences of those, in order. */
  trimTo(watermark: number): number[] {
    const dropped: number[] = [];
    while (this.#length > 0 && this.firstAt(0) + this.recordsAt(0) - 1 <= watermark) {
      dropped.push(this.firstAt(0));
      this.#recordsTotal -= this.recordsAt(0);
      this.#bytesTotal -= this.#bytes[this.#head] ?? 0;
      this.#head = (this.#head + 1) % this.#capacity;
      this.#length -= 1;
    }
    return dropped;
  }

  /** Takes one chunk out, wherever it stands. Linear: it happens to damaged chunks alone. */
  remove(position: number): void {
    const kept = Array.from({ length: this.#length }, (_, at) => this.#slot(at)).filter((_, at) => at !== position);
    const rows = kept.map((slot) => [
      this.#firsts[slot],
      this.#records[slot],
      this.#bytes[slot],
      this.#receivedAtMs[slot],
    ]);
    this.#head = 0;
    this.#length = 0;
    this.#recordsTotal = 0;
    this.#bytesTotal = 0;
    for (const [first = 0, records = 0, bytes = 0, receivedAtMs = 0] of rows) {
      this.push(first, records, bytes, receivedAtMs);
    }
  }

  #slot(position: number): number {
    return (this.#head + position) % this.#capacity;
  }

  #resize(capacity: number): void {
    const firsts = new Float64Array(capacity);
    const receivedAtMs = new Float64Array(capacity);
    const records = new Uint32Array(capacity);
    const bytes = new Float64Array(capacity);
    for (let at = 0; at < this.#length; at += 1) {
      const slot = this.#slot(at);
      firsts[at] = this.#firsts[slot] ?? 0;
      receivedAtMs[at] = this.#receivedAtMs[slot] ?? 0;
      records[at] = this.#records[slot] ?? 0;
      bytes[at] = this.#bytes[slot] ?? 0;
    }
    this.#firsts = firsts;
    this.#receivedAtMs = receivedAtMs;
    this.#records = records;
    this.#bytes = bytes;
    this.#capacity = capacity;
    this.#head = 0;
  }
}
