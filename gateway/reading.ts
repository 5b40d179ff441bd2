/**
 * Whether a device's socket is read, and how long it has been silent. While it is not read its buffer in the kernel fills and the
 * device waits; what is not read cannot be silent, so its keepalive stands still meanwhile.
 */
import type { Duplex } from "node:stream";
import type { GatewayLimits } from "#protocol/link/messages.ts";
import type { Bounds } from "./bounds.ts";
import type { Outgoing } from "./outgoing.ts";
import type { Clock } from "./platform/clock.ts";
import type { Spool } from "./spool.ts";

export interface ReadingHost {
  readonly limits: GatewayLimits;
  readonly bounds: Bounds;
  readonly clock: Clock;
  readonly spool: Spool;
  /** Too much is held over all connections: `roomFreed` follows. */
  waitForRoom(reading: Reading): void;
}

export class Reading {
  readonly #socket: Duplex;
  readonly #outgoing: Outgoing;
  readonly #host: ReadingHost;
  #isWanted = true;
  #hasEnded = false;
  #isStopped = false;

  #held = 0;
  #heldBytes = 0;
  #heldSinceMs = 0;
  #holdsTooMuch = false;
  #waitsForRoom = false;
  #brokerIsFull = false;

  #keepaliveMs = 0;
  #lastPacketMs: number;
  #partialSinceMs = 0;

  constructor(socket: Duplex, outgoing: Outgoing, host: ReadingHost) {
    this.#socket = socket;
    this.#outgoing = outgoing;
    this.#host = host;
    this.#lastPacketMs = host.clock.nowMs();
  }

  /** Whether the gate can take packets now. */
  want(isWanted: boolean): void {
    this.#isWanted = isWanted;
    this.steer();
  }

  /** The connection ends: from here on nothing is steered. */
  end(): void {
    this.#hasEnded = true;
  }

  /** @param keepaliveMs as the device asked for it; 0 where it may be silent for ever */
  keepAlive(keepaliveMs: number): void {
    this.#keepaliveMs = keepaliveMs * 1.5;
  }

  /** A whole packet was read. */
  packet(nowMs: number): void {
    this.#lastPacketMs = nowMs;
    this.#partialSinceMs = 0;
  }

  /** The beginning of a packet was read, and not its end. */
  partialPacket(nowMs: number): void {
    this.#partialSinceMs ||= nowMs;
  }

  /** A record was read that is not durable yet. */
  hold(bytes: number, nowMs: number): void {
    if (this.#held === 0) this.#heldSinceMs = nowMs;
    this.#held += 1;
    this.#heldBytes += bytes;
  }

  durable(bytes: number): void {
    this.#held -= 1;
    this.#heldBytes -= bytes;
  }

  /** @param pendingSinceMs age of the oldest record of all that is not on disk: none of ours is older */
  heldSince(pendingSinceMs: number): void {
    this.#heldSinceMs = Math.max(this.#heldSinceMs, pendingSinceMs);
  }

  roomFreed(): void {
    this.#waitsForRoom = false;
    this.steer();
  }

  /** The broker takes no more, until it reads on. */
  brokerFilled(): void {
    this.#brokerIsFull = true;
  }

  brokerRead(): void {
    if (!this.#brokerIsFull) return;
    this.#brokerIsFull = false;
    this.steer();
  }

  /** What has lasted too long, or null. */
  overdue(nowMs: number): "held_too_long" | "keepalive" | "protocol_error" | null {
    const { limits, bounds } = this.#host;
    if (this.#held > 0 && nowMs - this.#heldSinceMs > limits.holdMsMax) return "held_too_long";
    if (this.#isStopped) return null;
    if (this.#keepaliveMs > 0 && nowMs - this.#lastPacketMs > this.#keepaliveMs) return "keepalive";
    return this.#partialSinceMs > 0 && nowMs - this.#partialSinceMs > bounds.partialPacketMs ? "protocol_error" : null;
  }

  /** Reads, or stops: to be called after anything changed that decides it. */
  steer(): void {
    if (this.#hasEnded) return;
    const { heldPerConnectionMax, heldBytesPerConnectionMax, heldBytesMax } = this.#host.limits;
    const share = this.#holdsTooMuch ? 0.5 : 1;
    this.#holdsTooMuch =
      this.#held >= heldPerConnectionMax * share || this.#heldBytes >= heldBytesPerConnectionMax * share;
    if (!this.#waitsForRoom && this.#held > 0 && this.#host.spool.pendingBytes >= heldBytesMax) {
      this.#waitsForRoom = true;
      this.#host.waitForRoom(this);
    }
    const stop =
      !this.#isWanted || this.#holdsTooMuch || this.#waitsForRoom || this.#brokerIsFull || this.#outgoing.isClogged;
    if (stop === this.#isStopped) return;
    this.#isStopped = stop;
    if (stop) {
      this.#socket.pause();
    } else {
      this.#lastPacketMs = this.#host.clock.nowMs();
      this.#socket.resume();
    }
  }
}
