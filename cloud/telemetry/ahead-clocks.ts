import type { ReadingFact } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import { clockAheadMsMax, isClockSuspect } from "./core/reading-rows.ts";

/**
 * The newest times that devices gave by clocks that run a little ahead. Where readings are stored later than their effects, the store
 * cannot be asked for it. No clock is believed to be further ahead than `clockAheadMsMax`, so whoever has listened for so long knows
 * all of them.
 */
export class AheadClocks {
  readonly #sinceMs: number;
  /** When the oldest reading was received that is not stored yet; null where nobody knows. */
  readonly #oldestWaitingMs: () => number | null;
  readonly #newest = new Map<number, number>();

  constructor(deps: { clock: Clock; oldestWaitingMs: () => number | null }) {
    this.#sinceMs = deps.clock.nowMs();
    this.#oldestWaitingMs = deps.oldestWaitingMs;
  }

  note(facts: readonly ReadingFact[]): void {
    for (const { device, atMs, receivedAtMs } of facts) {
      if (atMs <= receivedAtMs || isClockSuspect(atMs, receivedAtMs, device)) continue;
      if (atMs > (this.#newest.get(device.key) ?? 0)) this.#newest.set(device.key, atMs);
    }
  }

  /** The newest time of a device that lies ahead of `nowMs`, or null. */
  newest(deviceKey: number, nowMs: number): number | null {
    const newest = this.#newest.get(deviceKey) ?? 0;
    return newest >= nowMs ? newest : null;
  }

  knowsAll(nowMs: number): boolean {
    return nowMs > this.#sinceMs + clockAheadMsMax;
  }

  /** Whether readings from before this process wait to be stored, so that not even the store knows. */
  isBehind(): boolean {
    const oldest = this.#oldestWaitingMs();
    return oldest === null || oldest < this.#sinceMs;
  }

  /** Forgets what time has caught up with. */
  tick(nowMs: number): void {
    for (const [key, newest] of this.#newest) if (newest < nowMs) this.#newest.delete(key);
  }
}
