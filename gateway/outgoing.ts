import type { Duplex } from "node:stream";
import type { Clock } from "./platform/clock.ts";

/** What goes out to one device, and since when it has not been read. */
export class Outgoing {
  readonly #socket: Duplex;
  readonly #clock: Clock;
  #cloggedSinceMs: number | null = null;
  #taken: (() => void) | null = null;

  /** @param drained the device has read everything that waited for it */
  constructor(socket: Duplex, clock: Clock, drained: () => void) {
    this.#socket = socket;
    this.#clock = clock;
    socket.on("drain", () => {
      this.#cloggedSinceMs = null;
      this.release();
      drained();
    });
  }

  /** More waits than the socket's buffer is meant to hold. */
  get isClogged(): boolean {
    return this.#cloggedSinceMs !== null;
  }

  cloggedForMs(nowMs: number): number {
    return this.#cloggedSinceMs === null ? 0 : nowMs - this.#cloggedSinceMs;
  }

  write(bytes: Buffer, done?: (error?: Error | null) => void): void {
    this.#socket.write(bytes, done);
    if (this.#cloggedSinceMs === null && this.#socket.writableNeedDrain) this.#cloggedSinceMs = this.#clock.nowMs();
  }

  /** Writes what belongs together, so that nothing comes between. */
  writeAll(parts: readonly { chunk: Buffer }[]): void {
    this.#socket.cork();
    for (const { chunk } of parts) this.write(chunk);
    this.#socket.uncork();
  }

  /** Runs once there is room for more: now, or when the device has read. One at a time. */
  whenRoom(run: () => void): void {
    if (this.isClogged) this.#taken = run;
    else run();
  }

  /** Lets the one who waits for room go on. */
  release(): void {
    const run = this.#taken;
    this.#taken = null;
    run?.();
  }
}
