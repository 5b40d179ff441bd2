import { type IncomingMessage, STATUS_CODES, type Server, createServer } from "node:http";
import type { Duplex } from "node:stream";
import { type ServerOptions, WebSocketServer } from "ws";
import type { GatewayLimits } from "#protocol/link/limits.ts";
import type { Counters } from "./counters.ts";
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
  readonly #http: Server;
  readonly #webSockets: WebSocketServer;
  readonly #opened = new WeakMap<Duplex, (stream: WebSocketStream) => void>();

  constructor(limits: GatewayLimits, counters: Counters) {
    this.#limits = limits;
    this.#counters = counters;
    // It never listens: connections are injected. How long they may take is for whoever injects them to say.
    this.#http = createServer({ maxHeaderSize: limits.bytesBeforeLogin }, (request, response) => {
      this.#counters.websockets_refused += 1;
      const { status, sentence } = refusalOf(request) ?? noUpgrade;
      response.writeHead(status, { ...textHeaders, Upgrade: "websocket" }).end(sentence);
    });
    this.#http.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
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
    if (refusal !== null) {
      this.#counters.websockets_refused += 1;
      socket.once("finish", () => socket.destroy());
      socket.end(responseOf(refusal));
      return;
    }
    // What is wrong with the rest of the request, the library answers.
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      this.#counters.websockets += 1;
      this.#opened.get(socket)?.(new WebSocketStream(webSocket, socket, 2 * this.#limits.bytesBeforeLogin));
    });
  }
}

const textHeaders = { Connection: "close", "Content-Type": "text/plain; charset=utf-8" } as const;
const noUpgrade: Refusal = { status: 426, sentence: "MQTT is spoken here, over a WebSocket at /mqtt.\n" };

/** What is wrong with the request's path, or with what an upgrade offers. */
function refusalOf({ url, headers }: IncomingMessage): Refusal | null {
  if (url?.split("?")[0] !== path) return { status: 404, sentence: "There is one path here: /mqtt.\n" };
  const offered = (headers["sec-websocket-protocol"] ?? "").split(",").map((one) => one.trim());
  if (headers.upgrade === undefined || offered.includes(subprotocol)) return null;
  // [MQTT-6.0.0-3]
  return { status: 400, sentence: "The header Sec-WebSocket-Protocol does not offer mqtt.\n" };
}

function responseOf({ status, sentence }: Refusal): string {
  const headers = { ...textHeaders, "Content-Length": Buffer.byteLength(sentence) };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n${sentence}`;
}
