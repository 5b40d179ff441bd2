/**
 * From a socket that was admitted to a peer whose MQTT bytes can be read.
 *
 *   plain --------------------------+                +-- `G`: HTTP --> WebSocket at /mqtt --+
 *   TLS ----handshake, deny-list----+-- first byte --+                                      +--> Connections
 *                                                    +-- anything else ---------------------+
 *
 * One clock runs over all of it and on until the CONNECT is there. Whoever is late is cut off.
 */
import type { Duplex } from "node:stream";
import type { GatewayLimits } from "#protocol/link/limits.ts";
import type { Arrival } from "./connect-queue.ts";
import type { Counters } from "./counters.ts";
import type { LimitHits } from "./limit-hits.ts";
import type { Peer, PeerCertificate } from "./peer.ts";
import type { TlsFront } from "./tls-front.ts";
import { WebSockets, upgradeByte } from "./websockets.ts";

export interface ReceptionOptions {
  limits: GatewayLimits;
  counters: Counters;
  hits: LimitHits;
  /** Null where there is no TLS. */
  tls: TlsFront | null;
  accept: (peer: Peer) => void;
}

export class Reception {
  readonly #limits: GatewayLimits;
  readonly #hits: LimitHits;
  readonly #tls: TlsFront | null;
  readonly #accept: (peer: Peer) => void;
  readonly #webSockets: WebSockets;
  readonly #arrivals = new Set<Arrival>();

  constructor({ limits, counters, hits, tls, accept }: ReceptionOptions) {
    this.#limits = limits;
    this.#hits = hits;
    this.#tls = tls;
    this.#accept = accept;
    this.#webSockets = new WebSockets(limits, counters, hits);
  }

  plain(arrival: Arrival): void {
    this.#begin(arrival);
    this.#look(arrival, arrival.socket, null, false);
  }

  secure(arrival: Arrival): void {
    this.#begin(arrival);
    this.#tls?.enter(arrival, (stream, certificate) => this.#look(arrival, stream, certificate, true));
  }

  sweep(nowMs: number): void {
    for (const arrival of this.#arrivals) {
      if (nowMs - arrival.admittedAtMs <= this.#limits.connectTimeoutMs) continue;
      this.#hits.hit("connectTimeoutMs", arrival.address);
      this.#arrivals.delete(arrival);
      arrival.socket.destroy();
    }
  }

  close(): void {
    for (const { socket } of this.#arrivals) socket.destroy();
  }

  #begin(arrival: Arrival): void {
    this.#arrivals.add(arrival);
    arrival.socket.once("close", () => this.#arrivals.delete(arrival));
  }

  #look(arrival: Arrival, stream: Duplex, certificate: PeerCertificate | null, isSecure: boolean): void {
    stream.once("data", (chunk: Buffer) => {
      stream.pause();
      stream.unshift(chunk);
      if (chunk[0] === upgradeByte) {
        this.#webSockets.open(stream, (opened) => {
          const settled = () => {
            opened.trust();
            arrival.settled();
          };
          const hangUp = opened.hangUp.bind(opened);
          this.#hand(arrival, { stream: opened, via: isSecure ? "wss" : "ws", certificate, settled, hangUp });
        });
      } else {
        const hangUp = () => stream.destroy();
        this.#hand(arrival, { stream, via: isSecure ? "tls" : "tcp", certificate, settled: arrival.settled, hangUp });
      }
      stream.resume();
    });
    stream.resume();
  }

  #hand(arrival: Arrival, peer: Omit<Peer, "address" | "sinceMs" | "refused">): void {
    this.#arrivals.delete(arrival);
    const { address, admittedAtMs: sinceMs, settled: refused } = arrival;
    this.#accept({ ...peer, address, sinceMs, refused });
  }
}
