import fc from "fast-check";
import { generate } from "mqtt-packet";
import { expect, test } from "vitest";
import { FrameCutter } from "./frame-cutter.ts";

/** Feeds the pieces and gives back every whole packet. */
function cutAll(pieces: Buffer[], bytesMax: number): { frames: Buffer[]; end: string } {
  const cutter = new FrameCutter();
  const frames: Buffer[] = [];
  for (const piece of pieces) {
    cutter.feed(piece);
    for (;;) {
      const cut = cutter.next(bytesMax);
      if (cut === "more") break;
      if (cut !== "frame") return { frames, end: cut };
      frames.push(Buffer.from(cutter.bytes.subarray(cutter.start, cutter.end)));
    }
  }
  return { frames, end: cutter.midPacket ? "partial" : "whole" };
}

const anyFrame = fc.tuple(fc.nat(3), fc.uint8Array({ maxLength: 700 })).map(([at, payload]) =>
  at === 0
    ? generate({ cmd: "pingreq" })
    : generate({
        cmd: "publish",
        topic: `t/${at}`,
        payload: Buffer.from(payload),
        qos: 1,
        messageId: at,
        dup: false,
        retain: false,
      }),
);

test("packets are the same however the network cuts their bytes", () => {
  fc.assert(
    fc.property(fc.array(anyFrame, { maxLength: 12 }), fc.array(fc.integer({ min: 1, max: 400 })), (frames, cuts) => {
      const whole = Buffer.concat(frames);
      const pieces: Buffer[] = [];
      let at = 0;
      for (const cut of [...cuts, whole.length]) {
        if (at < whole.length) pieces.push(whole.subarray(at, at + cut));
        at += cut;
      }
      const out = cutAll(pieces, 1_000);
      expect(out.end).toBe("whole");
      expect(out.frames.map((frame) => frame.toString("hex"))).toEqual(frames.map((frame) => frame.toString("hex")));
    }),
  );
});

test("what was not taken yet is still there when its bytes are written over", () => {
  const anyTurn = fc.record({ bytes: fc.integer({ min: 1, max: 400 }), taken: fc.nat(3) });
  fc.assert(
    fc.property(fc.array(anyFrame, { maxLength: 12 }), fc.array(anyTurn), (frames, turns) => {
      const whole = Buffer.concat(frames);
      const shared = Buffer.alloc(Math.max(whole.length, 400));
      const cutter = new FrameCutter();
      const out: string[] = [];
      let at = 0;
      for (const { bytes, taken } of [...turns, { bytes: whole.length, taken: Infinity }]) {
        const length = Math.min(bytes, whole.length - at);
        whole.copy(shared, 0, at, at + length);
        at += length;
        cutter.feed(shared.subarray(0, length));
        for (let count = 0; count < taken && cutter.next(1_000) === "frame"; count += 1) {
          out.push(cutter.bytes.toString("hex", cutter.start, cutter.end));
        }
        cutter.keep();
        shared.fill(0xff);
      }
      expect(out).toEqual(frames.map((frame) => frame.toString("hex")));
    }),
  );
});

test("a packet that is too large is refused by its header alone", () => {
  expect(cutAll([Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f])], 262_144)).toEqual({
    frames: [],
    end: "packet_too_large",
  });
  expect(cutAll([Buffer.from([0x30]), Buffer.from([0xff, 0xff]), Buffer.from([0x7f])], 262_144).end).toBe(
    "packet_too_large",
  );
});

test("a length of five bytes is malformed", () => {
  expect(cutAll([Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 0x01])], 262_144).end).toBe("malformed_length");
  expect(
    cutAll(
      [0x30, 0x80, 0x80, 0x80, 0x80].map((byte) => Buffer.from([byte])),
      262_144,
    ).end,
  ).toBe("malformed_length");
});
