import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

const ivBytes = 12;
const tagBytes = 16;

/** Keeps what must be read again, and not by whoever has the database alone: AES-256-GCM under a key of the installation's secret. */
export class SecretBox {
  readonly #key: Buffer;

  /** @param purpose what is sealed for one is of no use for another */
  constructor(installationSecret: Uint8Array, purpose: string) {
    this.#key = Buffer.from(hkdfSync("sha256", installationSecret, "", `hearth ${purpose}`, 32));
  }

  /** `owner` is bound in: what is sealed for one is of no use in the place of another. */
  seal(text: string, owner: string): Buffer {
    const iv = randomBytes(ivBytes);
    const cipher = createCipheriv("aes-256-gcm", this.#key, iv).setAAD(Buffer.from(owner));
    const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), sealed]);
  }

  /** @throws where it was sealed for another, with another secret, or changed */
  open(box: Buffer, owner: string): string {
    const decipher = createDecipheriv("aes-256-gcm", this.#key, box.subarray(0, ivBytes)).setAAD(Buffer.from(owner));
    decipher.setAuthTag(box.subarray(ivBytes, ivBytes + tagBytes));
    return Buffer.concat([decipher.update(box.subarray(ivBytes + tagBytes)), decipher.final()]).toString("utf8");
  }
}
