import { ChunkWriter } from "#protocol/link/up-chunk.ts";
import type { Bounds } from "./bounds.ts";
import { chunkHeaderBytes, sealChunkValue } from "./core/chunk-value.ts";

/** Who appended a record and waits to hear of it. */
export interface Publisher {
  /** The record is on disk. @returns whether it is the publisher's first of this commit: `acknowledge` then follows */
  durable(messageId: number, bytes: number): boolean;
  /** All of this commit's records were named. @param pendingSinceMs age of the oldest record not yet on disk, or null */
  acknowledge(pendingSinceMs: number | null): void;
  /** The commit failed: nothing of it may be acknowledged. */
  lost(): void;
}

/** A sealed chunk on its way to the disk, and who waits for each of its records. */
export interface PendingChunk extends Waiting {
  value: Uint8Array<ArrayBuffer>;
  records: number;
}

interface Waiting {
  openedAtMs: number;
  owners: (Publisher | null)[];
  messageIds: number[];
  sizes: number[];
  /** How many of them want a PUBACK. */
  pubacks: number;
}

const nobodyWaits = (): Waiting => ({ openedAtMs: 0, owners: [], messageIds: [], sizes: [], pubacks: 0 });

/** Records that were read from devices and are not durable yet, in the order in which they will be. */
export class Gathering {
  readonly #bounds: Bounds;
  readonly #writer = new ChunkWriter();
  #waiting = nobodyWaits();
  #sealed: PendingChunk[] = [];
  #bytes = 0;
  #held = 0;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  get isEmpty(): boolean {
    return this.#writer.records === 0 && this.#sealed.length === 0;
  }

  /** Bytes of all records, those of a commit under way included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** QoS 1 messages among them. */
  get held(): number {
    return this.#held;
  }

  /** When the oldest record that no commit has taken yet was received, or null. */
  get sinceMs(): number | null {
    return this.#sealed[0]?.openedAtMs ?? (this.#writer.records > 0 ? this.#waiting.openedAtMs : null);
  }

  /** @returns the bytes that the record holds until it is durable */
  append(
    code: number,
    deviceId: Uint8Array,
    receivedAtMs: number,
    source: Uint8Array,
    start: number,
    end: number,
    owner: Publisher | null,
    messageId: number,
  ): number {
    const size = ChunkWriter.sizeOf(deviceId, end - start);
    const { chunkRecordsMax, chunkBytesMax } = this.#bounds;
    if (this.#writer.records >= chunkRecordsMax || this.#writer.length + size > chunkBytesMax) this.#seal();
    const waiting = this.#waiting;
    if (this.#writer.records === 0) waiting.openedAtMs = receivedAtMs;
    this.#writer.append(code, deviceId, receivedAtMs, source, start, end);
    waiting.owners.push(owner);
    waiting.messageIds.push(messageId);
    waiting.sizes.push(size);
    this.#bytes += size;
    if (messageId > 0) {
      this.#held += 1;
      waiting.pubacks += 1;
    }
    return size;
  }

  /** Chunks for one commit, oldest first. */
  take(): PendingChunk[] {
    this.#seal();
    let bytes = 0;
    let count = 0;
    for (const { value } of this.#sealed) {
      if (count > 0 && bytes + value.length > this.#bounds.commitBytesMax) break;
      bytes += value.length;
      count += 1;
    }
    return this.#sealed.splice(0, count);
  }

  /** Tells the owners of chunks that are durable now. */
  acknowledge(chunks: readonly PendingChunk[]): void {
    const touched: Publisher[] = [];
    for (const { owners, messageIds, sizes } of chunks) {
      for (let at = 0; at < owners.length; at += 1) {
        const owner = owners[at];
        const size = sizes[at] ?? 0;
        const messageId = messageIds[at] ?? 0;
        this.#bytes -= size;
        if (messageId > 0) this.#held -= 1;
        if (owner && owner.durable(messageId, size)) touched.push(owner);
      }
    }
    const { sinceMs } = this;
    for (const owner of touched) owner.acknowledge(sinceMs);
  }

  /** Gives up everything, and the chunks of a commit that failed with it. @returns whom to tell */
  drop(chunks: readonly PendingChunk[]): Set<Publisher> {
    this.#seal();
    const owners = new Set<Publisher>();
    for (const chunk of [...chunks, ...this.#sealed]) {
      for (const owner of chunk.owners) if (owner) owners.add(owner);
    }
    this.#sealed = [];
    this.#bytes = 0;
    this.#held = 0;
    return owners;
  }

  #seal(): void {
    const { records } = this.#writer;
    if (records === 0) return;
    const value = this.#writer.take(chunkHeaderBytes);
    sealChunkValue(value, records);
    this.#sealed.push({ ...this.#waiting, value, records });
    this.#waiting = nobodyWaits();
  }
}
