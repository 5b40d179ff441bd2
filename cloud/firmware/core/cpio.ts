/** Reads a cpio archive in one of the "new" forms (`070701`, and `070702` with a sum of the bytes) as it comes, never the whole of it. */

/** Part of an archive: a file's head, some of its bytes, or its end. */
export type CpioPart =
  | { kind: "file"; name: string; length: number }
  | { kind: "bytes"; bytes: Buffer }
  | { kind: "end" };

/** What is no such archive, in a sentence. */
export class NotCpio extends Error {}

const headLength = 110;
const nameLengthMax = 256;
const trailer = "TRAILER!!!";

const padded = (length: number): number => (length + 3) & ~3;

/** Hands out what a stream still has to give, in the pieces that are asked for. */
class Bytes {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** At most `max` bytes, at least one. */
  async some(max: number): Promise<Buffer> {
    while (this.#rest.length === 0) {
      const { value, done } = await this.#chunks.next();
      if (done === true) throw new NotCpio("it ends in the middle");
      this.#rest = value;
    }
    const piece = this.#rest.subarray(0, max);
    this.#rest = this.#rest.subarray(piece.length);
    return piece;
  }

  /** Exactly so many, of which there are few. */
  async exactly(length: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (let have = 0; have < length;) {
      const piece = await this.some(length - have);
      pieces.push(piece);
      have += piece.length;
    }
    return Buffer.concat(pieces);
  }
}

function hex(head: Buffer, at: number): number {
  const text = head.toString("latin1", at, at + 8);
  if (!/^[0-9a-fA-F]{8}$/.test(text)) throw new NotCpio("a file's head is none");
  return Number.parseInt(text, 16);
}

/**
 * The files of an archive, in their order. What comes behind its trailer is not read.
 *
 * @throws NotCpio where it is none, or a file's bytes do not sum up to what its head says
 */
export async function* readCpio(chunks: AsyncIterable<Buffer>): AsyncGenerator<CpioPart> {
  const bytes = new Bytes(chunks);
  for (;;) {
    const head = await bytes.exactly(headLength);
    const magic = head.toString("latin1", 0, 6);
    if (magic !== "070701" && magic !== "070702") throw new NotCpio("it is no cpio archive of the newc or crc form");
    const [length, nameLength, sum] = [hex(head, 54), hex(head, 94), hex(head, 102)];
    if (nameLength < 2 || nameLength > nameLengthMax) throw new NotCpio("a file's name is too long, or empty");
    // Head and name together end on a multiple of four, as do a file's bytes.
    const name = (await bytes.exactly(padded(headLength + nameLength) - headLength)).toString(
      "utf8",
      0,
      nameLength - 1,
    );
    if (name === trailer) return;
    yield { kind: "file", name, length };
    let total = 0;
    for (let left = length; left > 0;) {
      const piece = await bytes.some(left);
      if (magic === "070702") for (const byte of piece) total = (total + byte) >>> 0;
      left -= piece.length;
      yield { kind: "bytes", bytes: piece };
    }
    if (magic === "070702" && total !== sum) throw new NotCpio(`the sum of the bytes of ${name} is wrong`);
    await bytes.exactly(padded(length) - length);
    yield { kind: "end" };
  }
}
