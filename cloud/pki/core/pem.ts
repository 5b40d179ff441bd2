import { X509Certificate } from "node:crypto";

const certificateBlocks = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** The certificates of a PEM text in their order; null where one of them cannot be read. */
export function certificatesIn(pem: string): X509Certificate[] | null {
  try {
    return (pem.match(certificateBlocks) ?? []).map((block) => new X509Certificate(block));
  } catch {
    return null;
  }
}

/** PEM of certificates, one after the other. */
export const pemOf = (certificates: readonly X509Certificate[]): string =>
  certificates.map((certificate) => certificate.toString()).join("");

/** Whether one certificate was signed by another: its name, its key identifier, its right to sign, and the signature itself. */
export const isSignedBy = (certificate: X509Certificate, by: X509Certificate): boolean =>
  certificate.checkIssued(by) && certificate.verify(by.publicKey);
