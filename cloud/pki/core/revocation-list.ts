/**
 * A certificate revocation list (RFC 5280, chapter 5) in DER. Written out here since the X.509 library compares every entry with every
 * other, which takes minutes for a fleet, and gives an entry without extensions an empty list of them, which the standard forbids.
 */

/** What a person may give as the reason (RFC 5280, 5.3.1), as far as an appliance can have it. */
export const revocationReasons = {
  unspecified: null,
  key_compromise: 1,
  superseded: 4,
  cessation_of_operation: 5,
  privilege_withdrawn: 9,
} as const;
export type RevocationReason = keyof typeof revocationReasons;

export interface Revocation {
  /** Hex, as the certificate has it. */
  serialNumber: string;
  revokedAtMs: number;
  reason: RevocationReason;
}

export interface RevocationListContent {
  /** Each list's is greater than that of the one before. */
  number: number;
  thisUpdateMs: number;
  /** When a newer one is there at the latest. */
  nextUpdateMs: number;
  /** Each serial number once. */
  revoked: readonly Revocation[];
}

export interface RevocationListIssuer {
  /** DER of the subject's name. */
  name: Uint8Array;
  keyId: Uint8Array;
  /** DER of the AlgorithmIdentifier that it signs with. */
  algorithm: Uint8Array;
}

const tags = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  enumerated: 0x0a,
  sequence: 0x30,
  utcTime: 0x17,
  generalizedTime: 0x18,
  keyIdentifier: 0x80,
  crlExtensions: 0xa0,
} as const;

function der(tag: number, ...parts: Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), ...parts]);
  const digits = Buffer.alloc(4);
  digits.writeUInt32BE(length);
  const significant = digits.subarray(digits.findIndex((byte) => byte !== 0));
  return Buffer.concat([Buffer.from([tag, 0x80 | significant.length]), significant, ...parts]);
}

/** The shortest two's complement of a number that is not negative. */
function integer(hex: string): Buffer {
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
  const first = bytes.findIndex((byte) => byte !== 0);
  const shortest = first === -1 ? Buffer.from([0]) : bytes.subarray(first);
  return der(tags.integer, (shortest[0] ?? 0) < 0x80 ? shortest : Buffer.concat([Buffer.from([0]), shortest]));
}

/** UTCTime up to 2049, GeneralizedTime after it, in whole seconds (RFC 5280, 5.1.2.4). */
function time(ms: number): Buffer {
  const text = `${new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:T]/g, "")}Z`;
  return text < "2050" ? der(tags.utcTime, Buffer.from(text.slice(2))) : der(tags.generalizedTime, Buffer.from(text));
}

/** 2.5.29.x, a certificate extension, none of which is critical here. */
const extension = (id: number, value: Uint8Array): Buffer =>
  der(tags.sequence, Buffer.from([0x06, 3, 0x55, 0x1d, id]), der(tags.octetString, value));

const extensionIds = { crlNumber: 20, reasonCode: 21, authorityKeyIdentifier: 35 } as const;

function entry({ serialNumber, revokedAtMs, reason }: Revocation): Buffer {
  const code = revocationReasons[reason];
  const parts = [integer(serialNumber), time(revokedAtMs)];
  if (code !== null) {
    const value = der(tags.enumerated, Buffer.from([code]));
    parts.push(der(tags.sequence, extension(extensionIds.reasonCode, value)));
  }
  return der(tags.sequence, ...parts);
}

/** What is signed. */
export function revocationListBody(issuer: RevocationListIssuer, content: RevocationListContent): Buffer {
  const { number, thisUpdateMs, nextUpdateMs, revoked } = content;
  const version2 = integer("01");
  const extensions = der(
    tags.sequence,
    extension(extensionIds.authorityKeyIdentifier, der(tags.sequence, der(tags.keyIdentifier, issuer.keyId))),
    extension(extensionIds.crlNumber, integer(number.toString(16))),
  );
  return der(
    tags.sequence,
    version2,
    issuer.algorithm,
    issuer.name,
    time(thisUpdateMs),
    time(nextUpdateMs),
    // The list is left out where nothing is revoked; an empty one is not allowed.
    ...(revoked.length === 0 ? [] : [der(tags.sequence, ...revoked.map(entry))]),
    der(tags.crlExtensions, extensions),
  );
}

/** The list: its body, and the signature over that. */
export const signedRevocationList = (body: Uint8Array, algorithm: Uint8Array, signature: Uint8Array): Buffer =>
  der(tags.sequence, body, algorithm, der(tags.bitString, Buffer.from([0]), signature));
