/** The same application over TLS: a second server in front of fastify's routes. */
import { createServer, type Server } from "node:https";
import type { Socket } from "node:net";
import type { FastifyInstance } from "fastify";
import type { Listen } from "#protocol/link/messages.ts";
import { serverTimes } from "./http.ts";

export interface HttpsMaterial {
  /** PEM: the server's certificate and what leads to its root. */
  cert: string;
  key: string;
}

/** Longest time for a handshake, within which a stranger costs us something without having said anything. */
const handshakeMsMax = 10_000;
/** Firmware is fetched here too; who comes while there are so many comes again. */
const connectionsMax = 2_000;
const minVersion = "TLSv1.2";

export class HttpsServer {
  readonly #server: Server;
  /** Every connection, also those in the middle of a handshake, of which the web server knows nothing yet. */
  readonly #sockets = new Set<Socket>();

  constructor(app: FastifyInstance, { cert, key }: HttpsMaterial) {
    const server = createServer({ cert, key, minVersion, handshakeTimeout: handshakeMsMax }, (request, reply) =>
      app.routing(request, reply),
    );
    server.maxConnections = connectionsMax;
    server.requestTimeout = serverTimes.requestMsMax;
    server.keepAliveTimeout = serverTimes.keepAliveMs;
    // What cannot be read as HTTP is answered as fastify answers it on its own server.
    server.on("clientError", (error, socket) => app.server.emit("clientError", error, socket));
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    this.#server = server;
  }

  /**
   * @returns the port
   * @throws what `listen` threw, with its code
   */
  async listen({ host, port }: Listen): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    this.#server.listen({ host, port }, resolve);
    await promise;
    this.#server.removeListener("error", reject);
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : port;
  }

  /** Who connects from now on is met with this; connections that are there go on. */
  renew({ cert, key }: HttpsMaterial): void {
    this.#server.setSecureContext({ cert, key, minVersion });
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
