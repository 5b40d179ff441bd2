/**
 * A chunk as the spool stores it: u32 CRC-32 of the rest, u32 record count, then the chunk. LMDB does not checksum its pages, so
 * a flipped bit would otherwise be served as if a device had said it.
 */
import { crc32 } from "node:zlib";

/** Bytes in front of the chunk. */
export const chunkHeaderBytes = 8;

/** Writes the header into the room left in front of the chunk. */
export function sealChunkValue(value: Uint8Array, records: number): void {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  view.setUint32(4, records);
  view.setUint32(0, crc32(value.subarray(4)));
}

/** The number of records in a stored value, or null where its bytes are not those that were written. */
export function checkChunkValue(value: Uint8Array): number | null {
  if (value.length <= chunkHeaderBytes) return null;
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return view.getUint32(0) === crc32(value.subarray(4)) ? view.getUint32(4) : null;
}

/** When the first record of a sound value was received. */
export function firstReceivedAtMs(value: Uint8Array): number {
  return new DataView(value.buffer, value.byteOffset, value.byteLength).getFloat64(chunkHeaderBytes + 5);
}
