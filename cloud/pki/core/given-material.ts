import { createPrivateKey, type KeyObject, type X509Certificate } from "node:crypto";
import { signingScheme } from "../keys.ts";
import { isDevelopment } from "./development.ts";
import { dateText, type Material } from "./material.ts";
import { certificatesIn, isSignedBy, pemOf } from "./pem.ts";

/** The texts of the four files, by the variables that name them. */
export interface GivenTexts {
  HEARTH_TLS_CERT: string;
  HEARTH_TLS_KEY: string;
  HEARTH_FLEET_CA_CERT: string;
  HEARTH_FLEET_CA_KEY: string;
}

/** What a file has that it should not have, or lacks; the rest of a sentence that begins with the variable. */
export interface Fault {
  variable: keyof GivenTexts;
  has: string;
}

export type GivenCheck = { kind: "good"; material: Material } | { kind: "faulty"; faults: Fault[] };

const serverAuth = "1.3.6.1.5.5.7.3.1";

/** Whether the certificates of a production can be used, and everything that stands against it. The one place that decides that. */
export function checkGiven(texts: GivenTexts, nowMs: number): GivenCheck {
  const faults: Fault[] = [];
  const check = (variable: keyof GivenTexts, has: string | null) => {
    if (has !== null) faults.push({ variable, has });
  };
  const server = certificatesIn(texts.HEARTH_TLS_CERT);
  const fleet = certificatesIn(texts.HEARTH_FLEET_CA_CERT);
  check("HEARTH_TLS_CERT", serverFault(server, nowMs));
  check("HEARTH_TLS_KEY", keyFault(texts.HEARTH_TLS_KEY, server?.[0]));
  check("HEARTH_FLEET_CA_CERT", fleetFault(fleet, nowMs));
  check("HEARTH_FLEET_CA_KEY", keyFault(texts.HEARTH_FLEET_CA_KEY, fleet?.[0]));
  const [intermediate] = fleet ?? [];
  const root = fleet?.find(isRoot);
  if (faults.length > 0 || !server || !fleet || !intermediate || !root) return { kind: "faulty", faults };
  const material = {
    server: { cert: pemOf(server), key: texts.HEARTH_TLS_KEY },
    fleet: { certificate: intermediate.toString(), privateKey: texts.HEARTH_FLEET_CA_KEY },
    formerFleet: pemOf(fleet.slice(fleet.indexOf(root) + 1)),
    root: root.toString(),
  };
  return { kind: "good", material };
}

function serverFault(chain: X509Certificate[] | null, nowMs: number): string | null {
  const [leaf] = chain ?? [];
  if (chain === null || leaf === undefined) return "has no certificate in PEM";
  if (leaf.ca) return "begins with the certificate of a certificate authority and not with the server's";
  // @types/node says that it is always there; a certificate without the extension has none.
  const purposes: string[] | undefined = leaf.keyUsage;
  if (purposes !== undefined && !purposes.includes(serverAuth)) return "has a certificate that is not for a server";
  if (leaf.subjectAltName === undefined)
    return "has a certificate without a name that clients look at (subjectAltName)";
  return chainFault(chain, nowMs);
}

const isRoot = (certificate: X509Certificate) => isSignedBy(certificate, certificate);

/** The way from the intermediate to its root; and after the root, intermediates of earlier years, each of the same root. */
function fleetFault(all: X509Certificate[] | null, nowMs: number): string | null {
  const [first] = all ?? [];
  if (all === null || first === undefined) return "has no certificate in PEM";
  if (!first.ca) return "begins with a certificate that is not a certificate authority's";
  if (isRoot(first)) return "begins with a root, whose key should lie offline and not with a server";
  const rootAt = all.findIndex(isRoot);
  const root = all[rootAt];
  if (root === undefined) return "does not lead to its root";
  const fault = chainFault(all.slice(0, rootAt + 1), nowMs);
  if (fault !== null) return fault;
  for (const former of all.slice(rootAt + 1)) {
    if (!former.ca || !isSignedBy(former, root)) {
      return `has after the root a certificate (${oneLine(former.subject)}) that is no intermediate of that root`;
    }
  }
  return null;
}

function chainFault(chain: X509Certificate[], nowMs: number): string | null {
  for (const [at, certificate] of chain.entries()) {
    if (isDevelopment(certificate)) return "comes from the development CA, whose keys anybody can make";
    if (certificate.validToDate.getTime() <= nowMs) {
      return `has a certificate (${oneLine(certificate.subject)}) that ended on ${dateText(certificate.validToDate.getTime())}`;
    }
    if (certificate.validFromDate.getTime() > nowMs) {
      return `has a certificate (${oneLine(certificate.subject)}) that counts only from ${dateText(certificate.validFromDate.getTime())}`;
    }
    const next = chain[at + 1];
    if (next !== undefined && !isSignedBy(certificate, next)) {
      return `has certificates that do not follow from one another: number ${at + 1} was not signed by number ${at + 2}`;
    }
  }
  return null;
}

function keyFault(pem: string, certificate: X509Certificate | undefined): string | null {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED/.test(pem)) return "has a key behind a passphrase";
  const key = privateKeyIn(pem);
  if (key === null) return "has no private key in PEM";
  if (signingScheme(key) === null)
    return "has a key that is not EC P-256 or P-384, Ed25519, or RSA of 2048 to 4096 bits";
  // Without a certificate, that is what is said, of the other variable.
  return certificate?.checkPrivateKey(key) === false ? "has the key of another certificate" : null;
}

function privateKeyIn(pem: string): KeyObject | null {
  try {
    return createPrivateKey(pem);
  } catch {
    return null;
  }
}

/** Names come over several lines. */
const oneLine = (name: string | undefined) => (name ?? "without a name").replaceAll("\n", ", ");
