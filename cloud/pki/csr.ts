import { createHash, createPublicKey } from "node:crypto";
import { publicKeyDer, rsaBitsMax, rsaBitsMin, signingScheme } from "./keys.ts";
import { x509Library } from "./x509-library.ts";

export type CsrReading =
  | {
      kind: "read";
      /** SPKI DER: what the one who asks has proved to hold the private key of. */
      publicKey: Buffer;
      /** Lower-case hex: the same key is the same request. */
      publicKeySha256: string;
    }
  | { kind: "refused"; rule: "csr_not_valid" | "csr_key_not_allowed"; detail: string };

/** A request with an RSA key of 4096 bits and a long subject has some 2,000 characters. */
const csrCharactersMax = 8_192;
const onePemRequest =
  /^\s*-----BEGIN (NEW )?CERTIFICATE REQUEST-----[A-Za-z0-9+/=\s]+-----END (NEW )?CERTIFICATE REQUEST-----\s*$/;

const refused = (rule: "csr_not_valid" | "csr_key_not_allowed", detail: string): CsrReading => ({
  kind: "refused",
  rule,
  detail,
});

/**
 * Reads a certificate request (PKCS #10, PEM). Only its key counts, and that it was signed with it: what the request wishes for as
 * subject and extensions is not for a device to choose. Keys are EC P-256 or P-384, Ed25519, or RSA of 2048 to 4096 bits.
 */
export async function readCsr(pem: string): Promise<CsrReading> {
  if (pem.length > csrCharactersMax) {
    return refused("csr_not_valid", `The request is longer than ${csrCharactersMax} characters.`);
  }
  if (!onePemRequest.test(pem)) return refused("csr_not_valid", "The request is not one CERTIFICATE REQUEST in PEM.");
  const library = await x509Library();
  try {
    const request = new library.Pkcs10CertificateRequest(pem);
    const key = createPublicKey({ key: Buffer.from(request.publicKey.rawData), format: "der", type: "spki" });
    // Before the signature: checking one of an enormous key would be work for a stranger.
    if (signingScheme(key) === null) {
      const allowed = `EC P-256 or P-384, Ed25519, or RSA of ${rsaBitsMin} to ${rsaBitsMax} bits`;
      return refused("csr_key_not_allowed", `The request's key is none that Hearth takes: ${allowed}.`);
    }
    if (!(await request.verify())) return refused("csr_not_valid", "The request is not signed with its own key.");
    // A point has two spellings, and OpenSSL keeps the one that came; a JWK has one. By its hash a key is known, and stays revoked.
    const publicKey = publicKeyDer(createPublicKey({ key: key.export({ format: "jwk" }), format: "jwk" }));
    return { kind: "read", publicKey, publicKeySha256: createHash("sha256").update(publicKey).digest("hex") };
  } catch {
    return refused("csr_not_valid", "The request cannot be read, or its signature cannot be checked.");
  }
}
