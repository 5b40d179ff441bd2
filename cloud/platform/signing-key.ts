import { createPrivateKey, type KeyObject } from "node:crypto";

/** An Ed25519 private key from its PKCS#8: PEM, or its DER in base64. Null where it is none. */
export function readSigningKey(text: string): KeyObject | null {
  try {
    const key = text.includes("BEGIN")
      ? createPrivateKey(text)
      : createPrivateKey({ key: Buffer.from(text, "base64"), format: "der", type: "pkcs8" });
    return key.asymmetricKeyType === "ed25519" ? key : null;
  } catch {
    return null;
  }
}
