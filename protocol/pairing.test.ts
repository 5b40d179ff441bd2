import fc from "fast-check";
import { expect, test } from "vitest";
import { pairingAlphabet, pairingCodeLength, readPairingCode } from "./pairing.ts";

const made = fc
  .array(fc.constantFrom(...pairingAlphabet.split("")), { minLength: pairingCodeLength, maxLength: pairingCodeLength })
  .map((letters) => letters.join(""));

/** How people write a letter of the code. */
const asTyped: Readonly<Record<string, string[]>> = { 0: ["0", "o", "O"], 1: ["1", "i", "I", "l", "L"] };
const spellings = (letter: string) => asTyped[letter] ?? [letter, letter.toLowerCase()];
const gap = fc.constantFrom("", "", " ", "-", " - ");

test("a code is read however a person writes it", () => {
  const typed = made.chain((code) =>
    fc
      .tuple(...code.split("").map((letter) => fc.tuple(fc.constantFrom(...spellings(letter)), gap)))
      .map((parts) => ({ code, text: parts.flat().join("") })),
  );
  fc.assert(
    fc.property(typed, ({ code, text }) => {
      expect(readPairingCode(text)).toBe(code);
    }),
  );
});

test.each(["", "ABCD123", "ABCD-12345", "ABCD-123U", "ABCD_1234", "ＡBCD1234", "ABCD 123\u0000"])(
  "%j is no code",
  (text) => expect(readPairingCode(text)).toBeNull(),
);
