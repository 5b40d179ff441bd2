/**
 * What devices said, on disk before it is acknowledged.
 *
 *   append --> Gathering --chunks, one commit at a time--> LMDB --read--> link
 *                  ^                                         |
 *                  +----------- acknowledge: PUBACK ---------+
 *
 * While a commit is under way records gather for the next one, so that the flush is shared by all that came meanwhile. Keys in
 * the store never start again; the link counts from the epoch's base.
 */
import type { Logger } from "pino";
import { linkLimits } from "#protocol/link/messages.ts";
import type { Bounds } from "./bounds.ts";
import { ChunkIndex } from "./core/chunk-index.ts";
import { checkChunkValue, chunkHeaderBytes, firstReceivedAtMs } from "./core/chunk-value.ts";
import { Gathering, type PendingChunk, type Publisher } from "./gathering.ts";
import type { Clock } from "./platform/clock.ts";
import { Pace } from "./platform/pace.ts";
import { PubackLatency } from "./puback-latency.ts";
import { RecentChunks } from "./recent-chunks.ts";
import type { SpoolState, SpoolStore } from "./spool-store.ts";

export interface SpoolBatch {
  /** Sequence of the first record, counted in the epoch. Above what was asked for where records are missing. */
  firstSequence: number;
  records: number;
  chunks: Uint8Array<ArrayBuffer>[];
}

export interface SpoolListener {
  /** More can be read. */
  onDurable(): void;
  /** A commit ended: memory for further records is free again. */
  onRoom(): void;
  /** A commit failed, or writing works again. */
  onHealth(healthy: boolean): void;
  /** Its bound is reached. */
  onFull(): void;
}

export interface SpoolOptions {
  store: SpoolStore;
  bytesMax: number;
  bounds: Bounds;
  clock: Clock;
  newId: () => string;
  logger: Logger;
}

interface Put {
  key: number;
  value: Uint8Array<ArrayBuffer>;
}

/** A full spool opens again below this share of its bound, so that it does not flutter. */
const reopenShare = 0.8;
const damagedRangesMax = 1_000;
/** What LMDB needs for a chunk besides its bytes, so that many small ones count for what they take. */
const chunkOverheadBytes = 64;
const chunkKeyRoom = (value: Uint8Array): number => value.length + chunkOverheadBytes;

/**
 * After a commit of so many records or more the next begins no sooner than so long after it began: a flush costs the same for one and
 * for a thousand. Who writes little waits for nothing but the disk.
 */
const busyRecords = 32;
const busyCommitMs = 10;

export class Spool {
  readonly #store: SpoolStore;
  readonly #newId: () => string;
  readonly #logger: Logger;
  readonly #bytesMax: number;
  readonly #clock: Clock;
  readonly pubackLatency = new PubackLatency();
  readonly #index = new ChunkIndex();
  readonly #gathering: Gathering;
  readonly #recent: RecentChunks;
  #state: SpoolState;
  #listener: SpoolListener = { onDurable() {}, onRoom() {}, onHealth() {}, onFull() {} };

  readonly #pace = new Pace();
  #committing: Promise<void> | null = null;

  #trims: number[] = [];
  #damagedMoves: { key: number; value: Uint8Array }[] = [];
  #damagedRanges: { from: number; to: number }[] = [];
  #full = false;
  #healthy = true;

  constructor({ store, bytesMax, bounds, clock, newId, logger }: SpoolOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#gathering = new Gathering(bounds);
    this.#recent = new RecentChunks(bounds.recentBytesMax);
    this.#newId = newId;
    this.#logger = logger;
    this.#state = store.state() ?? { epoch: "", base: 0, nextKey: 0 };
    this.#load();
    // A bound that the disk cannot hold would end as a write error, with every connection closed.
    const room = this.#index.bytes + Math.floor(store.diskFreeBytes() * reopenShare);
    this.#bytesMax = Math.min(bytesMax, room);
    if (room < bytesMax) logger.warn({ event: "spool_bound_lowered", bytesMax, room }, "little disk is free");
    this.#full = this.#index.bytes >= this.#bytesMax;
  }

