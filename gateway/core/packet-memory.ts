/**
 * Where what is kept of packets lies: blocks of a few records in large pieces, taken as they are needed and never more than a bound.
 * A record is 18 bytes, whoever it is of.
 *
 *   f64 time, u32 (message id, code, first byte), u32 (size, direction), u16 text
 */
export const recordsPerBlock = 8;
const pieceBits = 12;
const blocksPerPiece = 2 ** pieceBits;
const recordsPerPiece = blocksPerPiece * recordsPerBlock;
export const bytesPerBlock = recordsPerBlock * 18;
const sizeMax = 0x7fff_ffff;
/** One in the place of the size, which stands above the direction. */
const countStep = 2;

export interface PacketRecord {
  atMs: number;
  isOut: boolean;
  /** The packet's first byte: its type and flags. */
  first: number;
  code: number;
  messageId: number;
  /** Bytes; of pings, how many there were in a row. */
  size: number;
  /** From `PacketTexts`, 0 for none. */
  text: number;
}

interface Piece {
  times: Float64Array;
  words: Uint32Array;
  texts: Uint16Array;
  /** The block after each block of a tape. */
  next: Int32Array;
}

const newPiece = (): Piece => ({
  times: new Float64Array(recordsPerPiece),
  words: new Uint32Array(recordsPerPiece * 2),
  texts: new Uint16Array(recordsPerPiece),
  next: new Int32Array(blocksPerPiece),
});

/** Texts that records name by a number, each there once however many name it. At its bound a text is not kept. */
export class PacketTexts {
  readonly #max: number;
  readonly #ids = new Map<string, number>();
  readonly #texts: string[] = [""];
  readonly #uses: number[] = [1];
  readonly #free: number[] = [];

  /** @param pinned are there for ever, numbered from 1 in their order */
  constructor(max: number, pinned: readonly string[]) {
    this.#max = Math.min(max, 0xffff);
    for (const text of pinned) {
      this.#ids.set(text, this.#texts.length);
      this.#texts.push(text);
      this.#uses.push(Infinity);
    }
  }

  /** The number of a text, for one use more; 0 where there is no room. */
  use(text: string): number {
    const known = this.#ids.get(text);
    if (known !== undefined) {
      this.#uses[known] = (this.#uses[known] ?? 0) + 1;
      return known;
    }
    if (this.#ids.size >= this.#max) return 0;
    const id = this.#free.pop() ?? this.#texts.length;
    this.#texts[id] = text;
    this.#uses[id] = 1;
    this.#ids.set(text, id);
    return id;
  }

  drop(id: number): void {
    if (id === 0) return;
    const uses = (this.#uses[id] ?? 0) - 1;
    this.#uses[id] = uses;
    if (uses > 0) return;
    this.#ids.delete(this.#texts[id] ?? "");
    this.#texts[id] = "";
    this.#free.push(id);
  }

  text(id: number): string {
    return this.#texts[id] ?? "";
  }

  get count(): number {
    return this.#ids.size;
  }
}

export class PacketMemory {
  readonly texts: PacketTexts;
  readonly #blocksMax: number;
  readonly #pieces: Piece[] = [];
  readonly #free: number[] = [];
  #taken = 0;

  constructor(bytesMax: number, textsMax: number, pinned: readonly string[] = []) {
    this.#blocksMax = Math.floor(bytesMax / bytesPerBlock);
    this.texts = new PacketTexts(textsMax, pinned);
  }

  /** A block that follows itself, or -1 where there is none left. */
  take(): number {
    const block = this.#free.pop() ?? (this.#taken < this.#blocksMax ? this.#taken++ : -1);
    if (block < 0) return -1;
    if (block >> pieceBits >= this.#pieces.length) this.#pieces.push(newPiece());
    this.link(block, block);
    return block;
  }

  /** Gives back a block; what its records named is no longer used. */
  give(block: number): void {
    const { texts } = this.#piece(block);
    const start = (block % blocksPerPiece) * recordsPerBlock;
    for (let at = start; at < start + recordsPerBlock; at += 1) {
      this.texts.drop(texts[at] ?? 0);
      texts[at] = 0;
    }
    this.#free.push(block);
  }

  next(block: number): number {
    return this.#piece(block).next[block % blocksPerPiece] ?? block;
  }

  link(block: number, next: number): void {
    this.#piece(block).next[block % blocksPerPiece] = next;
  }

  /** Writes over whatever was there. `text` is used by the record from now on. */
  write(
    block: number,
    at: number,
    atMs: number,
    isOut: boolean,
    first: number,
    code: number,
    messageId: number,
    size: number,
    text: number,
  ): void {
    const piece = this.#piece(block);
    const place = (block % blocksPerPiece) * recordsPerBlock + at;
    const before = piece.texts[place] ?? 0;
    if (before !== 0) this.texts.drop(before);
    piece.texts[place] = text;
    piece.times[place] = atMs;
    piece.words[place * 2] = (messageId << 16) | (code << 8) | first;
    piece.words[place * 2 + 1] = (Math.min(size, sizeMax) << 1) | (isOut ? 1 : 0);
  }

  /** Gives a record another text, which it uses from now on. */
  name(block: number, at: number, text: number): void {
    const { texts } = this.#piece(block);
    const place = (block % blocksPerPiece) * recordsPerBlock + at;
    this.texts.drop(texts[place] ?? 0);
    texts[place] = text;
  }

  /** Adds one to the number of times that a packet came in a row. @returns whether it is the one that lies there */
  repeat(block: number, at: number, atMs: number, first: number): boolean {
    const { words, times } = this.#piece(block);
    const place = (block % blocksPerPiece) * recordsPerBlock + at;
    if (((words[place * 2] ?? 0) & 0xff) !== first) return false;
    words[place * 2 + 1] = (words[place * 2 + 1] ?? 0) + countStep;
    times[place] = atMs;
    return true;
  }

  read(block: number, at: number): PacketRecord {
    const piece = this.#piece(block);
    const place = (block % blocksPerPiece) * recordsPerBlock + at;
    const head = piece.words[place * 2] ?? 0;
    const tail = piece.words[place * 2 + 1] ?? 0;
    return {
      atMs: piece.times[place] ?? 0,
      isOut: (tail & 1) === 1,
      first: head & 0xff,
      code: (head >> 8) & 0xff,
      messageId: head >>> 16,
      size: tail >>> 1,
      text: piece.texts[place] ?? 0,
    };
  }

  #piece(block: number): Piece {
    const piece = this.#pieces[block >> pieceBits];
    if (piece === undefined) throw new RangeError(`no block ${block}`);
    return piece;
  }
}
