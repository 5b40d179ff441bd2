import type { GatewayLimits } from "#protocol/link/limits.ts";

type RateName = "messagesPerSecondMax" | "bytesPerSecondMax";
export type RateLimits = Pick<GatewayLimits, RateName | "burstSecondsMax">;

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
    this.#messages = limits.messagesPerSecondMax * limits.burstSecondsMax;
    this.#bytes = limits.bytesPerSecondMax * limits.burstSecondsMax;
    this.#filledAtMs = nowMs;
  }

  /** On every packet's way: two subtractions. */
  take(bytes: number): void {
    this.#messages -= 1;
    this.#bytes -= bytes;
  }

  /** The limit of which too much was taken, or null. A clock that goes back fills nothing. */
  exceeded(nowMs: number): RateName | null {
    const { messagesPerSecondMax, bytesPerSecondMax, burstSecondsMax } = this.#limits;
    const seconds = Math.max(0, nowMs - this.#filledAtMs) / 1_000;
    this.#filledAtMs = nowMs;
    this.#messages = Math.min(this.#messages + seconds * messagesPerSecondMax, messagesPerSecondMax * burstSecondsMax);
    this.#bytes = Math.min(this.#bytes + seconds * bytesPerSecondMax, bytesPerSecondMax * burstSecondsMax);
    if (this.#messages < 0) return "messagesPerSecondMax";
    return this.#bytes < 0 ? "bytesPerSecondMax" : null;
  }
}
