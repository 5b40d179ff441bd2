import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { plainAddress } from "./core/address.ts";
import type { Via } from "#protocol/link/messages.ts";

/** Who is at the other end of an accepted connection, before they have said anything. */
export interface Peer {
  /** The MQTT bytes, out of whatever they came in. */
  stream: Duplex;
  address: string;
  via: Via;
  /** DER of the certificate that the peer has proved to hold the key of. Whether it is worth anything is for the login to say. */
  certificate: Buffer | null;
}

export const tcpPeer = (socket: Socket): Peer => ({
  stream: socket,
  address: plainAddress(socket.remoteAddress ?? ""),
  via: "tcp",
  certificate: null,
});
