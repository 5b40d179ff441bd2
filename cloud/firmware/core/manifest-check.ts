import { createHash, createPublicKey, verify } from "node:crypto";
import { type FirmwareManifest, firmwareManifest, type SignedManifest } from "#protocol/manifest.ts";

/** Bytes of a raw Ed25519 public key. */
export const publicKeyBytes = 32;

/** A key whose signature this installation accepts. */
export interface TrustedKey {
  keyId: string;
  /** Raw, 32 bytes. */
  publicKey: Uint8Array;
}

export type ManifestCheck =
  | { kind: "valid"; manifest: FirmwareManifest }
  | { kind: "refused"; rule: "signing_key_unknown" | "signature_wrong" | "manifest_not_valid" };

/** The name of a key: the first 16 hex digits of the SHA-256 of its raw bytes. */
export const keyIdOf = (publicKey: Uint8Array): string =>
  createHash("sha256").update(publicKey).digest("hex").slice(0, 16);

function isSignedBy(publicKey: Uint8Array, payload: Uint8Array, signature: Uint8Array): boolean {
  const x = Buffer.from(publicKey).toString("base64url");
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  return verify(null, payload, key, signature);
}

/** JSON in UTF-8, or undefined. */
function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

/**
 * Whether a manifest was signed by a trusted key, and what it says. The signature is looked at before the payload is parsed, and it covers
 * the payload's exact bytes. The one place that decides what is trusted.
 */
export function checkManifest(signed: SignedManifest, keys: readonly TrustedKey[]): ManifestCheck {
  const key = keys.find(({ keyId }) => keyId === signed.keyId);
  if (key === undefined) return { kind: "refused", rule: "signing_key_unknown" };
  const payload = Buffer.from(signed.payload, "base64url");
  if (!isSignedBy(key.publicKey, payload, Buffer.from(signed.signature, "base64url"))) {
    return { kind: "refused", rule: "signature_wrong" };
  }
  const parsed = firmwareManifest.safeParse(parseJson(payload));
  return parsed.success ? { kind: "valid", manifest: parsed.data } : { kind: "refused", rule: "manifest_not_valid" };
}
