import type { GatewayLimits } from "#protocol/link/limits.ts";

type RateName = "messagesPerSecondMax" | "bytesPerSecondMax";
export type RateLimits = Pick<GatewayLimits, RateName | "burstSecondsMax">;

/** Buckets are in thousandths, so that each millisecond fills them by a whole number. */
const thousandths = 1_000;

/**
 * How much a connection may say: two buckets that fill at the pace of their limits and hold `burstSecondsMax` of it. A packet is
 * taken whether or not there is enough for it, so that what was read is never thrown away; what was taken too much must come in
 * before more is read.
 */
export class RateLimit {
  readonly #limits: RateLimits;
  #messages: number;
  #bytes: number;
  #filledAtMs: number;

  constructor(limits: RateLimits, nowMs: number) {
    this.#limits = limits;
    this.#messages = limits.messagesPerSecondMax * limits.burstSecondsMax * thousandths;
    this.#bytes = limits.bytesPerSecondMax * limits.burstSecondsMax * thousandths;
    this.#filledAtMs = nowMs;
  }

  /** On every packet's way: two subtractions. */
  take(bytes: number): void {
    this.#messages -= thousandths;
    this.#bytes -= bytes * thousandths;
  }

  /** Whether a good part of a burst was taken and has not come in again: worth remembering when its device comes back. */
  isSpent(nowMs: number): boolean {
    const { messagesPerSecondMax, bytesPerSecondMax, burstSecondsMax } = this.#limits;
    const halfMs = burstSecondsMax * 500;
    this.exceeded(nowMs);
    return this.#messages < halfMs * messagesPerSecondMax || this.#bytes < halfMs * bytesPerSecondMax;
  }

  /** The limit of which too much was taken, or null. A clock that goes back fills nothing. */
  exceeded(nowMs: number): RateName | null {
    const { messagesPerSecondMax, bytesPerSecondMax, burstSecondsMax } = this.#limits;
    const burstMs = burstSecondsMax * 1_000;
    const elapsedMs = Math.min(Math.max(0, nowMs - this.#filledAtMs), burstMs);
    this.#filledAtMs = nowMs;
    this.#messages = Math.min(this.#messages + elapsedMs * messagesPerSecondMax, burstMs * messagesPerSecondMax);
    this.#bytes = Math.min(this.#bytes + elapsedMs * bytesPerSecondMax, burstMs * bytesPerSecondMax);
    if (this.#messages < 0) return "messagesPerSecondMax";
    return this.#bytes < 0 ? "bytesPerSecondMax" : null;
  }
}
