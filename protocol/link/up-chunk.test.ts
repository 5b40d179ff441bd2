import fc from "fast-check";
import { expect, test } from "vitest";
import { ChunkWriter, channelCode, decodeChunk, encodeChunk, recordChannels } from "./up-chunk.ts";

const anyRecord = fc.record({
  channel: fc.constantFrom(...recordChannels),
  deviceId: fc.stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/),
  receivedAtMs: fc.integer({ min: 0, max: 4_102_444_800_000 }),
  payload: fc.uint8Array({ maxLength: 300 }),
});

test("what is encoded is what is decoded, and the writer makes the same bytes", () => {
  fc.assert(
    fc.property(fc.array(anyRecord), fc.nat(16), (records, headroom) => {
      const chunk = encodeChunk(records);
      const expected = records.map((record, at) => ({
        ...record,
        payload: Buffer.from(record.payload),
        sequence: 7 + at,
      }));
      expect(decodeChunk(chunk, 7)).toEqual(expected);
      const writer = new ChunkWriter(1);
      for (const { channel, deviceId, receivedAtMs, payload } of records) {
        const padded = Uint8Array.from([1, 2, ...payload, 3]);
        writer.append(channelCode(channel), Buffer.from(deviceId), receivedAtMs, padded, 2, 2 + payload.length);
      }
      expect(writer.length).toBe(chunk.length);
      expect(writer.take(headroom).subarray(headroom)).toEqual(chunk);
      expect(writer.records).toBe(0);
    }),
  );
});

test("bytes that are no chunk are refused, and never read beyond their end", () => {
  fc.assert(
    fc.property(fc.array(anyRecord, { minLength: 1 }), fc.nat(), (records, seed) => {
      const chunk = encodeChunk(records);
      const cut = chunk.slice(0, 1 + (seed % (chunk.length - 1)));
      // A cut may fall between two records: then what is left is a chunk of fewer.
      expect(() => {
        if (decodeChunk(cut).length < records.length) throw new RangeError("fewer");
      }).toThrow(RangeError);
    }),
  );
});
