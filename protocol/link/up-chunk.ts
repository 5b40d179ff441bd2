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

/** What a record is about: a device's own channel, or `presence`, which the gateway writes. */
export type RecordChannel = UpChannel | "presence";
export const recordChannels: readonly RecordChannel[] = [...upChannels, "presence"];

export interface UpRecord {
  channel: RecordChannel;
  deviceId: string;
  receivedAtMs: number;
  /** The device's bytes as they came; JSON of `Presence` for `presence`. A view into the chunk. */
  payload: Uint8Array;
}

/** A record with its place in the spool. */
export interface SequencedRecord extends UpRecord {
  sequence: number;
}

const fixedBytes = 4 + 1 + 8 + 1;
const channelCodes = new Map(recordChannels.map((channel, code) => [channel, code]));

/** Bytes that a record takes in a chunk. */
export const recordBytes = (record: UpRecord): number => fixedBytes + record.deviceId.length + record.payload.length;

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
    view.setUint8(at + 4, channelCodes.get(record.channel) ?? 0);
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

const ascii = new TextDecoder("latin1");

/**
 * The records of a chunk, in order.
 *
 * @param firstSequence the sequence of the first record
 * @throws RangeError where the bytes are no whole chunk: the spool checks a CRC first, so this is a bug
 */
export function decodeChunk(bytes: Uint8Array, firstSequence = 0): SequencedRecord[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
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
      deviceId: ascii.decode(bytes.subarray(at + fixedBytes, idEnd)),
      receivedAtMs: view.getFloat64(at + 5),
      payload: bytes.subarray(idEnd, end),
    });
    at = end;
  }
  return records;
}
