/** Certificates for tests: a root, the fleet CA below it, a server on loopback, and whatever devices a test wants. */
import { type KeyObject, X509Certificate, createHash, generateKeyPairSync } from "node:crypto";
import type { TlsMaterial } from "#protocol/link/messages.ts";

export interface TestCertificate {
  /** PEM. */
  cert: string;
  key: string;
  /** Lower-case hex. */
  fingerprint: string;
}

export interface DeviceCertificateOptions {
  /** Who signs: the fleet CA unless said. */
  by?: "fleet" | "root" | "itself";
  validFromMs?: number;
  validToMs?: number;
  /** Extended key usage. */
  usage?: "clientAuth" | "serverAuth";
}

interface Signer {
  subject: string;
  privateKey: KeyObject;
  cert: string;
}

const dayMs = 86_400_000;
const ecdsa = { name: "ECDSA", hash: "SHA-256" };
const imported = { name: "ECDSA", namedCurve: "P-256" };

/** It finds its parts by reflection, so the polyfill of that comes first. */
async function x509Library(): Promise<typeof import("@peculiar/x509")> {
  await import("reflect-metadata");
  return import("@peculiar/x509");
}

export class TestCa {
  readonly material: TlsMaterial;
  /** What a client trusts the server by. */
  readonly serverCa: string;
  readonly #signers: { root: Signer; fleet: Signer };

  private constructor(root: Signer, fleet: Signer, server: TestCertificate) {
    this.#signers = { root, fleet };
    this.serverCa = root.cert;
    this.material = { cert: server.cert, key: server.key, clientCa: fleet.cert };
  }

  static async make(name = "Test"): Promise<TestCa> {
    const { BasicConstraintsExtension, ExtendedKeyUsage, ExtendedKeyUsageExtension, SubjectAlternativeNameExtension } =
      await x509Library();
    const authority = [new BasicConstraintsExtension(true, undefined, true)];
    const root = await sign(`CN=${name} root`, null, authority);
    const fleet = await sign(`CN=${name} fleet CA`, root, authority);
    const server = await sign("CN=localhost", root, [
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([
        { type: "dns", value: "localhost" },
        { type: "ip", value: "127.0.0.1" },
      ]),
    ]);
    return new TestCa(root, fleet, asPem(server));
  }

  async device(deviceId: string, options: DeviceCertificateOptions = {}): Promise<TestCertificate> {
    const { by = "fleet", usage = "clientAuth", validFromMs, validToMs } = options;
    const { ExtendedKeyUsage, ExtendedKeyUsageExtension } = await x509Library();
    const signer = by === "itself" ? null : this.#signers[by];
    const extensions = [new ExtendedKeyUsageExtension([ExtendedKeyUsage[usage]])];
    return asPem(await sign(`CN=${deviceId}`, signer, extensions, validFromMs, validToMs));
  }
}

async function sign(
  subject: string,
  signer: Signer | null,
  extensions: import("@peculiar/x509").Extension[],
  validFromMs = Date.now() - dayMs,
  validToMs = Date.now() + dayMs,
): Promise<Signer> {
  const { X509CertificateGenerator } = await x509Library();
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const by = signer ?? { subject, privateKey };
  const made = await X509CertificateGenerator.create({
    serialNumber: createHash("sha256")
      .update(publicKey.export({ type: "spki", format: "der" }))
      .digest("hex")
      .slice(0, 32),
    issuer: by.subject,
    subject,
    notBefore: new Date(validFromMs),
    notAfter: new Date(validToMs),
    publicKey: publicKey.export({ type: "spki", format: "der" }),
    signingKey: by.privateKey.toCryptoKey(imported, false, ["sign"]),
    signingAlgorithm: ecdsa,
    extensions,
  });
  return { subject, privateKey, cert: made.toString("pem") };
}

const asPem = ({ cert, privateKey }: Signer): TestCertificate => ({
  cert,
  key: privateKey.export({ type: "pkcs8", format: "pem" }),
  fingerprint: createHash("sha256").update(new X509Certificate(cert).raw).digest("hex"),
});
