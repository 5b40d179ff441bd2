/**
 * The binary form in which what devices said travels: spool value, link payload and ingest input are the same bytes, so that a
 * message is encoded once and never copied on its way.
 *
 *   chunk  = record*
 *   record = u32 length of the rest, u8 channel, f64 receivedAtMs, u8 length of deviceId, deviceId (ASCII), payload
 *
 * Numbers are big-endian. The sequence of a record is the chunk's first sequence plus its position.
 */
import { type UpChannel, upChannels } from "../topics.ts";

/** What a record is about: a device's own channel, or `presence` and `security`, which the gateway writes. */
export type RecordChannel = UpChannel | "presence" | "security";
export const recordChannels: readonly RecordChannel[] = [...upChannels, "presence", "security"];

export interface UpRecord {
  channel: RecordChannel;
  /** Of a `security` record: the name that somebody gave, where it can be a device's; empty otherwise. */
  deviceId: string;
  receivedAtMs: number;
  /** The device's bytes as they came; JSON of `Presence` and `SecurityReport` for theirs. A view into the chunk. */
  payload: Uint8Array;
}

/** A record with its place in the spool. */
export interface SequencedRecord extends UpRecord {
  sequence: number;
}

const fixedBytes = 4 + 1 + 8 + 1;
const channelCodes = new Map(recordChannels.map((channel, code) => [channel, code]));

/** The byte that stands for a channel in a record. */
export const channelCode = (channel: RecordChannel): number => channelCodes.get(channel) ?? 0;

/** Bytes that a record takes in a chunk. */
const recordBytes = (record: UpRecord): number => fixedBytes + record.deviceId.length + record.payload.length;

/** One chunk from records in their order. */
export function encodeChunk(records: readonly UpRecord[]): Uint8Array<ArrayBuffer> {
  let total = 0;
  for (const record of records) total += recordBytes(record);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const record of records) {
    const { deviceId, payload } = record;
    view.setUint32(at, recordBytes(record) - 4);
    view.setUint8(at + 4, channelCode(record.channel));
    view.setFloat64(at + 5, record.receivedAtMs);
    view.setUint8(at + 13, deviceId.length);
    at += fixedBytes;
    for (let i = 0; i < deviceId.length; i += 1) bytes[at + i] = deviceId.charCodeAt(i);
    at += deviceId.length;
    bytes.set(payload, at);
    at += payload.length;
  }
  return bytes;
}

/**
 * Builds chunks record by record in one buffer that is used again. A message is copied twice between socket and link, whatever
 * its size, and costs no object of its own.
 */
export class ChunkWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #length = 0;
  #records = 0;

  constructor(bytesAtFirst = 65_536) {
    this.#bytes = new Uint8Array(bytesAtFirst);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Bytes gathered so far. */
  get length(): number {
    return this.#length;
  }

  get records(): number {
    return this.#records;
  }

  /** Bytes that a record would add. */
  static sizeOf(deviceId: Uint8Array, payloadBytes: number): number {
    return fixedBytes + deviceId.length + payloadBytes;
  }

  /**
   * @param code from `channelCode`
   * @param deviceId ASCII, at most 255 bytes
   * @param source holds the payload from `start` to `end`
   * @returns the bytes added
   */
  append(
    code: number,
    deviceId: Uint8Array,
    receivedAtMs: number,
    source: Uint8Array,
    start: number,
    end: number,
  ): number {
    const size = fixedBytes + deviceId.length + (end - start);
    if (this.#length + size > this.#bytes.length) this.#grow(this.#length + size);
    const bytes = this.#bytes;
    let at = this.#length;
    this.#view.setUint32(at, size - 4);
    bytes[at + 4] = code;
    this.#view.setFloat64(at + 5, receivedAtMs);
    bytes[at + 13] = deviceId.length;
    at += fixedBytes;
    bytes.set(deviceId, at);
    at += deviceId.length;
    bytes.set(start === 0 && end === source.length ? source : source.subarray(start, end), at);
    this.#length += size;
    this.#records += 1;
    return size;
  }

  /**
   * What was gathered, in a buffer of its own that may be transferred, and an empty writer.
   *
   * @param headroom bytes left free in front of the chunk for the caller's own header
   */
  take(headroom: number): Uint8Array<ArrayBuffer> {
    const taken = new Uint8Array(headroom + this.#length);
    taken.set(this.#bytes.subarray(0, this.#length), headroom);
    this.#length = 0;
    this.#records = 0;
    return taken;
  }

  #grow(bytesMin: number): void {
    const grown = new Uint8Array(Math.max(bytesMin, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/**
 * The records of a chunk, in order.
 *
 * @param firstSequence the sequence of the first record
 * @throws RangeError where the bytes are no whole chunk: the spool checks a CRC first, so this is a bug
 */
export function decodeChunk(bytes: Uint8Array, firstSequence = 0): SequencedRecord[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: SequencedRecord[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = at + 4 + view.getUint32(at);
    const channel = recordChannels[view.getUint8(at + 4)];
    const idEnd = at + fixedBytes + view.getUint8(at + 13);
    if (channel === undefined || idEnd > end || end > bytes.length) throw new RangeError(`no record at byte ${at}`);
    records.push({
      sequence: firstSequence + records.length,
      channel,
      deviceId: buffer.toString("latin1", at + fixedBytes, idEnd),
      receivedAtMs: view.getFloat64(at + 5),
      payload: buffer.subarray(idEnd, end),
    });
    at = end;
  }
  return records;
}
