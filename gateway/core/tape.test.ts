import fc from "fast-check";
import { expect, test } from "vitest";
import { bytesPerBlock, PacketMemory, recordsPerBlock } from "./packet-memory.ts";
import { Tape } from "./tape.ts";

const put = (tape: Tape, n: number, text = 0) => tape.put(n, n % 2 === 1, 0x32, 7, n % 65_536, n, text);

const shown = (tape: Tape) => [...tape.records()].map(({ n }) => n);

test("a tape holds the last records in their order, whatever came and however little memory there is", () => {
  fc.assert(
    fc.property(
      fc.nat(500),
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 1, max: 30 }),
      (count, blocks, most) => {
        const tape = new Tape(new PacketMemory(blocks * bytesPerBlock, 9), most * recordsPerBlock);
        for (let n = 0; n < count; n += 1) put(tape, n);
        const kept = Math.min(count, Math.min(blocks, most) * recordsPerBlock);
        const wanted = Array.from({ length: kept }, (_, at) => count - kept + at);
        const records = [...tape.records()];
        expect(records.map(({ n }) => n)).toEqual(wanted);
        for (const { n, atMs, isOut, first, code, messageId, size } of records) {
          expect([atMs, isOut, first, code, messageId, size]).toEqual([n, n % 2 === 1, 0x32, 7, n % 65_536, n]);
        }
        expect([...tape.records(count - 3)].length).toBe(Math.min(3, kept));
      },
    ),
  );
});

test("tapes share one memory, and what one gives back another takes; with none left a record is not kept", () => {
  const memory = new PacketMemory(3 * bytesPerBlock, 9);
  const [a, b] = [new Tape(memory, 16), new Tape(memory, 16)];
  for (let n = 0; n < 16; n += 1) put(a, n);
  for (let n = 0; n < 16; n += 1) put(b, n);
  expect(shown(a)).toEqual(Array.from({ length: 16 }, (_, n) => n));
  expect(shown(b)).toEqual([8, 9, 10, 11, 12, 13, 14, 15]);
  const c = new Tape(memory, 16);
  put(c, 1);
  expect(shown(c)).toEqual([]);
  a.free();
  put(c, 2);
  expect(shown(c)).toEqual([0]);
  expect(shown(b).length).toBe(8);
});

test("a text is there once, as long as a record names it, and at the bound it is not kept", () => {
  const memory = new PacketMemory(bytesPerBlock, 2);
  const tape = new Tape(memory, 8);
  const { texts } = memory;
  for (let n = 0; n < 8; n += 1) put(tape, n, texts.use("a/b"));
  expect(texts.count).toBe(1);
  put(tape, 8, texts.use("c"));
  expect([texts.use("d"), texts.count]).toEqual([0, 2]);
  for (let n = 9; n < 16; n += 1) put(tape, n);
  expect(texts.count).toBe(1);
  expect([...tape.records()].map(({ text }) => texts.text(text))).toEqual(["c", "", "", "", "", "", "", ""]);
  tape.free();
  expect(texts.count).toBe(0);
  expect(texts.text(texts.use("e"))).toBe("e");
});

test("pings in a row are one record with their number and the time of the last", () => {
  const tape = new Tape(new PacketMemory(bytesPerBlock, 0), 8);
  put(tape, 0);
  for (let n = 1; n <= 1_000; n += 1) tape.pinged(n);
  put(tape, 1_001);
  tape.pinged(1_002);
  const told = [...tape.records()].map(({ n, atMs, first, size }) => [n, atMs, first, size]);
  expect(told.slice(1)).toEqual([
    [1, 1_000, 0xc0, 1_000],
    [2, 1_001, 0x32, 1_001],
    [3, 1_002, 0xc0, 1],
  ]);
  expect(tape.version).toBe(1_003);
});
