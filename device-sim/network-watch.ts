import type { Ailment } from "./core/ailments.ts";
import { isConnected } from "./core/wifi.ts";
import type { Voice } from "./agent/controls.ts";
import type { Lane } from "./link/outbox.ts";
import type { Clock } from "./platform/clock.ts";

/** A time in which there is no network where an appliance stands, [from, to). */
export interface Outage {
  fromMs: number;
  toMs: number;
}

export interface NetworkWatchDeps {
  seed: number;
  ailment: Ailment | null;
  outages: readonly Outage[];
  clock: Clock;
  voice: Pick<Voice, "event">;
  link: { start(): void; stop(): Promise<void>; outbox: { dropped: Readonly<Record<Lane, number>> } };
}

/**
 * Takes the network from an appliance and gives it back, and lets the appliance say what became of that: how long it was without, and
 * what its store had no room for meanwhile.
 */
export class NetworkWatch {
  readonly #deps: NetworkWatchDeps;
  #isAway = false;
  #lostAtMs: number | null = null;
  /** What was already said to be dropped. */
  #said: Record<Lane, number> = { readings: 0, notable: 0 };

  constructor(deps: NetworkWatchDeps) {
    this.#deps = deps;
  }

  tick(): void {
    const { clock, link } = this.#deps;
    if (!this.#isThere(clock.nowMs())) {
      this.#isAway = true;
      this.lost();
      void link.stop();
    } else if (this.#isAway) {
      this.#isAway = false;
      link.start();
    }
  }

  /** The connection ended without being told to. */
  lost(): void {
    this.#lostAtMs ??= this.#deps.clock.nowMs();
  }

  /** There is a connection. */
  ready(): void {
    const { clock, voice, link } = this.#deps;
    if (this.#lostAtMs !== null) {
      const lostAtMs = this.#lostAtMs;
      this.#lostAtMs = null;
      voice.event("network.restored", { lostAtMs, offMs: clock.nowMs() - lostAtMs });
    }
    const { readings, notable } = link.outbox.dropped;
    const fresh = { readings: readings - this.#said.readings, notable: notable - this.#said.notable };
    if (fresh.readings === 0 && fresh.notable === 0) return;
    this.#said = { readings, notable };
    voice.event("store.overflowed", fresh);
  }

  #isThere(atMs: number): boolean {
    const { seed, ailment, outages } = this.#deps;
    if (outages.some(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs)) return false;
    if (ailment?.name === "silent") return atMs < ailment.sinceMs;
    return isConnected(seed, atMs, ailment);
  }
}
