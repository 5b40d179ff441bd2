/**
 * Pairing: who stands at the appliance may have it.
 *
 *   a person at the appliance --> it makes a code, shows it, and says `pairing.opened` with the code's hash
 *   the person types the code --> POST /api/v1/my/pair --> the appliance is in their household
 */
import { z } from "zod";

/** Crockford's base32: no I, L, O and U, which people take for others. */
export const pairingAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/** 40 bits. What guards so few is that a code lives for minutes, and that wrong ones are counted. */
export const pairingCodeLength = 8;
/** How long a code may be good, at most. */
export const pairingMsMax = 600_000;

const wholeCode = new RegExp(`^[${pairingAlphabet}]{${pairingCodeLength}}$`);
const takenForOthers: Readonly<Record<string, string>> = { I: "1", L: "1", O: "0" };

/** A code as it was made, from how a person types it: in either case, with spaces and hyphens, O for 0. Null where it is none. */
export function readPairingCode(typed: string): string | null {
  const code = typed
    .toUpperCase()
    .replaceAll(/[\s-]/g, "")
    .replaceAll(/[ILO]/g, (letter) => takenForOthers[letter] ?? letter);
  return wholeCode.test(code) ? code : null;
}

/** `data` of the event `pairing.opened`. The code itself never leaves the appliance but by its display. */
export const pairingOpened = z
  .object({
    /** SHA-256 of the code's eight characters in ASCII, as lower-case hex. */
    codeSha256: z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 as lower-case hex"),
    validMs: z.int().min(1_000).max(pairingMsMax),
  })
  .meta({ id: "PairingOpened" });
