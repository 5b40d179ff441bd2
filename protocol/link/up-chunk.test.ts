import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeChunk, encodeChunk, recordChannels } from "./up-chunk.ts";

const record = fc.record({
  channel: fc.constantFrom(...recordChannels),
  deviceId: fc.stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/),
  receivedAtMs: fc.integer({ min: 0, max: 4_102_444_800_000 }),
  payload: fc.uint8Array({ maxLength: 300 }),
});

test("a chunk gives back its records, in order and numbered", () => {
  fc.assert(
    fc.property(fc.array(record), fc.nat(), (records, first) => {
      const decoded = decodeChunk(encodeChunk(records), first);
      expect(decoded).toEqual(records.map((item, at) => ({ sequence: first + at, ...item })));
    }),
  );
});

test("a cut chunk is refused, never read as something else", () => {
  fc.assert(
    fc.property(fc.array(record, { minLength: 1 }), fc.nat(), (records, at) => {
      const bytes = encodeChunk(records);
      const cut = bytes.subarray(0, at % bytes.length);
      let decoded: number;
      try {
        decoded = decodeChunk(cut).length;
      } catch {
        return;
      }
      // A cut between two records is whole again; the spool's checksum sees that one.
      expect(decoded).toBeLessThan(records.length);
    }),
  );
});
