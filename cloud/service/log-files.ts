import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createGunzip } from "node:zlib";
import { Redaction, type RemovalCounts } from "./core/redact.ts";

export interface StoredLog {
  bytes: number;
  sha256: string;
  /** It was longer than may be sent, or than is kept. */
  isCut: boolean;
  removals: RemovalCounts;
}

export type Received =
  | { kind: "stored"; log: StoredLog }
  | { kind: "refused"; rule: "upload_not_gzip" | "upload_not_text" | "upload_broken" };

const isZlibError = (error: unknown): boolean =>
  error instanceof Error && "code" in error && String(error.code).startsWith("Z_");

/** Logs of appliances on disk, without the secrets that were in them. */
export class LogFiles {
  readonly #dir: string;
  readonly #bytesMax: number;

  /** @param bytesMax of what is sent, of what that comes to unpacked, and of what is kept */
  constructor(artifactsDir: string, bytesMax: number) {
    this.#dir = join(artifactsDir, "logs");
    this.#bytesMax = bytesMax;
  }

  /** Makes the folder and deletes what nobody knows of: parts, and files that a killed process did not come to note. */
  async prepare(areKnown: (ids: readonly string[]) => Promise<ReadonlySet<string>>): Promise<void> {
    await mkdir(this.#dir, { recursive: true });
    const names = await readdir(this.#dir);
    const ids = names.flatMap((name) => (name.endsWith(".log") ? [name.slice(0, -".log".length)] : []));
    const known = ids.length === 0 ? new Set<string>() : await areKnown(ids);
    const lost = names.filter((name) => !known.has(name.replace(/\.log$/, "")) || !name.endsWith(".log"));
    await Promise.all(lost.map((name) => rm(join(this.#dir, name), { force: true })));
  }

  /**
   * Takes a log in as a stream: unpacked, cleaned and bounded as it comes. Nothing of one that is refused stays.
   *
   * @param id a UUID: it is the file's name
   */
  async receive(id: string, body: Readable, isGzip: boolean): Promise<Received> {
    await mkdir(this.#dir, { recursive: true });
    const part = join(this.#dir, `${id}.part`);
    try {
      const received = await this.#write(part, body, isGzip);
      if (received.kind === "stored") await rename(part, this.#pathOf(id));
      return received;
    } catch (error) {
      if (isZlibError(error)) return { kind: "refused", rule: "upload_not_gzip" };
      // The sender went away in the middle.
      if (body.errored !== null || body.destroyed) return { kind: "refused", rule: "upload_broken" };
      throw error;
    } finally {
      await rm(part, { force: true });
    }
  }

  read(id: string): Readable {
    return createReadStream(this.#pathOf(id));
  }

  /** Line by line; none where there is no such file. */
  async *lines(id: string): AsyncGenerator<string> {
    const file = await open(this.#pathOf(id)).catch((error: unknown) => {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
      throw error;
    });
    if (file === null) return;
    try {
      yield* file.readLines({ encoding: "utf8", autoClose: false });
    } finally {
      await file.close();
    }
  }

  async remove(id: string): Promise<void> {
    await rm(this.#pathOf(id), { force: true });
  }

  #pathOf(id: string): string {
    return join(this.#dir, `${id}.log`);
  }

  async #write(part: string, body: Readable, isGzip: boolean): Promise<Received> {
    const redaction = new Redaction();
    const decoder = new TextDecoder();
    const digest = createHash("sha256");
    const sent = { isCut: false };
    let [bytes, unpacked, isCut] = [0, 0, false];
    await rm(part, { force: true });
    const file = await open(part, "wx", 0o600);
    const put = async (text: string): Promise<void> => {
      const data = Buffer.from(text).subarray(0, this.#bytesMax - bytes);
      if (data.length === 0) return;
      bytes += data.length;
      digest.update(data);
      await file.writeFile(data);
    };
    try {
      for await (const piece of this.#pieces(body, isGzip, sent)) {
        if (piece.includes(0)) return { kind: "refused", rule: "upload_not_text" };
        const room = this.#bytesMax - unpacked;
        isCut = piece.length > room;
        unpacked += Math.min(piece.length, room);
        await put(redaction.push(decoder.decode(piece.subarray(0, room), { stream: true })));
        if (isCut) break;
      }
      await put(redaction.push(decoder.decode()) + redaction.end());
      await file.sync();
    } finally {
      await file.close();
    }
    const log = { bytes, sha256: digest.digest("hex"), isCut: isCut || sent.isCut, removals: redaction.counts };
    return { kind: "stored", log };
  }

  /** The log's own bytes. A packed one that is cut short gives what can be unpacked of it. */
  async *#pieces(body: Readable, isGzip: boolean, sent: { isCut: boolean }): AsyncGenerator<Buffer> {
    const source = bounded(body, this.#bytesMax, sent);
    if (!isGzip) {
      yield* source;
      return;
    }
    const gunzip = createGunzip({ finishFlush: constants.Z_SYNC_FLUSH });
    // Whoever reads hears of what goes wrong: it breaks the stream that is read.
    const feeding = pipeline(Readable.from(source), gunzip).catch(() => {});
    for await (const piece of gunzip) {
      if (!Buffer.isBuffer(piece)) throw new TypeError("gunzip gives bytes");
      yield piece;
    }
    await feeding;
  }
}

/** The first `bytesMax` bytes. The rest is left unread, and the sender's stream whole: the answer goes over the same socket. */
async function* bounded(body: Readable, bytesMax: number, sent: { isCut: boolean }): AsyncGenerator<Buffer> {
  let left = bytesMax;
  for await (const chunk of body.iterator({ destroyOnReturn: false })) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError("an upload is a stream of bytes");
    if (chunk.length > left) {
      sent.isCut = true;
      yield chunk.subarray(0, left);
      return;
    }
    left -= chunk.length;
    yield chunk;
  }
}
