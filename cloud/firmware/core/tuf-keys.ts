import { createHash, createPublicKey, type KeyObject, sign } from "node:crypto";
import { Key, Signature } from "@tufjs/models";

/** A private key of a role, and what the others know of it. */
export interface RoleKey {
  key: Key;
  privateKey: KeyObject;
}

/**
 * An Ed25519 public key as TUF writes it. Its id is the SHA-256 of its canonical JSON, as TUF's specification has it (4.2), so that one key
 * has one id everywhere.
 */
export function tufKey(publicKey: KeyObject): Key {
  const { x } = publicKey.export({ format: "jwk" });
  if (publicKey.asymmetricKeyType !== "ed25519" || x === undefined) throw new TypeError("not an Ed25519 key");
  return tufKeyOfHex(Buffer.from(x, "base64url").toString("hex"));
}

/** The same, from the key's 32 raw bytes in hex. */
export function tufKeyOfHex(hex: string): Key {
  const canonical = `{"keytype":"ed25519","keyval":{"public":"${hex}"},"scheme":"ed25519"}`;
  const keyID = createHash("sha256").update(canonical).digest("hex");
  return new Key({ keyID, keyType: "ed25519", scheme: "ed25519", keyVal: { public: hex } });
}

export const roleKey = (privateKey: KeyObject): RoleKey => ({ privateKey, key: tufKey(createPublicKey(privateKey)) });

/** Whether a key is written as this installation takes it: Ed25519, 32 bytes in lower-case hex, under its own id. */
export function isProperKey(key: Key): boolean {
  const hex = key.keyVal["public"];
  return hex !== undefined && /^[0-9a-f]{64}$/.test(hex) && tufKeyOfHex(hex).equals(key);
}

/** What `Metadata.sign` wants. */
export const signer =
  ({ key, privateKey }: RoleKey) =>
  (data: Buffer): Signature =>
    new Signature({ keyID: key.keyID, sig: sign(null, data, privateKey).toString("hex") });
