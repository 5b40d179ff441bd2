import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import type { FirmwareManifest, SignedManifest } from "#protocol/manifest.ts";
import { type TrustedKey, trustedKey } from "../agent/verify-manifest.ts";

/** The maker's key: it signs releases here, and only its public half goes to Hearth and into the appliances. */
export interface ReleaseKey {
  trusted: TrustedKey;
  publicKey: string;
  sign(manifest: FirmwareManifest): SignedManifest;
}

export function newReleaseKey(): ReleaseKey {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = String(publicKey.export({ format: "jwk" }).x);
  const trusted = trustedKey(raw);
  return {
    trusted,
    publicKey: raw,
    sign(manifest) {
      const payload = Buffer.from(JSON.stringify(manifest));
      const signature = sign(null, payload, privateKey).toString("base64url");
      return { keyId: trusted.keyId, payload: payload.toString("base64url"), signature };
    },
  };
}

/** A firmware image as far as anybody but its own appliance can tell: opaque bytes, and what describes them. */
export function newImage(
  about: Pick<FirmwareManifest, "model" | "hardwareIds" | "version" | "releaseCounter">,
  length: number,
): { image: Uint8Array; manifest: FirmwareManifest } {
  const image = randomBytes(length);
  return { image, manifest: { ...about, length, sha256: createHash("sha256").update(image).digest("hex") } };
}
