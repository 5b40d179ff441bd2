import { X509Certificate } from "node:crypto";

/** Whether a text was signed by somebody whom the maker trusts, and if not, why, in a sentence. */
export type Trust = { kind: "trusted" } | { kind: "refused"; why: string };

const refused = (why: string): Trust => ({ kind: "refused", why });

/** For what a signer's certificate may be, where it says so: SWUpdate wants the first, or the second where it is told to. */
const purposes = new Set(["1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.3", "2.5.29.37.0"]);
const purposeWords = "emailProtection or codeSigning";

/** SHA-256, SHA-384 and SHA-512. */
const digests = new Set(["2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.2", "2.16.840.1.101.3.4.2.3"]);

/** Longest way from a signer to the maker's certificate. */
const chainMax = 5;

/**
 * A detached CMS signature (RFC 5652) in DER over `content`, as `openssl cms -sign -outform DER` makes it. Like OpenSSL, every signer must
 * be good: one that is not makes the whole of it worthless.
 *
 * @param certificates PEM; a signer's own certificate, or one that leads to it
 */
export async function isTrustedSignature(
  signature: Buffer,
  content: Buffer,
  { certificates, nowMs }: { certificates: readonly string[]; nowMs: number },
): Promise<Trust> {
  const { ContentInfo, SignedData } = await import("pkijs");
  let signed: InstanceType<typeof SignedData>;
  try {
    const info = ContentInfo.fromBER(arrayOf(signature));
    if (info.contentType !== ContentInfo.SIGNED_DATA) return refused("The signature is CMS, and of another kind.");
    signed = new SignedData({ schema: info.content });
  } catch {
    return refused("The signature is no CMS in DER.");
  }
  if (signed.signerInfos.length === 0) return refused("Nobody signed it.");
  const trusted = certificates.map((pem) => new X509Certificate(pem));
  const embedded = (signed.certificates ?? []).flatMap((one) =>
    "subjectPublicKeyInfo" in one ? [new X509Certificate(Buffer.from(one.toSchema(true).toBER(false)))] : [],
  );
  for (const [at, { digestAlgorithm }] of signed.signerInfos.entries()) {
    if (!digests.has(digestAlgorithm.algorithmId)) return refused("It was signed over a digest weaker than SHA-256.");
    const signer = await verifiedBy(signed, at, content);
    if (signer === null) return refused("The signature does not fit sw-description.");
    const fault = signerFault(signer, { trusted, embedded, nowMs });
    if (fault !== null) return refused(fault);
  }
  return { kind: "trusted" };
}

/** A copy, since the library wants a buffer of its own. */
function arrayOf(bytes: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.length);
  new Uint8Array(copy).set(bytes);
  return copy;
}

type SignedData = InstanceType<typeof import("pkijs").SignedData>;

/** The certificate whose key made one of the signatures; null where none of those inside did. */
async function verifiedBy(signed: SignedData, signer: number, content: Buffer): Promise<X509Certificate | null> {
  try {
    const result = await signed.verify({ signer, data: arrayOf(content), extendedMode: true });
    if (result.signatureVerified !== true || !result.signerCertificate) return null;
    return new X509Certificate(Buffer.from(result.signerCertificate.toSchema(true).toBER(false)));
  } catch {
    return null;
  }
}

interface Known {
  trusted: readonly X509Certificate[];
  embedded: readonly X509Certificate[];
  nowMs: number;
}

/** What stands against a signer, in a sentence; null where nothing does. */
function signerFault(signer: X509Certificate, known: Known): string | null {
  // @types/node says that it is always there; a certificate without the extension has none.
  const uses: string[] | undefined = signer.keyUsage;
  if (uses !== undefined && !uses.some((use) => purposes.has(use)))
    return `The certificate of ${nameOf(signer)} is not for ${purposeWords}.`;
  let now = signer;
  for (let step = 0; step < chainMax; step += 1) {
    if (known.nowMs < now.validFromDate.getTime() || known.nowMs >= now.validToDate.getTime())
      return `The certificate of ${nameOf(now)} is not valid at this time.`;
    const own = now;
    if (known.trusted.some((one) => one.raw.equals(own.raw))) return null;
    const issuer = [...known.trusted, ...known.embedded].find((one) => isIssuedBy(own, one));
    if (issuer === undefined) break;
    now = issuer;
  }
  return `${nameOf(signer)} signed it, who is not among those by whom images may be signed.`;
}

const isIssuedBy = (one: X509Certificate, by: X509Certificate): boolean =>
  by.ca && !one.raw.equals(by.raw) && one.checkIssued(by) && one.verify(by.publicKey);

const nameOf = ({ subject }: X509Certificate): string => (subject ?? "somebody without a name").replaceAll("\n", ", ");
