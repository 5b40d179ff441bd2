import { constants } from "node:crypto";
import type { Socket } from "node:net";
import { type TLSSocket, type TlsOptions, createServer } from "node:tls";
import type { Logger } from "pino";
import type { GatewayLimits } from "#protocol/link/limits.ts";
import type { TlsMaterial } from "#protocol/link/messages.ts";
import type { Arrival } from "./connect-queue.ts";
import type { Counters } from "./counters.ts";
import { type PeerCertificate, fingerprintOf } from "./peer.ts";
import type { SecurityReports } from "./security-reports.ts";

export interface TlsFrontOptions {
  material: TlsMaterial;
  limits: GatewayLimits;
  counters: Counters;
  security: SecurityReports;
  logger: Logger;
  /** Whether a certificate is on the deny-list. */
  isDenied: (certificate: PeerCertificate) => boolean;
}

type Secured = (stream: TLSSocket, certificate: PeerCertificate | null) => void;

/** A device that lost its Wi-Fi for an hour still comes back without a whole handshake. */
const sessionSeconds = 7_200;
/** For TLS 1.2: forward secret and authenticated alone. TLS 1.3 knows no others. */
const ciphers = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

/**
 * The handshake of connections that were accepted elsewhere. It asks for a certificate and makes the peer prove its key, takes any or
 * none, and leaves what it is worth to `ClientCertificates`. One thing it does not leave: whoever shows a denied certificate, also by
 * resuming a session that began before, is cut off here.
 */
export class TlsFront {
  readonly #limits: GatewayLimits;
  readonly #counters: Counters;
  readonly #security: SecurityReports;
  readonly #logger: Logger;
  readonly #isDenied: (certificate: PeerCertificate) => boolean;
  readonly #server;
  /** By the peer's end: the server knows the sockets that it is given by nothing else. */
  readonly #handshakes = new Map<string, Secured>();

  /** @throws where the material is none */
  constructor({ material, limits, counters, security, logger, isDenied }: TlsFrontOptions) {
    this.#limits = limits;
    this.#counters = counters;
    this.#security = security;
    this.#logger = logger;
    this.#isDenied = isDenied;
    // It never listens: connections are injected, as its documentation provides for.
    this.#server = createServer(this.#optionsFor(material), (socket) => this.#secured(socket));
    this.#server.on("tlsClientError", (error: Error & { code?: string }, socket) => this.#failed(error, socket));
  }

  /**
   * For handshakes from now on.
   *
   * @throws where the material is none; what was before then holds
   */
  renew(material: TlsMaterial): void {
    this.#server.setSecureContext(this.#optionsFor(material));
  }

  enter({ socket }: Arrival, secured: Secured): void {
    const end = endOf(socket);
    this.#handshakes.set(end, secured);
    socket.once("close", () => this.#handshakes.delete(end));
    this.#server.emit("connection", socket);
  }

  #optionsFor({ cert, key, clientCa }: TlsMaterial): TlsOptions {
    return {
      cert,
      key,
      // Told to the client, so that one with several certificates knows which to show.
      ca: clientCa,
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: "TLSv1.2",
      ciphers,
      // With it a client could show one certificate at first and another later.
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      sessionTimeout: sessionSeconds,
      handshakeTimeout: this.#limits.connectTimeoutMs,
    };
  }

  #secured(socket: TLSSocket): void {
    // Whoever has it next hears of its end by `close`.
    socket.on("error", () => {});
    const end = endOf(socket);
    const secured = this.#handshakes.get(end);
    this.#handshakes.delete(end);
    this.#counters.tls_handshakes += 1;
    if (socket.isSessionReused()) this.#counters.tls_resumed += 1;
    const certificate = certificateOf(socket);
    if (certificate !== null && this.#isDenied(certificate)) {
      this.#counters.refused_certificate_denied += 1;
      this.#tell("certificate_refused", "denied", socket);
      this.#logger.debug({ event: "certificate_refused", why: "denied", fingerprint: certificate.fingerprint });
      socket.destroy();
    } else if (secured === undefined) {
      // Its end is no longer known: it is gone.
      socket.destroy();
    } else {
      secured(socket, certificate);
    }
  }

  #failed(error: Error & { code?: string }, socket: TLSSocket): void {
    const isTooOld = error.code === "ERR_SSL_UNSUPPORTED_PROTOCOL";
    if (isTooOld) this.#counters.tls_refused_version += 1;
    else this.#counters.tls_failed += 1;
    this.#tell("protocol_error", isTooOld ? "tls_version" : "tls_failed", socket);
    this.#logger.debug({ event: "tls_failed", code: error.code, address: socket.remoteAddress });
  }

  #tell(kind: "certificate_refused" | "protocol_error", reason: string, socket: TLSSocket): void {
    this.#security.note({ kind, reason, address: socket.remoteAddress ?? "", name: "" });
  }
}

/** Behind one address translation, two devices may have the same end towards two addresses of ours. */
const endOf = ({ remoteAddress, remotePort, localAddress }: Socket): string =>
  `${remoteAddress} ${remotePort} ${localAddress}`;

function certificateOf(socket: TLSSocket): PeerCertificate | null {
  const certificate = socket.getPeerX509Certificate();
  return certificate ? { fingerprint: fingerprintOf(certificate), read: () => socket.getPeerX509Certificate() } : null;
}
