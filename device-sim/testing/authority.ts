/** A fleet CA for tests of appliances that get their certificate, and what it answers. */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import type { ProvisioningReply } from "#protocol/provisioning.ts";

const imported = { name: "ECDSA", namedCurve: "P-256" };
const signing = { name: "ECDSA", hash: "SHA-256" };
const dayMs = 86_400_000;

/** X.509 counts whole seconds. */
const wholeSecond = (ms: number): number => Math.floor(ms / 1_000) * 1_000;

export interface TestAuthority {
  /**
   * Signs a certificate for the key of a request.
   *
   * @param life from and to when it counts, against now; a year unless said
   */
  issue(payload: string, commonName: string, life?: [number, number]): Promise<ProvisioningReply>;
}

export async function newTestAuthority(): Promise<TestAuthority> {
  await import("reflect-metadata");
  const { Pkcs10CertificateRequest, X509CertificateGenerator } = await import("@peculiar/x509");
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    async issue(payload, commonName, [fromMs, toMs] = [0, 365 * dayMs]) {
      const { csr }: { csr: string } = JSON.parse(payload);
      const request = new Pkcs10CertificateRequest(csr);
      if (!(await request.verify())) throw new Error("the request is not signed with its own key");
      const [notBeforeMs, notAfterMs] = [wholeSecond(Date.now() + fromMs), wholeSecond(Date.now() + toMs)];
      const made = await X509CertificateGenerator.create({
        serialNumber: randomBytes(15).toString("hex"),
        issuer: "CN=Test fleet CA",
        subject: `CN=${commonName}`,
        notBefore: new Date(notBeforeMs),
        notAfter: new Date(notAfterMs),
        publicKey: request.publicKey,
        signingKey: privateKey.toCryptoKey(imported, false, ["sign"]),
        signingAlgorithm: signing,
      });
      const renewFromMs = notBeforeMs + Math.floor(((notAfterMs - notBeforeMs) * 2) / 3);
      return {
        kind: "issued",
        certificate: `${made.toString("pem")}\n`,
        chain: "",
        notBeforeMs,
        notAfterMs,
        renewFromMs,
      };
    },
  };
}
