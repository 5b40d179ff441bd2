/**
 * An appliance's own key and certificate: made here, asked for, kept. The key never leaves.
 *
 * Everything is saved before it is relied on, so that a loss of power at any moment is only a pause.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import type { ProvisioningReply } from "#protocol/provisioning.ts";
import { nothingHeld, type StoredIdentity } from "./stored-identity.ts";

export interface IdentityStore {
  loadIdentity(): StoredIdentity | null;
  saveIdentity(identity: StoredIdentity): void;
}

/** What became of an answer. `not_mine`: a certificate for another key or name, which is of no use. */
export type Taken = "held" | "not_mine" | "refused";

export class OwnCertificate {
  readonly #deviceId: string;
  readonly #store: IdentityStore;
  #identity: StoredIdentity;

  constructor(deviceId: string, store: IdentityStore) {
    this.#deviceId = deviceId;
    this.#store = store;
    this.#identity = store.loadIdentity() ?? nothingHeld;
  }

  /** What a TLS connection is opened with; null before the first certificate. */
  get held(): NonNullable<StoredIdentity["held"]> | null {
    return this.#identity.held;
  }

  /** Whether there is none that lets it in: then only the claim credential does. */
  isWithout(nowMs: number): boolean {
    const { held } = this.#identity;
    return held === null || nowMs >= held.notAfterMs;
  }

  /** Whether the one in use is in the last third of its life. */
  isDue(nowMs: number): boolean {
    const { held } = this.#identity;
    return held !== null && nowMs >= held.renewFromMs;
  }

  /**
   * The payload of a request: a CSR for a new key, or for the one that was asked for before without an answer. After a certificate has
   * ended it is for its old key, which is all that then still says who this is.
   */
  async request(nowMs: number): Promise<string> {
    const { held } = this.#identity;
    const oldKey = this.isWithout(nowMs) ? held?.privateKey : undefined;
    const nextKey = oldKey ?? this.#identity.nextKey ?? newPrivateKey();
    this.#save({ ...this.#identity, nextKey });
    return JSON.stringify({ csr: await csrOf(nextKey, this.#deviceId) });
  }

  /** Takes an answer, which is of use only where it fits the key that was asked for. */
  take(reply: ProvisioningReply): Taken {
    const { nextKey } = this.#identity;
    if (reply.kind === "refused") {
      // Asked for in vain for ever: another key may be allowed.
      if (reply.rule === "new_key_needed") this.#save({ ...this.#identity, nextKey: null });
      return "refused";
    }
    if (nextKey === null || !fits(reply.certificate, nextKey, this.#deviceId)) return "not_mine";
    const { certificate, chain, renewFromMs, notAfterMs } = reply;
    this.#save({ held: { privateKey: nextKey, certificate, chain, renewFromMs, notAfterMs }, nextKey: null });
    return "held";
  }

  #save(identity: StoredIdentity): void {
    this.#store.saveIdentity(identity);
    this.#identity = identity;
  }
}

const newPrivateKey = (): string =>
  generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" });

function fits(certificate: string, privateKey: string, deviceId: string): boolean {
  try {
    const read = new X509Certificate(certificate);
    return read.subject === `CN=${deviceId}` && read.checkPrivateKey(createPrivateKey(privateKey));
  } catch {
    return false;
  }
}

/** PKCS #10 in PEM, signed with the key that it is for. */
async function csrOf(privateKeyPem: string, deviceId: string): Promise<string> {
  // Finds its parts by reflection, so the polyfill of that comes first.
  await import("reflect-metadata");
  const { Pkcs10CertificateRequestGenerator } = await import("@peculiar/x509");
  const privateKey = createPrivateKey(privateKeyPem);
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [deviceId] }],
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    keys: {
      privateKey: privateKey.toCryptoKey(algorithm, false, ["sign"]),
      publicKey: createPublicKey(privateKey).toCryptoKey(algorithm, true, ["verify"]),
    },
  });
  return `${request.toString("pem")}\n`;
}
