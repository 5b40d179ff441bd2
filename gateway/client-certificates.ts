/**
 * Which client certificates are worth something: signed by the fleet CA, for a device, valid now, and not on the deny-list.
 *
 * Nothing here rests on what TLS thought of the certificate. The handshake proves that the peer holds the key and no more, since it
 * must let in devices that come with a token, and a resumed session is not verified again at all.
 */
import { X509Certificate } from "node:crypto";
import type { Logger } from "pino";
import { deviceIdPattern } from "#protocol/ids.ts";
import type { Bounds } from "./bounds.ts";
import type { CacheStore } from "./cache-store.ts";
import { type PeerCertificate, fingerprintOf } from "./peer.ts";

/** `foreign`: not signed by the fleet CA. `unfit`: signed by it, and no device's. */
export type BadCertificate = "denied" | "foreign" | "unfit" | "not_yet_valid" | "expired";
export type Verdict = { kind: "good"; deviceId: string } | { kind: "bad"; why: BadCertificate };

/** What a certificate says of itself, and whether the fleet CA says so too: the same for ever. */
interface Findings {
  isOurs: boolean;
  /** Null where it is no device's. */
  deviceId: string | null;
  validFromMs: number;
  validToMs: number;
}

export interface ClientCertificatesOptions {
  cache: CacheStore;
  bounds: Bounds;
  logger: Logger;
}

const clientAuth = "1.3.6.1.5.5.7.3.2";
const pemPattern = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const fingerprintPattern = /^[0-9a-f]{64}$/;
const nothing: Findings = { isOurs: false, deviceId: null, validFromMs: 0, validToMs: 0 };
const bad = (why: BadCertificate): Verdict => ({ kind: "bad", why });

/**
 * @param clientCa PEM: the fleet CA, or several while one follows another
 * @throws where it is none
 */
export function readFleetCas(clientCa: string): X509Certificate[] {
  const fleetCas = (clientCa.match(pemPattern) ?? []).map((pem) => new X509Certificate(pem));
  if (fleetCas.length === 0) throw new Error("the fleet CA holds no certificate");
  return fleetCas;
}

export class ClientCertificates {
  readonly #cache: CacheStore;
  readonly #bounds: Bounds;
  readonly #logger: Logger;
  readonly #denied: Set<string>;
  #fleetCas: readonly X509Certificate[] = [];
  /** By fingerprint, so that a device that comes back costs no signature check. */
  readonly #findings = new Map<string, Findings>();

  constructor({ cache, bounds, logger }: ClientCertificatesOptions) {
    this.#cache = cache;
    this.#bounds = bounds;
    this.#logger = logger;
    this.#denied = new Set(cache.denied());
  }

  /** From now on these sign devices' certificates, and no others. */
  trust(fleetCas: readonly X509Certificate[]): void {
    this.#fleetCas = fleetCas;
    this.#findings.clear();
  }

  isDenied({ fingerprint }: PeerCertificate): boolean {
    return this.#denied.has(fingerprint);
  }

  check(certificate: PeerCertificate, nowMs: number): Verdict {
    if (this.isDenied(certificate)) return bad("denied");
    const { isOurs, deviceId, validFromMs, validToMs } = this.#find(certificate);
    if (!isOurs) return bad("foreign");
    if (deviceId === null) return bad("unfit");
    if (nowMs < validFromMs) return bad("not_yet_valid");
    if (nowMs > validToMs) return bad("expired");
    return { kind: "good", deviceId };
  }

  /**
   * Adds to the deny-list, or replaces it whole. At its bound it takes no more: that is logged as an error.
   *
   * @returns what of it holds
   */
  revoke(fingerprints: readonly string[], whole: boolean): ReadonlySet<string> {
    if (whole) this.#denied.clear();
    const taken = new Set<string>();
    for (const text of fingerprints) {
      const fingerprint = text.toLowerCase();
      const hasRoom = this.#denied.has(fingerprint) || this.#denied.size < this.#bounds.deniedMax;
      if (!fingerprintPattern.test(fingerprint) || !hasRoom) continue;
      this.#denied.add(fingerprint);
      taken.add(fingerprint);
    }
    if (taken.size < new Set(fingerprints).size) {
      this.#logger.error({ event: "deny_list_incomplete", given: fingerprints.length, taken: taken.size });
    }
    this.#cache.putDenied(taken, whole).catch((error: unknown) => {
      this.#logger.error({ event: "cache_write_failed", err: error });
    });
    return taken;
  }

  #find({ fingerprint, read }: PeerCertificate): Findings {
    const known = this.#findings.get(fingerprint);
    if (known !== undefined) return known;
    const x509 = read();
    // It is gone with its connection. Under a name that is not its own nothing is remembered.
    if (x509 === undefined || fingerprintOf(x509) !== fingerprint) return nothing;
    const findings = this.#judge(x509);
    if (this.#findings.size >= this.#bounds.certificatesMax) {
      // Maps keep their order of insertion: the first is the oldest.
      for (const oldest of this.#findings.keys()) {
        this.#findings.delete(oldest);
        break;
      }
    }
    this.#findings.set(fingerprint, findings);
    return findings;
  }

  #judge(x509: X509Certificate): Findings {
    return {
      isOurs: this.#fleetCas.some((ca) => x509.checkIssued(ca) && x509.verify(ca.publicKey)),
      deviceId: deviceIdOf(x509),
      validFromMs: Date.parse(x509.validFrom),
      validToMs: Date.parse(x509.validTo),
    };
  }
}

/** The one common name of a client's certificate, if it is a device id. */
function deviceIdOf({ ca, keyUsage, subject }: X509Certificate): string | null {
  // Node's name for the extended key usage.
  if (ca || !(keyUsage ?? []).includes(clientAuth)) return null;
  // One line for each part of the name; what could end a line or begin another is escaped in it, and no id holds an escape.
  const names = subject.split("\n").filter((line) => line.startsWith("CN="));
  const name = names.length === 1 ? names[0]?.slice("CN=".length) : undefined;
  return name !== undefined && deviceIdPattern.test(name) ? name : null;
}
