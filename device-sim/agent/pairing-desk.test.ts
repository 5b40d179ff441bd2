import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { pairingOpened, readPairingCode } from "#protocol/pairing.ts";
import { ManualClock } from "../testing/parts.ts";
import { PairingDesk } from "./pairing-desk.ts";

function newDesk(bytes: Uint8Array) {
  const clock = new ManualClock();
  const said: { type: string; data: Record<string, unknown> }[] = [];
  const voice = { event: (type: string, data: Record<string, unknown>) => void said.push({ type, data }) };
  return { clock, said, desk: new PairingDesk({ voice, clock, secretBytes: () => bytes }) };
}

test("whatever the bytes, the code can be typed back, and its hash is all that is said of it", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 5, maxLength: 5 }), (bytes) => {
      const { desk, said } = newDesk(bytes);
      const { code } = desk.open();
      const typed = readPairingCode(code) ?? "";
      expect(typed).toHaveLength(8);
      const opened = pairingOpened.parse(said[0]?.data);
      expect(opened).toEqual({ codeSha256: createHash("sha256").update(typed).digest("hex"), validMs: 600_000 });
      expect(JSON.stringify(said)).not.toContain(typed);
    }),
  );
});

function codeOf(number: number): string {
  const bytes = Buffer.alloc(5);
  bytes.writeUIntBE(number, 0, 5);
  return newDesk(bytes).desk.open().code;
}

test("every code is as likely as every other: bytes and codes are one to one", () => {
  expect([codeOf(0), codeOf(1), codeOf(32), codeOf(2 ** 40 - 1)]).toEqual([
    "0000-0000",
    "0000-0001",
    "0000-0010",
    "ZZZZ-ZZZZ",
  ]);
});

test("a code is shown until its time is over or a person has done with it, and that is said once", () => {
  const { desk, clock, said } = newDesk(new Uint8Array(5));
  desk.close();
  desk.open(60_000);
  clock.pass(59_999);
  desk.tick();
  expect(desk.shown).not.toBeNull();
  clock.pass(1);
  desk.tick();
  desk.tick();
  expect(desk.shown).toBeNull();
  desk.open();
  desk.close();
  desk.close();
  expect(said.map(({ type }) => type)).toEqual([
    "pairing.opened",
    "pairing.closed",
    "pairing.opened",
    "pairing.closed",
  ]);
});
