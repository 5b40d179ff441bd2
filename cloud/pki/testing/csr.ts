import type { KeyObject } from "node:crypto";
import { signingScheme } from "../keys.ts";
import { x509Library } from "../x509-library.ts";

/** A certificate request as a device makes one, PEM; also with keys that Hearth refuses. */
export async function newCsr(
  keys: { privateKey: KeyObject; publicKey: KeyObject },
  { subject = "device" } = {},
): Promise<string> {
  const { Pkcs10CertificateRequestGenerator } = await x509Library();
  const { namedCurve } = keys.privateKey.asymmetricKeyDetails ?? {};
  const scheme = signingScheme(keys.privateKey) ?? {
    web: namedCurve === undefined ? { name: "RSASSA-PKCS1-v1_5" } : { name: "ECDSA", hash: "SHA-512" },
    imported:
      namedCurve === undefined
        ? { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }
        : { name: "ECDSA", namedCurve: "P-521" },
  };
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [subject] }],
    signingAlgorithm: scheme.web,
    keys: {
      privateKey: keys.privateKey.toCryptoKey(scheme.imported, false, ["sign"]),
      publicKey: keys.publicKey.toCryptoKey(scheme.imported, true, ["verify"]),
    },
  });
  return `${request.toString("pem")}\n`;
}
