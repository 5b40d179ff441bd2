import type { RateLimit } from "./rate-limit.ts";

/** Devices that are remembered; beyond that who left first is forgotten. */
const rememberedMax = 10_000;

/** What devices had left to say as they went, so that coming back gives nobody a new burst: the limits are a device's, not a connection's. */
export class SpentRates {
  readonly #byDevice = new Map<string, RateLimit>();

  left(deviceId: string, rate: RateLimit, nowMs: number): void {
    if (!rate.isSpent(nowMs)) return;
    for (const longest of this.#byDevice.keys()) {
      if (this.#byDevice.size < rememberedMax) break;
      this.#byDevice.delete(longest);
    }
    this.#byDevice.set(deviceId, rate);
  }

  /** What it goes on with, or null where it has a whole burst. */
  back(deviceId: string): RateLimit | null {
    const rate = this.#byDevice.get(deviceId) ?? null;
    this.#byDevice.delete(deviceId);
    return rate;
  }
}
