import { type IncomingMessage, STATUS_CODES, type Server, createServer } from "node:http";
import type { Duplex } from "node:stream";
import { type ServerOptions, WebSocketServer } from "ws";
import type { GatewayLimits } from "#protocol/link/limits.ts";
import type { Counters } from "./counters.ts";
import type { LimitHits } from "./limit-hits.ts";
import { WebSocketStream } from "./websocket-stream.ts";

/** The first byte of a GET, and of no MQTT packet that may come first. */
export const upgradeByte = "G".charCodeAt(0);

const path = "/mqtt";
const subprotocol = "mqtt";
/** How long a client has to answer that its connection is closed. */
const closeMsMax = 1_000;
/** Of one message: frames, and pieces in which they came. A packet in TCP segments of the usual size has some 200. */
const framesPerMessageMax = 1_024;
const piecesPerMessageMax = 4_096;

interface Refusal {
  status: number;
  sentence: string;
}

/** The opening of WebSockets on connections that were accepted elsewhere. */
export class WebSockets {
  readonly #limits: GatewayLimits;
  readonly #counters: Counters;
  readonly #hits: LimitHits;
  readonly #http: Server;
  readonly #webSockets: WebSocketServer;
  readonly #opened = new WeakMap<Duplex, (stream: WebSocketStream) => void>();

  constructor(limits: GatewayLimits, counters: Counters, hits: LimitHits) {
    this.#limits = limits;
    this.#counters = counters;
    this.#hits = hits;
    // It never listens: connections are injected. How long they may take is for whoever injects them to say.
    this.#http = createServer({ maxHeaderSize: limits.bytesBeforeLogin }, (request) => {
      this.#refuse(request.socket, refusalOf(request) ?? noUpgrade);
    });
    this.#http.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    this.#http.on("clientError", (error: Error & { code?: string }, socket) => {
      const isTooLarge = error.code === "HPE_HEADER_OVERFLOW";
      if (isTooLarge) this.#hits.hit("bytesBeforeLogin");
      this.#refuse(socket, isTooLarge ? tooLarge : noHttp);
    });
    const options: ServerOptions & { closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      // The largest packet, and what a client joins to it.
      maxPayload: 2 * limits.bytesPerPayload,
      maxFragments: framesPerMessageMax,
      maxBufferedChunks: piecesPerMessageMax,
      closeTimeout: closeMsMax,
      // `mqtt` is the one that is answered, whatever else is offered beside it [MQTT-6.0.0-4].
      handleProtocols: () => subprotocol,
    };
    this.#webSockets = new WebSocketServer(options);
  }

  /**
   * Answers the HTTP request that a connection begins with.
   *
   * @param opened told where it became a WebSocket; any other ends by itself
   */
  open(socket: Duplex, opened: (stream: WebSocketStream) => void): void {
    this.#opened.set(socket, opened);
    this.#http.emit("connection", socket);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const refusal = refusalOf(request);
    if (refusal !== null) return this.#refuse(socket, refusal);
    // What is wrong with the rest of the request, the library answers.
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      this.#counters.websockets += 1;
      // A CONNECT, and as much behind it.
      const bytesBeforeTrust = 2 * this.#limits.bytesBeforeLogin;
      const overfull = () => this.#hits.hit("bytesBeforeLogin");
      this.#opened.get(socket)?.(new WebSocketStream(webSocket, socket, bytesBeforeTrust, overfull));
    });
  }

  #refuse(socket: Duplex, refusal: Refusal): void {
    this.#counters.websockets_refused += 1;
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    socket.once("finish", () => socket.destroy());
    socket.end(responseOf(refusal));
  }
}

const noHttp: Refusal = { status: 400, sentence: "This is neither MQTT nor HTTP.\n" };
const noUpgrade: Refusal = { status: 426, sentence: "MQTT is spoken here, over a WebSocket at /mqtt.\n" };
const tooLarge: Refusal = { status: 431, sentence: "The header is too large.\n" };

/** What is wrong with the request's path, or with what an upgrade offers. */
function refusalOf({ url, headers }: IncomingMessage): Refusal | null {
  if (url?.split("?")[0] !== path) return { status: 404, sentence: "There is one path here: /mqtt.\n" };
  const offered = (headers["sec-websocket-protocol"] ?? "").split(",").map((one) => one.trim());
  if (headers.upgrade === undefined || offered.includes(subprotocol)) return null;
  // [MQTT-6.0.0-3]
  return { status: 400, sentence: "The header Sec-WebSocket-Protocol does not offer mqtt.\n" };
}

function responseOf({ status, sentence }: Refusal): string {
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "Connection: close",
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(sentence)}`,
    // RFC 9110, 15.5.22.
    ...(status === noUpgrade.status ? ["Upgrade: websocket"] : []),
  ];
  return `${lines.join("\r\n")}\r\n\r\n${sentence}`;
}
