import { type PacketMemory, type PacketRecord, recordsPerBlock } from "./packet-memory.ts";

/** A record with its number: the tape's first is 0, and none is used again. */
export interface TapeRecord extends PacketRecord {
  n: number;
}

const pingreqByte = 0xc0;

/** The last packets of one device, in blocks that are taken as they come and then written over, the oldest first. */
export class Tape {
  /** Changes with every record. */
  version = 0;
  readonly #memory: PacketMemory;
  readonly #blocksMax: number;
  /** The one that is written to; the one after it is the oldest. */
  #block = -1;
  #at = 0;
  #blocks = 0;
  #total = 0;

  /** @param recordsMax rounded up to whole blocks */
  constructor(memory: PacketMemory, recordsMax: number) {
    this.#memory = memory;
    this.#blocksMax = Math.ceil(recordsMax / recordsPerBlock);
  }

  /** Records ever put. */
  get total(): number {
    return this.#total;
  }

  /** @param text from the memory's texts, used by the record from now on */
  put(atMs: number, isOut: boolean, first: number, code: number, messageId: number, size: number, text: number): void {
    if ((this.#block < 0 || this.#at === recordsPerBlock) && !this.#advance()) {
      this.#memory.texts.drop(text);
      return;
    }
    this.#memory.write(this.#block, this.#at, atMs, isOut, first, code, messageId, size, text);
    this.#at += 1;
    this.#total += 1;
    this.version += 1;
  }

  /** A ping that was answered. Pings in a row are one record, so that an idle device keeps what it said before. */
  pinged(atMs: number): void {
    const isAgain = this.#at > 0 && this.#memory.repeat(this.#block, this.#at - 1, atMs, pingreqByte);
    if (isAgain) this.version += 1;
    else this.put(atMs, false, pingreqByte, 0, 0, 1, 0);
  }

  /** Gives the last record a text. */
  name(text: number): void {
    if (this.#at > 0) this.#memory.name(this.#block, this.#at - 1, text);
    else this.#memory.texts.drop(text);
  }

  /** The records that are kept, from number `from` on, oldest first. */
  *records(from = 0): Generator<TapeRecord> {
    if (this.#block < 0) return;
    const capacity = this.#blocks * recordsPerBlock;
    const isFull = this.#total >= capacity;
    let block = isFull ? this.#block : this.#memory.next(this.#block);
    let at = isFull ? this.#at : 0;
    for (let n = this.#total - Math.min(this.#total, capacity); n < this.#total; n += 1) {
      if (at === recordsPerBlock) {
        block = this.#memory.next(block);
        at = 0;
      }
      if (n >= from) yield { n, ...this.#memory.read(block, at) };
      at += 1;
    }
  }

  /** Gives everything back. */
  free(): void {
    let block = this.#block;
    for (let left = this.#blocks; left > 0; left -= 1) {
      const next = this.#memory.next(block);
      this.#memory.give(block);
      block = next;
    }
    this.#block = -1;
    this.#at = 0;
    this.#blocks = 0;
    this.#total = 0;
  }

  /** To a new block, or onto the oldest. @returns whether there is any */
  #advance(): boolean {
    // Once it has gone round it stays as long as it is: a block in between would break the order.
    const hasGoneRound = this.#total > this.#blocks * recordsPerBlock;
    const fresh = this.#blocks < this.#blocksMax && !hasGoneRound ? this.#memory.take() : -1;
    if (fresh < 0 && this.#block < 0) return false;
    if (fresh < 0) {
      this.#block = this.#memory.next(this.#block);
    } else {
      if (this.#block >= 0) {
        this.#memory.link(fresh, this.#memory.next(this.#block));
        this.#memory.link(this.#block, fresh);
      }
      this.#block = fresh;
      this.#blocks += 1;
    }
    this.#at = 0;
    return true;
  }
}
