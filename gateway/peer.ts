import type { X509Certificate } from "node:crypto";
import type { Duplex } from "node:stream";
import type { CloseReason } from "#protocol/errors.ts";
import type { Via } from "#protocol/link/login.ts";

/** A certificate whose key the peer has proved to hold. Whether it is worth anything is for the login to say. */
export interface PeerCertificate {
  fingerprint: string;
  /** The certificate itself; undefined once the connection is gone. */
  read: () => X509Certificate | undefined;
}

/** Lower-case hex SHA-256 of its DER. */
export const fingerprintOf = ({ fingerprint256 }: X509Certificate): string =>
  fingerprint256.replaceAll(":", "").toLowerCase();

/** Who is at the other end of an accepted connection, before they have said anything. */
export interface Peer {
  /** The MQTT bytes, out of whatever they came in. */
  stream: Duplex;
  address: string;
  via: Via;
  certificate: PeerCertificate | null;
  /** When it was admitted: from there the clock runs until its CONNECT, whatever stands before that. */
  sinceMs: number;
  /** Its login is decided, or will never be: what was kept for that is free. May be called again. */
  settled: () => void;
  /** Its login is refused, and waits for the answer to that: its place is another's already. */
  refused: () => void;
  /** Ends the connection, and tells why where the transport has a way to. */
  hangUp: (reason: CloseReason) => void;
}