  #load(): void {
    let previousKey = -1;
    let damagedFrom: number | null = null;
    for (const { key, value } of this.#store.chunks()) {
      if (damagedFrom !== null) this.#noteDamage(damagedFrom, key - 1);
      damagedFrom = null;
      const records = checkChunkValue(value);
      if (records === null) {
        damagedFrom = key;
        this.#damagedMoves.push({ key, value });
        previousKey = key;
        continue;
      }
      this.#index.push(key, records, chunkKeyRoom(value), firstReceivedAtMs(value));
      previousKey = key + records - 1;
    }
    const nextKey = Math.max(this.#state.nextKey, previousKey + 1);
    if (damagedFrom !== null) this.#noteDamage(damagedFrom, nextKey - 1);
    // Without its state a spool cannot say which sequences it has used: it begins an epoch with what it holds.
    this.#state =
      this.#state.epoch === ""
        ? { epoch: this.#newId(), base: this.#index.length > 0 ? this.#index.firstAt(0) : nextKey, nextKey }
        : { ...this.#state, nextKey };
  }

  listen(listener: SpoolListener): void {
    this.#listener = listener;
  }

  get epoch(): string {
    return this.#state.epoch;
  }

  /** Sequence of the oldest record held; one above the head when there is none. */
  get firstSequence(): number {
    return this.#firstKey() - this.#state.base;
  }

  /** Sequence of the newest durable record; one below the first when there is none. */
  get headSequence(): number {
    return this.#state.nextKey - 1 - this.#state.base;
  }

  /** Durable records that the cloud has not committed. */
  get records(): number {
    return this.#index.records;
  }

  get bytes(): number {
    return this.#index.bytes;
  }

  get bytesMax(): number {
    return this.#bytesMax;
  }

  /** At its bound: what comes is held in memory, and what may be dropped is. */
  get full(): boolean {
    return this.#full;
  }

  /** False from a failed commit until one succeeds. */
  get healthy(): boolean {
    return this.#healthy;
  }

  /** Bytes read from devices and not yet durable. */
  get pendingBytes(): number {
    return this.#gathering.bytes;
  }

  /** QoS 1 messages read and not yet durable. */
  get held(): number {
    return this.#gathering.held;
  }

  /** When the oldest record that the cloud has not committed was received, or null. */
  get oldestReceivedAtMs(): number | null {
    return this.#index.length > 0 ? this.#index.receivedAtMsAt(0) : null;
  }

  /** What lies above a watermark: how many records, and when the oldest of them was received. */
  above(watermark: number): { records: number; oldestReceivedAtMs: number | null } {
    const position = this.#index.find(watermark + 1 + this.#state.base);
    if (position >= this.#index.length) return { records: 0, oldestReceivedAtMs: null };
    const first = Math.max(this.#index.firstAt(position) - this.#state.base, watermark + 1);
    return {
      records: this.headSequence - first + 1,
      oldestReceivedAtMs: this.#index.receivedAtMsAt(position),
    };
  }

  /**
   * Takes a record for the next commit.
   *
   * @param owner hears when the record is durable; null for nobody
   * @param messageId given back to the owner; 0 for none
   * @returns the bytes that it holds until then
   */
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
    const size = this.#gathering.append(code, deviceId, receivedAtMs, source, start, end, owner, messageId);
    this.#schedule();
    return size;
  }

  /**
   * Consecutive chunks from the one that holds `sequence` on, within the link's limits. Damaged ones are set aside and skipped,
   * so that the batch may begin later than asked. The buffers may be transferred.
   */
  read(sequence: number): SpoolBatch | null {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let position = this.#index.find(sequence + this.#state.base);
    let firstKey = 0;
    let records = 0;
    let bytes = 0;
    while (position < this.#index.length) {
      const key = this.#index.firstAt(position);
      const count = this.#index.recordsAt(position);
      if (chunks.length > 0 && (key !== firstKey + records || records + count > linkLimits.batchRecordsMax)) break;
      const value = this.#recent.get(key) ?? this.#readSound(key, count);
      if (value === null) {
        this.#setAside(position, key, count);
        if (chunks.length > 0) break;
        continue;
      }
      if (chunks.length > 0 && bytes + value.length > linkLimits.batchBytesMax) break;
      if (chunks.length === 0) firstKey = key;
      chunks.push(value.subarray(chunkHeaderBytes));
      this.#recent.forget(key);
      records += count;
      bytes += value.length;
      position += 1;
    }
    return chunks.length === 0 ? null : { firstSequence: firstKey - this.#state.base, records, chunks };
  }

  /** Why the records of a range are not here. */
  reasonMissing(fromSequence: number, toSequence: number): string {
    const from = fromSequence + this.#state.base;
    const to = toSequence + this.#state.base;
    return this.#damagedRanges.some((range) => range.from <= to && range.to >= from) ? "damaged_chunk" : "missing";
  }

  /** Drops whole chunks at or below the watermark; the disk follows with the next commit. */
  trimTo(watermark: number): void {
    const keys = this.#index.trimTo(watermark + this.#state.base);
    for (const key of keys) {
      this.#trims.push(key);
      this.#recent.forget(key);
    }
    if (!this.#full || this.#index.bytes >= this.#bytesMax * reopenShare) return;
    this.#full = false;
    this.#logger.info({ event: "spool_reopened", bytes: this.#index.bytes });
    this.#schedule();
    this.#listener.onRoom();
  }

  /**
   * Makes the name of a spool that is new durable, before anybody hears it: a spool that came back under another name would look like
   * one that was lost.
   */
  async keepEpoch(): Promise<void> {
    if (this.#store.state()?.epoch !== this.#state.epoch) await this.#commit();
  }

  /**
   * Counts from 0 again under a new name, keeping what it holds: the cloud remembers more of this spool than the spool does,
   * which was restored or damaged, and would take what is new for what it already has.
   */
  async startEpoch(): Promise<void> {
    await this.flush();
    this.#state = { ...this.#state, epoch: this.#newId(), base: this.#firstKey() };
    await this.#commit();
  }

  /** Now and then: trims that waited for a commit, and a try whether a failed disk works again. */
  tick(): void {
    const waiting = this.#trims.length > 0 || this.#damagedMoves.length > 0 || !this.#healthy;
    if (waiting && this.#committing === null) void this.#commit();
  }

  /** Resolves when what was appended before is durable, or cannot be. */
  async flush(): Promise<void> {
    while (this.#committing !== null) await this.#committing;
    while (this.#healthy && !this.#full && !this.#gathering.isEmpty) await this.#commit();
  }

  async close(): Promise<void> {
    await this.flush();
    this.#pace.cancel();
    if (this.#trims.length > 0 && this.#healthy) await this.#commit();
    await this.#store.close();
  }

  #firstKey(): number {
    return this.#index.length > 0 ? this.#index.firstAt(0) : this.#state.nextKey;
  }

  #schedule(): void {
    if (this.#committing !== null || this.#full || !this.#healthy) return;
    // After this turn of the event loop at the earliest, so that everything that the sockets had ready shares one flush.
    this.#pace.schedule(() => {
      if (this.#committing === null && !this.#gathering.isEmpty) void this.#commit();
    });
  }

  /** Writes as much of what is pending as one commit may hold, and what else waits for one. */
  #commit(): Promise<void> {
    const running = this.#writeOnce().finally(() => {
      this.#committing = null;
      if (!this.#gathering.isEmpty) this.#schedule();
    });
    this.#committing = running;
    return running;
  }

  async #writeOnce(): Promise<void> {
    const chunks = this.#full || !this.#healthy ? [] : this.#gathering.take();
    const trims = this.#trims;
    const damaged = this.#damagedMoves;
    this.#trims = [];
    this.#damagedMoves = [];
    const isBusy = chunks.reduce((sum, { records }) => sum + records, 0) >= busyRecords;
    this.#pace.rest(isBusy ? busyCommitMs : 0);
    let nextKey = this.#state.nextKey;
    const puts: Put[] = chunks.map(({ value, records }) => {
      const key = nextKey;
      nextKey += records;
      return { key, value };
    });
    try {
      await this.#store.commit({ puts, removes: trims, damaged, state: { ...this.#state, nextKey } });
    } catch (error) {
      this.#trims = [...trims, ...this.#trims];
      this.#damagedMoves = [...damaged, ...this.#damagedMoves];
      this.#failed(chunks, puts, nextKey, error);
      return;
    }
    this.#state = { ...this.#state, nextKey };
    if (!this.#healthy) {
      this.#healthy = true;
      this.#logger.info({ event: "spool_recovered" });
      this.#listener.onHealth(true);
    }
    for (const [at, { key, value }] of puts.entries()) this.#committed(key, value, chunks[at]?.records ?? 0);
    const nowMs = this.#clock.nowMs();
    for (const { openedAtMs, pubacks } of chunks) this.pubackLatency.observe(nowMs - openedAtMs, pubacks);
    this.#gathering.acknowledge(chunks);
    this.#listener.onDurable();
    this.#listener.onRoom();
  }

  #committed(key: number, value: Uint8Array<ArrayBuffer>, records: number): void {
    this.#index.push(key, records, chunkKeyRoom(value), firstReceivedAtMs(value));
    this.#recent.keep(key, value);
    if (this.#full || this.#index.bytes < this.#bytesMax) return;
    this.#full = true;
    this.#listener.onFull();
    this.#logger.warn({ event: "spool_full", bytes: this.#index.bytes, bytesMax: this.#bytesMax });
  }

  /**
   * A record whose write failed may or may not be on disk, and what gathered behind it cannot follow: all are given up without
   * an acknowledgement, and the devices send them again.
   */
  #failed(chunks: PendingChunk[], puts: Put[], nextKey: number, error: unknown): void {
    const wasHealthy = this.#healthy;
    this.#healthy = false;
    if (wasHealthy) this.#logger.error({ event: "spool_write_failed", err: error });
    const lost = this.#gathering.drop(chunks);
    // Where the commit stands after all, its records are served like any other; nobody was told, so they come twice.
    if (puts.length > 0 && this.#store.state()?.nextKey === nextKey) {
      this.#state = { ...this.#state, nextKey };
      for (const [at, { key, value }] of puts.entries()) this.#committed(key, value, chunks[at]?.records ?? 0);
    }
    if (wasHealthy) this.#listener.onHealth(false);
    for (const owner of lost) owner.lost();
  }

  /** A copy of the stored value, or null where it is not what was written. */
  #readSound(key: number, records: number): Uint8Array<ArrayBuffer> | null {
    const stored = this.#readStored(key);
    return stored !== undefined && checkChunkValue(stored) === records ? new Uint8Array(stored) : null;
  }

  #readStored(key: number): Uint8Array | undefined {
    try {
      return this.#store.read(key);
    } catch (error) {
      this.#logger.error({ event: "spool_read_failed", key, err: error });
      return undefined;
    }
  }

  #setAside(position: number, key: number, records: number): void {
    this.#index.remove(position);
    this.#damagedMoves.push({ key, value: new Uint8Array(this.#readStored(key) ?? []) });
    this.#noteDamage(key, key + records - 1);
  }

  #noteDamage(from: number, to: number): void {
    this.#damagedRanges = [...this.#damagedRanges, { from, to }].slice(-damagedRangesMax);
    this.#logger.error({ event: "spool_chunk_damaged", fromKey: from, toKey: to });
  }
}
