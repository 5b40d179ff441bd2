import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, type webcrypto } from "node:crypto";

interface SigningScheme {
  /** How the X.509 library is told. */
  web: webcrypto.EcdsaParams | webcrypto.Algorithm;
  /** How the key is read for that. */
  imported: webcrypto.EcKeyImportParams | webcrypto.RsaHashedImportParams | webcrypto.Algorithm;
  /** The digest for `crypto.sign`; null where the scheme has its own. */
  digest: "sha256" | "sha384" | null;
  /** DER of the AlgorithmIdentifier (RFC 5758, 8410, 4055). */
  identifier: Buffer;
}

const sha256 = "SHA-256";
const schemes = {
  p256: {
    web: { name: "ECDSA", hash: sha256 },
    imported: { name: "ECDSA", namedCurve: "P-256" },
    digest: "sha256",
    identifier: Buffer.from("300a06082a8648ce3d040302", "hex"),
  },
  p384: {
    web: { name: "ECDSA", hash: "SHA-384" },
    imported: { name: "ECDSA", namedCurve: "P-384" },
    digest: "sha384",
    identifier: Buffer.from("300a06082a8648ce3d040303", "hex"),
  },
  ed25519: {
    web: { name: "Ed25519" },
    imported: { name: "Ed25519" },
    digest: null,
    identifier: Buffer.from("300506032b6570", "hex"),
  },
  rsa: {
    web: { name: "RSASSA-PKCS1-v1_5" },
    imported: { name: "RSASSA-PKCS1-v1_5", hash: sha256 },
    digest: "sha256",
    identifier: Buffer.from("300d06092a864886f70d01010b0500", "hex"),
  },
} satisfies Record<string, SigningScheme>;

/** RSA keys below this are too weak to believe, above `rsaBitsMax` too slow to check for strangers. */
export const rsaBitsMin = 2_048;
export const rsaBitsMax = 4_096;

/** How a key signs: a curve with the hash of its own size. Null for a key that Hearth does not take. */
export function signingScheme(key: KeyObject): SigningScheme | null {
  const { namedCurve, modulusLength = 0, publicExponent } = key.asymmetricKeyDetails ?? {};
  const { asymmetricKeyType: type } = key;
  if (type === "ec" && namedCurve === "prime256v1") return schemes.p256;
  if (type === "ec" && namedCurve === "secp384r1") return schemes.p384;
  if (type === "ed25519") return schemes.ed25519;
  const isGoodRsa = modulusLength >= rsaBitsMin && modulusLength <= rsaBitsMax && publicExponent === 65_537n;
  return type === "rsa" && isGoodRsa ? schemes.rsa : null;
}

/** The key of an authority and how it signs. */
export function signingKey(privateKeyPem: string): { key: KeyObject; scheme: SigningScheme } {
  const key = createPrivateKey(privateKeyPem);
  const scheme = signingScheme(key);
  if (scheme === null) throw new TypeError("no certificate authority of ours has such a key");
  return { key, scheme };
}

/** A new EC P-256 key: private as PKCS #8 PEM, public as SPKI DER. */
export function newKey(): { privateKey: string; publicKey: Buffer } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }),
    publicKey: publicKeyDer(publicKey),
  };
}

/** SPKI DER of a public key, or of the public half of a private one. */
export const publicKeyDer = (key: KeyObject): Buffer =>
  (key.type === "public" ? key : createPublicKey(key)).export({ type: "spki", format: "der" });
