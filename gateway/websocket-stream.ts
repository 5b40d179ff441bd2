import { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { CloseReason } from "#protocol/errors.ts";

/** RFC 6455, 7.4.1. */
const closeCodes = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  unsupportedData: 1003,
  policyViolation: 1008,
  messageTooBig: 1009,
  tryAgainLater: 1013,
} as const;

/** What the client is told; for any other reason that it did something it may not. */
const codeOfReason: Partial<Record<CloseReason, number>> = {
  closed: closeCodes.normal,
  lost: closeCodes.normal,
  keepalive: closeCodes.normal,
  shutdown: closeCodes.goingAway,
  protocol_error: closeCodes.protocolError,
  packet_too_large: closeCodes.messageTooBig,
  held_too_long: closeCodes.tryAgainLater,
  stalled: closeCodes.tryAgainLater,
  spool_failed: closeCodes.tryAgainLater,
};

/**
 * The bytes of an MQTT connection out of the binary messages of a WebSocket (clause 6.0). Where one message ends and the next begins
 * means nothing. While nobody reads, the WebSocket's own socket is not read either.
 */
export class WebSocketStream extends Duplex {
  readonly #socket: WebSocket;
  readonly #carrier: Duplex;
  readonly #overfull: () => void;
  #bytesLeft: number;

  /**
   * @param carrier what the WebSocket's frames come over
   * @param bytesBeforeTrust of the carrier: a message is kept until it is whole, and may be large only once somebody has logged in
   * @param overfull told when there were more, and it ends
   */
  constructor(socket: WebSocket, carrier: Duplex, bytesBeforeTrust: number, overfull: () => void) {
    super({ allowHalfOpen: false });
    this.#socket = socket;
    this.#carrier = carrier;
    this.#bytesLeft = bytesBeforeTrust;
    this.#overfull = overfull;
    carrier.on("data", this.#count);
    socket.on("message", (data, isBinary) => this.#message(data, isBinary));
    // Of the frame layer, which has said why to the client by then.
    socket.on("error", () => this.destroy());
    socket.on("close", () => this.destroy());
  }

  /** From here on messages may be as large as packets. */
  trust(): void {
    this.#carrier.off("data", this.#count);
  }

  /** Says why, waits a moment for the client's answer, and ends. */
  hangUp(reason: CloseReason): void {
    this.#socket.close(codeOfReason[reason] ?? closeCodes.policyViolation, reason);
    this.destroy();
  }

  override _read(): void {
    if (this.#socket.isPaused) this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.send(chunk, done);
  }

  override _writev(parts: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#socket.send(Buffer.concat(parts.map(({ chunk }) => chunk)), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.close(closeCodes.normal);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // A closing handshake that is under way goes on; the server gives it its time.
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.close(closeCodes.normal);
    done(error);
  }

  readonly #count = (chunk: Buffer): void => {
    this.#bytesLeft -= chunk.length;
    if (this.#bytesLeft >= 0) return;
    this.trust();
    this.#overfull();
    this.#carrier.destroy();
  };

  #message(data: unknown, isBinary: boolean): void {
    if (this.destroyed) return;
    if (!isBinary || !Buffer.isBuffer(data)) {
      // [MQTT-6.0.0-1]
      this.#socket.close(closeCodes.unsupportedData, "MQTT comes in binary messages");
      this.destroy();
    } else if (!this.push(data)) {
      this.#socket.pause();
    }
  }
}
