import type { Duplex } from "node:stream";
import type { Clock } from "./platform/clock.ts";

/** What goes out to one device, and since when it has not been read. */
export class Outgoing {
  readonly #socket: Duplex;
  readonly #clock: Clock;
  #cloggedSinceMs: number | null = null;

  /** @param drained the device has read everything that waited for it */
  constructor(socket: Duplex, clock: Clock, drained: () => void) {
    this.#socket = socket;
    this.#clock = clock;
    socket.on("drain", () => {
      this.#cloggedSinceMs = null;
      drained();
    });
  }

  /** More waits than the socket's buffer is meant to hold. */
  get isClogged(): boolean {
    return this.#cloggedSinceMs !== null;
  }

  /** Bytes that the socket has and the device not. */
  get waitingBytes(): number {
    return this.#socket.writableLength;
  }

  cloggedForMs(nowMs: number): number {
    return this.#cloggedSinceMs === null ? 0 : nowMs - this.#cloggedSinceMs;
  }

  write(bytes: Buffer, done?: (error?: Error | null) => void): void {
    this.#socket.write(bytes, done);
    if (this.#cloggedSinceMs === null && this.#socket.writableNeedDrain) this.#cloggedSinceMs = this.#clock.nowMs();
  }

  /** Writes what belongs together, so that nothing comes between. */
  writeAll(pieces: readonly Buffer[]): void {
    this.#socket.cork();
    for (const piece of pieces) this.write(piece);
    this.#socket.uncork();
  }
}
