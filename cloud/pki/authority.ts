import { createHash, randomBytes, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { newKey, signingKey } from "./keys.ts";
import { type Extension, type Name, x509Library } from "./x509-library.ts";

/** Who signs certificates: its own certificate and its private key (PKCS #8), both PEM. */
export interface Authority {
  certificate: string;
  privateKey: string;
}

export interface IssuedCertificate {
  /** PEM. */
  certificate: string;
  /** Lower-case hex, of at most 128 random bits. */
  serialNumber: string;
  /** Lower-case hex of the SHA-256 of the DER: the name under which a certificate is denied. */
  fingerprint: string;
  notBeforeMs: number;
  /** What was asked for, or the end of the authority itself where that comes first. */
  notAfterMs: number;
}

/** A certificate counts from a little before it was made: the clocks of appliances are not all right. */
const clockSkewMs = 3_600_000;
const serialBytes = 16;
/** X.509 counts whole seconds. */
const wholeSecond = (ms: number): Date => new Date(Math.floor(ms / 1_000) * 1_000);

/** Lower-case hex SHA-256 of a certificate's DER. */
export const fingerprintOf = (certificate: X509Certificate | string): string =>
  createHash("sha256")
    .update((typeof certificate === "string" ? new X509Certificate(certificate) : certificate).raw)
    .digest("hex");

interface Term {
  nowMs: number;
  /** How long it counts, from now. */
  validMs: number;
}

interface AuthorityName {
  commonName: string;
  organisation: string;
}

/** A root: signs intermediates and nothing else, once, after which its key belongs in a safe. */
export async function newRoot(name: AuthorityName, term: Term): Promise<Authority> {
  const { privateKey, publicKey } = newKey();
  const { BasicConstraintsExtension, KeyUsagesExtension, KeyUsageFlags, Name } = await x509Library();
  const subject = new Name([{ CN: [name.commonName] }, { O: [name.organisation] }]);
  const issued = await issue({ privateKey, subject, keyId: await keyIdOf(publicKey), endsAtMs: null }, term, {
    subject,
    publicKey,
    extensions: [
      new BasicConstraintsExtension(true, 1, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  return { certificate: issued.certificate, privateKey };
}

/** An authority below a root: signs leaves alone. */
export async function newIntermediate(root: Authority, name: AuthorityName, term: Term): Promise<Authority> {
  const { privateKey, publicKey } = newKey();
  const { BasicConstraintsExtension, KeyUsagesExtension, KeyUsageFlags, Name } = await x509Library();
  const issued = await issue(await signer(root), term, {
    subject: new Name([{ CN: [name.commonName] }, { O: [name.organisation] }]),
    publicKey,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  return { certificate: issued.certificate, privateKey };
}

/**
 * A server's certificate.
 *
 * @param names DNS names and IP addresses, at least one; the first is its common name too
 */
export async function issueServer(
  authority: Authority,
  { names, publicKey, ...term }: Term & { names: readonly [string, ...string[]]; publicKey: Uint8Array },
): Promise<IssuedCertificate> {
  const library = await x509Library();
  const { BasicConstraintsExtension, KeyUsagesExtension, KeyUsageFlags, Name } = library;
  const alternatives = names.map((value) => ({ type: isIP(value) === 0 ? ("dns" as const) : ("ip" as const), value }));
  return issue(await signer(authority), term, {
    subject: new Name([{ CN: [names[0].slice(0, commonNameLengthMax)] }]),
    publicKey,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new library.ExtendedKeyUsageExtension([library.ExtendedKeyUsage.serverAuth]),
      new library.SubjectAlternativeNameExtension(alternatives),
    ],
  });
}

/**
 * A device's certificate: CN is its id, and it proves a client alone.
 *
 * @param publicKey SPKI DER, as `readCsr` gives it
 */
export async function issueDevice(
  fleet: Authority,
  { deviceId, publicKey, ...term }: Term & { deviceId: string; publicKey: Uint8Array },
): Promise<IssuedCertificate> {
  const library = await x509Library();
  const { BasicConstraintsExtension, KeyUsagesExtension, KeyUsageFlags, Name } = library;
  return issue(await signer(fleet), term, {
    subject: new Name([{ CN: [deviceId] }]),
    publicKey,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new library.ExtendedKeyUsageExtension([library.ExtendedKeyUsage.clientAuth]),
    ],
  });
}

/** X.520's bound. */
const commonNameLengthMax = 64;

interface Signer {
  privateKey: string;
  subject: Name;
  /** Hex of the subject key identifier. */
  keyId: string;
  /** No certificate outlives who signed it. */
  endsAtMs: number | null;
}

/** RFC 5280, 4.2.1.2, method 1. */
async function keyIdOf(publicKey: Uint8Array): Promise<string> {
  const { PublicKey } = await x509Library();
  return Buffer.from(await new PublicKey(publicKey).getKeyIdentifier()).toString("hex");
}

export async function signer({ certificate, privateKey }: Authority): Promise<Signer> {
  const library = await x509Library();
  const read = new library.X509Certificate(certificate);
  // The identifier that it has, and not the one that we would have made: an authority of another maker counts it in another way.
  const known = read.getExtension(library.SubjectKeyIdentifierExtension);
  return {
    privateKey,
    subject: read.subjectName,
    keyId: known?.keyId ?? (await keyIdOf(Buffer.from(read.publicKey.rawData))),
    endsAtMs: read.notAfter.getTime(),
  };
}

async function issue(
  by: Signer,
  { nowMs, validMs }: Term,
  leaf: { subject: Name; publicKey: Uint8Array; extensions: Extension[] },
): Promise<IssuedCertificate> {
  const library = await x509Library();
  const { key, scheme } = signingKey(by.privateKey);
  const notBefore = wholeSecond(nowMs - clockSkewMs);
  const notAfter = wholeSecond(Math.min(nowMs + validMs, by.endsAtMs ?? Infinity));
  const made = await library.X509CertificateGenerator.create({
    serialNumber: newSerialNumber(),
    issuer: by.subject,
    subject: leaf.subject,
    notBefore,
    notAfter,
    publicKey: Buffer.from(leaf.publicKey),
    signingKey: key.toCryptoKey(scheme.imported, false, ["sign"]),
    signingAlgorithm: scheme.web,
    extensions: [
      ...leaf.extensions,
      new library.SubjectKeyIdentifierExtension(await keyIdOf(leaf.publicKey)),
      new library.AuthorityKeyIdentifierExtension(by.keyId),
    ],
  });
  const certificate = `${made.toString("pem")}\n`;
  return {
    certificate,
    serialNumber: new X509Certificate(certificate).serialNumber.toLowerCase(),
    fingerprint: fingerprintOf(certificate),
    notBeforeMs: notBefore.getTime(),
    notAfterMs: notAfter.getTime(),
  };
}

/** 128 random bits: RFC 5280 wants it positive, unique and at most 20 octets long; not to be foreseen is wanted by good sense. */
function newSerialNumber(): string {
  const bytes = randomBytes(serialBytes);
  return bytes.some((byte) => byte !== 0) ? bytes.toString("hex") : newSerialNumber();
}
