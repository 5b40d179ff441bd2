import type { Memory } from "./controls.ts";
import { freshnessNews } from "./core/freshness.ts";
import type { Trust } from "./trust.ts";

export interface WatchLimits {
  /** How often metadata is looked at while nothing is offered. */
  checkEveryMs: number;
  /** How soon again where it could not be had. */
  checkAgainMs: number;
  /** After so long without fresh metadata the appliance says so. */
  staleAfterMs: number;
}

export const watchLimits: WatchLimits = {
  checkEveryMs: 86_400_000,
  checkAgainMs: 3_600_000,
  staleAfterMs: 14 * 86_400_000,
};

export interface MetadataWatchDeps {
  trust: Trust;
  memory: Memory;
  /** 0 to 1: a fleet that was switched on in one moment does not ask in one. */
  random: () => number;
  event: (type: string, data: Record<string, unknown>) => void;
  limits: WatchLimits;
}

/**
 * Looks for fresh metadata also when nobody offers anything. Whoever stands between an appliance and its updates can withhold them, and
 * no signature helps against that; what helps is that the appliance notices and says so.
 */
export class MetadataWatch {
  readonly #deps: MetadataWatchDeps;
  #notBeforeMs = 0;
  #hinted = false;

  constructor(deps: MetadataWatchDeps) {
    this.#deps = deps;
  }

  /** Somebody says that there is something new. That is no more than a reason to look. */
  hint(): void {
    this.#hinted = true;
  }

  /** Says what there is to say. @returns whether it is time to look */
  tick(): boolean {
    const { trust, memory, limits } = this.#deps;
    this.#tell();
    const { metadataHref, freshAtMs } = memory.record.trust;
    if (metadataHref === null || !trust.isEquipped) return false;
    return this.#hinted || trust.nowMs >= Math.max(this.#notBeforeMs, (freshAtMs ?? 0) + limits.checkEveryMs);
  }

  async look(signal: AbortSignal): Promise<void> {
    const { trust, memory, limits, random } = this.#deps;
    const { metadataHref } = memory.record.trust;
    this.#hinted = false;
    if (metadataHref === null) return;
    const { kind } = await trust.refresh(metadataHref, null, signal);
    const pauseMs = kind === "verified" ? limits.checkEveryMs : limits.checkAgainMs;
    this.#notBeforeMs = trust.nowMs + pauseMs * (0.9 + random() / 5);
    this.#tell();
  }

  #tell(): void {
    const { trust, memory, event, limits } = this.#deps;
    const known = memory.record.trust;
    const news = freshnessNews(known, trust.nowMs, limits.staleAfterMs);
    if (news === null) return;
    memory.update({ trust: { ...known, staleSaid: news === "stale" } });
    event(`update.metadata_${news}`, { freshAtMs: known.freshAtMs });
  }
}
