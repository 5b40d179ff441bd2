/**
 * The ports that devices connect to. Plain sockets accept on both, so that the connect queue stands before the handshake as well.
 *
 *   mqtt  --+--> ConnectQueue --by turns--> Reception --> Connections
 *   mqtts --+
 */
import { type Server, type Socket, createServer } from "node:net";
import type { Logger } from "pino";
import type { GatewayConfig, GatewayPorts, Listen, TlsMaterial } from "#protocol/link/messages.ts";
import { type Arrival, ConnectQueue } from "./connect-queue.ts";
import { type ClientCertificates, readFleetCas } from "./client-certificates.ts";
import type { Counters } from "./counters.ts";
import type { LimitHits } from "./limit-hits.ts";
import type { Peer } from "./peer.ts";
import type { Clock } from "./platform/clock.ts";
import { readShared } from "./platform/shared-reads.ts";
import { Reception } from "./reception.ts";
import type { SecurityReports } from "./security-reports.ts";
import { TlsFront } from "./tls-front.ts";

export interface ListenersOptions {
  config: GatewayConfig;
  certificates: ClientCertificates;
  counters: Counters;
  hits: LimitHits;
  security: SecurityReports;
  clock: Clock;
  logger: Logger;
  accept: (peer: Peer) => void;
}

const backlogMax = 4_096;

export class Listeners {
  readonly #config: GatewayConfig;
  readonly #certificates: ClientCertificates;
  readonly #logger: Logger;
  readonly #queue: ConnectQueue;
  readonly #reception: Reception;
  readonly #tls: TlsFront | null;
  readonly #servers: Server[] = [];

  /** @throws where the TLS material is none */
  constructor({ config, certificates, counters, hits, security, clock, logger, accept }: ListenersOptions) {
    const { limits, mqtts } = config;
    this.#config = config;
    this.#certificates = certificates;
    this.#logger = logger;
    this.#queue = new ConnectQueue({ limits, hits, clock });
    if (mqtts !== null) certificates.trust(readFleetCas(mqtts.tls.clientCa));
    const isDenied = certificates.isDenied.bind(certificates);
    this.#tls = mqtts && new TlsFront({ material: mqtts.tls, limits, counters, security, logger, isDenied });
    this.#reception = new Reception({ limits, counters, hits, tls: this.#tls, accept });
  }

  /** Connections that wait for their turn. */
  get waiting(): number {
    return this.#queue.waiting;
  }

  /** @throws what `listen` threw, with its code and its port */
  async open(): Promise<GatewayPorts> {
    const { mqtt, mqtts } = this.#config;
    return {
      mqtt: mqtt && (await this.#listen(mqtt, true, (arrival) => this.#reception.plain(arrival))),
      // TLS has buffers of its own.
      mqtts: mqtts && (await this.#listen(mqtts, false, (arrival) => this.#reception.secure(arrival))),
    };
  }

  /** For handshakes from now on. Material that is none is logged, and what was before then holds. */
  renew(material: TlsMaterial): void {
    try {
      const fleetCas = readFleetCas(material.clientCa);
      this.#tls?.renew(material);
      this.#certificates.trust(fleetCas);
    } catch (error) {
      this.#logger.error({ event: "tls_material_refused", err: error });
    }
  }

  sweep(nowMs: number): void {
    this.#queue.sweep(nowMs);
    this.#reception.sweep(nowMs);
  }

  /** Takes nobody any more, and drops those who are not yet connected. */
  close(): void {
    for (const server of this.#servers.splice(0)) server.close();
    this.#queue.close();
    this.#reception.close();
  }

  async #listen({ host, port }: Listen, readsShared: boolean, admit: (arrival: Arrival) => void): Promise<number> {
    const accepted = (socket: Socket) => this.#queue.accept(readsShared ? readShared(socket) : socket, admit);
    const server = createServer({ noDelay: true, keepAlive: true, pauseOnConnect: readsShared }, accepted);
    this.#servers.push(server);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject);
    server.listen({ host, port, backlog: backlogMax }, resolve);
    await promise;
    // Out of file descriptors, most likely: those who are connected stay.
    server.on("error", (error) => this.#logger.error({ event: "accept_failed", err: error }));
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : port;
  }
}
