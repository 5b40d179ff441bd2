import { createHash, createPublicKey, verify } from "node:crypto";
import { type FirmwareManifest, firmwareManifest, type SignedManifest } from "#protocol/manifest.ts";
import { readJson } from "./read-json.ts";

/** A key whose signature the appliance accepts. */
export interface TrustedKey {
  /** First 16 hex digits of the SHA-256 of the raw key. */
  keyId: string;
  /** Raw Ed25519, 32 bytes. */
  publicKey: Uint8Array;
}

/** What the appliance knows of itself, and nobody can tell it over the network. */
export interface DeviceFacts {
  model: string;
  hardwareId: string;
  /** Of the last release that was confirmed by a boot. */
  releaseCounter: number;
}

export type ManifestRefusal =
  | "unknown_key"
  | "bad_signature"
  | "bad_manifest"
  | "wrong_model"
  | "wrong_hardware"
  | "not_newer";
export type ManifestVerdict =
  | { kind: "accepted"; manifest: FirmwareManifest }
  | { kind: "refused"; rule: ManifestRefusal };

const publicKeyBytes = 32;

/** @throws where the text is no base64url of 32 bytes */
export function trustedKey(publicKeyBase64url: string): TrustedKey {
  const publicKey = Buffer.from(publicKeyBase64url, "base64url");
  if (publicKey.length !== publicKeyBytes) throw new Error("an Ed25519 public key is 32 bytes as base64url");
  return { keyId: createHash("sha256").update(publicKey).digest("hex").slice(0, 16), publicKey };
}

const refused = (rule: ManifestRefusal): ManifestVerdict => ({ kind: "refused", rule });

/**
 * Whether the appliance may install what a signed manifest describes. The one place that decides it: a full chain of trust takes
 * the place of this function.
 *
 * The signature covers the exact bytes of the payload, and nothing is read from them before it was checked.
 */
export function verifyManifest(
  signed: SignedManifest,
  trustedKeys: readonly TrustedKey[],
  device: DeviceFacts,
): ManifestVerdict {
  const key = trustedKeys.find(({ keyId }) => keyId === signed.keyId.toLowerCase());
  if (key === undefined) return refused("unknown_key");
  const payload = Buffer.from(signed.payload, "base64url");
  const publicKey = createPublicKey({
    key: { kty: "OKP", crv: "Ed25519", x: Buffer.from(key.publicKey).toString("base64url") },
    format: "jwk",
  });
  if (!verify(null, payload, publicKey, Buffer.from(signed.signature, "base64url"))) return refused("bad_signature");
  const manifest = firmwareManifest.safeParse(readJson(payload)).data;
  if (manifest === undefined) return refused("bad_manifest");
  if (manifest.model !== device.model) return refused("wrong_model");
  if (!manifest.hardwareIds.includes(device.hardwareId)) return refused("wrong_hardware");
  if (manifest.releaseCounter <= device.releaseCounter) return refused("not_newer");
  return { kind: "accepted", manifest };
}

/** Whether the bytes are the image that the manifest describes. */
export function isImageOf(manifest: FirmwareManifest, image: Uint8Array): boolean {
  return image.length === manifest.length && createHash("sha256").update(image).digest("hex") === manifest.sha256;
}
