import type { X509Certificate } from "node:crypto";

/** Stands in the name of whatever the development CA signs with, so that it is known wherever somebody copies it. */
export const developmentOrganisation = "Hearth development CA (not for production)";

/** Whether a certificate is the development CA's, or was signed by it. */
export function isDevelopment({ subject, issuer }: X509Certificate): boolean {
  // A certificate may have no subject at all, which @types/node does not say.
  const names: (string | undefined)[] = [subject, issuer];
  return names.some((name) => name?.includes(developmentOrganisation));
}
