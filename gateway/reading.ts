/**
 * Whether a device's socket is read, and how long it has been silent. It is not read while too much of what it said is not on disk
 * yet, while it says more than it may, while it does not read itself, or while the broker has enough. Then its buffer in the kernel
 * fills and the device waits; what is not read cannot be silent, so its keepalive stands still meanwhile.
 */
import type { Duplex } from "node:stream";
import type { GatewayLimits } from "#protocol/link/limits.ts";
import type { Bounds } from "./bounds.ts";
import { HeldBack, type HeldBackWord } from "./core/held-back.ts";
import { RateLimit } from "./core/rate-limit.ts";
import type { LimitHits } from "./limit-hits.ts";
import type { Outgoing } from "./outgoing.ts";
import type { Clock } from "./platform/clock.ts";
import type { Spool } from "./spool.ts";

export interface ReadingHost {
  readonly limits: GatewayLimits;
  readonly bounds: Bounds;
  readonly hits: LimitHits;
  readonly clock: Clock;
  readonly spool: Spool;
  /** Too much is held over all connections. All are steered when that begins, and when it ends. */
  readonly isOverfull: boolean;
  overfilled(): void;
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
  #brokerIsFull = false;

  #rate: RateLimit;
  #saysTooMuch = false;
  /** Made for the few who ever say too much. */
  #heldBack: HeldBack | null = null;

  #keepaliveMs = 0;
  #lastPacketMs: number;
  #partialSinceMs = 0;

  constructor(socket: Duplex, outgoing: Outgoing, host: ReadingHost) {
    this.#socket = socket;
    this.#outgoing = outgoing;
    this.#host = host;
    this.#lastPacketMs = host.clock.nowMs();
    this.#rate = new RateLimit(host.limits, this.#lastPacketMs);
  }

  /** What the device may say; it goes on with what it had left when it was last here. */
  get rate(): RateLimit {
    return this.#rate;
  }

  goOnWith(rate: RateLimit): void {
    this.#rate = rate;
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

  /**
   * The device may be silent for one and a half times its keepalive [MQTT-3.1.2-24]. Silence for ever, which 0 asks for, looks like a
   * power cut, and the standard lets a server end it at any time.
   */
  keepAlive(askedMs: number): void {
    const mostMs = this.#host.limits.keepaliveSecondsMax * 1_000;
    const isTooLong = askedMs === 0 || askedMs > mostMs;
    if (isTooLong) this.#host.hits.hit("keepaliveSecondsMax");
    this.#keepaliveMs = (isTooLong ? mostMs : askedMs) * 1.5;
  }

  /** A whole packet was read. */
  packet(nowMs: number, bytes: number): void {
    this.#lastPacketMs = nowMs;
    this.#partialSinceMs = 0;
    this.#rate.take(bytes);
  }

  /** All that had arrived was read: whether it was too much is looked at once for all of it. */
  measure(nowMs: number): void {
    const limit = this.#rate.exceeded(nowMs);
    if (limit === null && !this.#saysTooMuch) return;
    this.#saysTooMuch = limit !== null;
    this.#heldBack ??= new HeldBack(this.#host.bounds);
    if (limit === null) this.#heldBack.resumed(nowMs);
    else if (this.#heldBack.paused(limit, nowMs)) {
      this.#host.hits.hit(limit);
      this.#host.hits.hit("burstSecondsMax");
    }
    this.steer();
  }

  /** To be asked from time to time. @returns what is new about its being held back */
  look(nowMs: number): HeldBackWord | null {
    if (this.#saysTooMuch) this.measure(nowMs);
    else if (this.#isStopped) this.steer();
    return this.#heldBack?.look(nowMs) ?? null;
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
    const { limits, hits } = this.#host;
    if (this.#held > 0 && nowMs - this.#heldSinceMs > limits.holdMsMax) {
      hits.hit("holdMsMax");
      return "held_too_long";
    }
    if (this.#isStopped) return null;
    if (this.#keepaliveMs > 0 && nowMs - this.#lastPacketMs > this.#keepaliveMs) return "keepalive";
    if (this.#partialSinceMs === 0 || nowMs - this.#partialSinceMs <= limits.partialPacketMsMax) return null;
    hits.hit("partialPacketMsMax");
    return "protocol_error";
  }

  /** Reads, or stops: to be called after anything changed that decides it. */
  steer(): void {
    if (this.#hasEnded) return;
    this.#weighHeld();
    const { isOverfull, spool } = this.#host;
    // A full spool may stay so for long: who holds nothing is read all the same, so that it can ping.
    const waitsForRoom = isOverfull && (this.#held > 0 || !spool.full);
    const stop =
      !this.#isWanted ||
      this.#holdsTooMuch ||
      waitsForRoom ||
      this.#saysTooMuch ||
      this.#brokerIsFull ||
      this.#outgoing.isClogged;
    if (stop === this.#isStopped) return;
    this.#isStopped = stop;
    if (stop) {
      this.#socket.pause();
    } else {
      this.#lastPacketMs = this.#host.clock.nowMs();
      this.#socket.resume();
    }
  }
  #weighHeld(): void {
    const { limits, hits, spool } = this.#host;
    const { heldPerConnectionMax, heldBytesPerConnectionMax, heldBytesMax } = limits;
    const share = this.#holdsTooMuch ? 0.5 : 1;
    const tooMany = this.#held >= heldPerConnectionMax * share;
    const holdsTooMuch = tooMany || this.#heldBytes >= heldBytesPerConnectionMax * share;
    if (holdsTooMuch && !this.#holdsTooMuch) hits.hit(tooMany ? "heldPerConnectionMax" : "heldBytesPerConnectionMax");
    this.#holdsTooMuch = holdsTooMuch;
    if (spool.pendingBytes >= heldBytesMax && !this.#host.isOverfull) this.#host.overfilled();
  }
}
