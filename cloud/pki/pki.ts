/**
 * Certificates: who signs them, and signing them.
 *
 *   root (offline) -> fleet CA, an intermediate -> devices' certificates (`issueDevice`), lists of revoked ones (`signCrl`)
 *                                               -> a server's certificate (`issueServer`), in development
 */
export {
  type Authority,
  fingerprintOf,
  type IssuedCertificate,
  issueDevice,
  issueServer,
  newIntermediate,
  newRoot,
} from "./authority.ts";
export { type Revocation, type RevocationReason, revocationReasons } from "./core/revocation-list.ts";
export { Certificates } from "./certificates.ts";
export { serverNames } from "./server-names.ts";
export { signCrl } from "./crl.ts";
export { readCsr } from "./csr.ts";
export { developmentMaterial, developmentRootFile } from "./development-certificates.ts";
export { givenMaterial } from "./given-certificates.ts";
export { newKey } from "./keys.ts";
