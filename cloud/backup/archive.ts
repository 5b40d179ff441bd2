/** The archive of a backup, written and read as a stream: a tar, compressed with zstd. */
import { createHash, type Hash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createZstdCompress, createZstdDecompress } from "node:zlib";
import { extract, pack } from "tar-stream";

/** Whole entries are held in memory on their way, so none is larger. */
export const partBytesMax = 4 * 1_048_576;
const fileMode = 0o600;

type Entry = ReturnType<ReturnType<typeof pack>["entry"]>;

const finished = (entry: Entry): Promise<void> =>
  new Promise((resolve, reject) => {
    entry.once("finish", resolve);
    entry.once("error", reject);
  });

const drained = (entry: Entry): Promise<void> =>
  new Promise((resolve) => {
    entry.once("drain", resolve);
  });

export class ArchiveWriter {
  readonly #pack = pack();
  readonly #path: string;
  readonly #written: Promise<void>;

  /** @param path a file that is not there; only its owner may read it, since it holds keys */
  constructor(path: string) {
    this.#path = path;
    const file = createWriteStream(path, { flags: "wx", mode: fileMode });
    this.#written = pipeline(this.#pack, createZstdCompress(), file);
    // Whoever writes next is told; until then nobody listens.
    this.#written.catch(() => {});
  }

  /** Writes a small entry whole. */
  async add(name: string, bytes: Buffer, mode = fileMode): Promise<void> {
    const entry = this.#pack.entry({ name, mode, size: bytes.length });
    const taken = finished(entry);
    entry.end(bytes);
    await Promise.race([taken, this.#failed()]);
  }

  /** Writes a file as it is. @returns how long it is, and its hash */
  async addFile(name: string, path: string): Promise<{ bytes: number; sha256: string }> {
    const measured = new Measured();
    const handle = await open(path);
    try {
      const { size, mode } = await handle.stat();
      const entry = this.#pack.entry({ name, mode: mode & 0o777, size });
      const taken = finished(entry);
      let left = size;
      // A file that grows meanwhile is taken as long as it was; one that shrinks is no file of ours.
      for await (const piece of handle.createReadStream({ autoClose: false })) {
        if (!Buffer.isBuffer(piece) || left === 0) break;
        const part = piece.subarray(0, left);
        left -= part.length;
        measured.take(part);
        if (!entry.write(part)) await Promise.race([drained(entry), this.#failed()]);
      }
      entry.end(null);
      await Promise.race([taken, this.#failed()]);
      return { bytes: measured.bytes, sha256: measured.sha256() };
    } finally {
      await handle.close();
    }
  }

  /** Ends the archive, and returns once it would survive a power failure. */
  async end(): Promise<void> {
    this.#pack.finalize();
    await this.#written;
    const handle = await open(this.#path, "r+");
    await handle.sync();
    await handle.close();
  }

  async giveUp(): Promise<void> {
    this.#pack.destroy();
    await this.#written.catch(() => {});
  }

  async #failed(): Promise<never> {
    await this.#written;
    throw new Error("the archive ended before it was finished");
  }
}

export interface ArchiveEntry {
  name: string;
  mode: number;
  pieces: AsyncIterable<Buffer>;
}

/** The archive is cut short, damaged, or none at all. */
export class ArchiveUnreadable extends Error {
  override name = "ArchiveUnreadable";
}

const unreadable = (cause: unknown): ArchiveUnreadable =>
  new ArchiveUnreadable(cause instanceof Error ? cause.message : String(cause), { cause });

/**
 * The entries of an archive, in order. Each is to be read to its end before the next is asked for.
 *
 * @throws ArchiveUnreadable here, or while an entry is read
 */
export async function* readArchive(path: string): AsyncIterable<ArchiveEntry> {
  const tar = extract();
  const reading = pipeline(createReadStream(path), createZstdDecompress(), tar);
  // What goes wrong reaches whoever reads the entries.
  reading.catch(() => {});
  for await (const entry of reads(tar)) {
    const { name, mode } = entry.header;
    yield { name, mode, pieces: buffersOf(entry) };
  }
  await reading.catch((error: unknown) => {
    throw unreadable(error);
  });
}

/** The same, with every failure of the source under one name; what its consumer throws is the consumer's. */
async function* reads<T>(source: AsyncIterable<T>): AsyncIterable<T> {
  const iterator = source[Symbol.asyncIterator]();
  for (;;) {
    const next = await iterator.next().catch((error: unknown) => {
      throw unreadable(error);
    });
    if (next.done === true) return;
    yield next.value;
  }
}

async function* buffersOf(pieces: AsyncIterable<unknown>): AsyncIterable<Buffer> {
  for await (const piece of reads(pieces)) if (piece instanceof Uint8Array) yield Buffer.from(piece);
}

/** Counts and hashes what passes. */
export class Measured {
  bytes = 0;
  readonly #hash: Hash = createHash("sha256");

  take(piece: Buffer): void {
    this.bytes += piece.length;
    this.#hash.update(piece);
  }

  sha256(): string {
    return this.#hash.copy().digest("hex");
  }
}
