import { gatewayLimits, type LimitName, snakeCase } from "#protocol/link/limits.ts";

/** A limit of `GatewayLimits`, or the spool's own bound. */
export type MetLimit = LimitName | "spoolBytes";

/** How often each limit was met since the gateway's boot. */
export class LimitHits {
  #listen: (limit: string, address: string) => void = () => {};
  readonly #counts = new Map<string, number>([...Object.keys(gatewayLimits), "spoolBytes"].map((name) => [name, 0]));

  /** Who hears where an address is to blame. */
  onHitBy(listen: (limit: string, address: string) => void): void {
    this.#listen = listen;
  }

  /** @param address whoever met it, where that is all that is known of them */
  hit(limit: MetLimit, address?: string): void {
    this.#counts.set(limit, (this.#counts.get(limit) ?? 0) + 1);
    if (address !== undefined) this.#listen(snakeCase(limit), address);
  }

  /** Every limit, those that were never met included, by `limit_` and its name. */
  counted(): Record<string, number> {
    return Object.fromEntries([...this.#counts].map(([name, count]) => [`limit_${snakeCase(name)}`, count]));
  }
}
