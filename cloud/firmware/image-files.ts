import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { ImageBlocks } from "./image-blocks.ts";
import type { Ids } from "../platform/ids.ts";

/** What was received, in a temporary file that the caller keeps or discards. */
export interface ReceivedImage {
  path: string;
  length: number;
  sha256: string;
  sha1: string;
  md5: string;
}

/** What is read of a received image at once. */
const readBytes = 262_144;

/** An image for reading. Whoever has one reads it once or closes it. */
export interface OpenImage {
  length: number;
  /** The bytes from `first` to `last`, both included; the image is closed after them. */
  read(range: { first: number; last: number }): Readable;
  close(): Promise<void>;
}

/** Firmware images on disk, each under its SHA-256. */
export class ImageFiles {
  readonly #dir: string;
  readonly #incoming: string;
  readonly #ids: Ids;
  readonly #blocks = new ImageBlocks();

  constructor(artifactsDir: string, ids: Ids) {
    this.#dir = join(artifactsDir, "firmware");
    this.#incoming = join(this.#dir, "incoming");
    this.#ids = ids;
  }

  /** Makes the folders and removes what uploads of a killed process left behind. */
  async prepare(): Promise<void> {
    await mkdir(this.#incoming, { recursive: true });
    const left = await readdir(this.#incoming);
    await Promise.all(left.map((name) => rm(join(this.#incoming, name), { force: true })));
  }

  /**
   * Writes a stream to a temporary file, flushed to disk, while its digests are computed. Nothing is left where the stream breaks.
   *
   * @returns null where the stream holds more than `bytesMax`; the rest of it is left unread
   */
  async receive(stream: Readable, bytesMax: number): Promise<ReceivedImage | null> {
    const path = join(this.#incoming, `${this.#ids.next()}.part`);
    const file = await open(path, "wx", 0o600);
    try {
      const image = await this.#write(file, stream, bytesMax);
      if (image !== null) return { path, ...image };
    } catch (error) {
      await this.discard(path);
      throw error;
    } finally {
      await file.close();
    }
    await this.discard(path);
    return null;
  }

  async #write(file: FileHandle, stream: Readable, bytesMax: number): Promise<Omit<ReceivedImage, "path"> | null> {
    const digests = { sha256: createHash("sha256"), sha1: createHash("sha1"), md5: createHash("md5") };
    let length = 0;
    // Not destroyed when left early: the answer to the sender goes over the same socket.
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
      if (!Buffer.isBuffer(chunk)) throw new TypeError("an upload is a stream of bytes");
      length += chunk.length;
      if (length > bytesMax) return null;
      for (const digest of Object.values(digests)) digest.update(chunk);
      await file.writeFile(chunk);
    }
    await file.sync();
    return {
      length,
      sha256: digests.sha256.digest("hex"),
      sha1: digests.sha1.digest("hex"),
      md5: digests.md5.digest("hex"),
    };
  }

  /** The bytes of a received image from its beginning. */
  readReceived({ path }: ReceivedImage): AsyncIterable<Buffer> {
    return createReadStream(path, { highWaterMark: readBytes });
  }

  async discard(path: string): Promise<void> {
    await rm(path, { force: true });
  }

  /** Moves a received image to its place. Once this returns it survives a loss of power. */
  async keep(image: ReceivedImage): Promise<void> {
    await rename(image.path, this.#pathOf(image.sha256));
    const dir = await open(this.#dir);
    try {
      await dir.sync();
    } finally {
      await dir.close();
    }
  }

  async remove(sha256: string): Promise<void> {
    await rm(this.#pathOf(sha256), { force: true });
  }

  /** An image for reading, or null where there is none. */
  async open(sha256: string): Promise<OpenImage | null> {
    try {
      const file = await open(this.#pathOf(sha256));
      const { size } = await file.stat();
      return {
        length: size,
        read: (range) => this.#blocks.stream(sha256, file, size, range),
        close: () => file.close(),
      };
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
      throw error;
    }
  }

  #pathOf(sha256: string): string {
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw new TypeError("an image is named by its SHA-256");
    return join(this.#dir, sha256);
  }
}
