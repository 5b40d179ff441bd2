/**
 * How often codes may be wrong: from one address, and over all, within a window of time. A try is counted as it begins and given back
 * when the code was right, so that a thousand tries at once are a thousand tries.
 */

import { networkOf } from "#protocol/address.ts";

export interface CodeLimits {
  wrongCodesPerAddressMax: number;
  /** Over all addresses. A code has 40 bits: against a hundred that are open, this many tries find one in about two hundred years. */
  wrongCodesMax: number;
  wrongCodesWindowMs: number;
  /** Addresses remembered; the one that began longest ago goes first. */
  codeAddressesMax: number;
}

export const codeLimits: CodeLimits = {
  wrongCodesPerAddressMax: 10,
  wrongCodesMax: 1_000,
  wrongCodesWindowMs: 600_000,
  codeAddressesMax: 10_000,
};

export type CodeTry =
  | { kind: "go" }
  /** `isNews`: the first time in its window, which is worth a line in the log. */
  | {
      kind: "limited";
      limit: "wrongCodesPerAddressMax" | "wrongCodesMax";
      isNews: boolean;
      retryAfterMs: number;
    };

interface Window {
  sinceMs: number;
  count: number;
  isTold: boolean;
}

export class WrongCodes {
  readonly #limits: CodeLimits;
  readonly #addresses = new Map<string, Window>();
  #all: Window = { sinceMs: -Infinity, count: 0, isTold: false };

  constructor(limits: CodeLimits) {
    this.#limits = limits;
  }

  /** Counts a try, or says which limit stands in its way. */
  begin(address: string, nowMs: number): CodeTry {
    const { wrongCodesPerAddressMax, wrongCodesMax } = this.#limits;
    if (this.#isOver(this.#all, nowMs)) this.#all = { sinceMs: nowMs, count: 0, isTold: false };
    if (this.#all.count >= wrongCodesMax) return this.#limited("wrongCodesMax", this.#all, nowMs);
    const own = this.#windowOf(networkOf(address), nowMs);
    if (own.count >= wrongCodesPerAddressMax) return this.#limited("wrongCodesPerAddressMax", own, nowMs);
    own.count += 1;
    this.#all.count += 1;
    return { kind: "go" };
  }

  /** The try that `begin` counted was no wrong one. */
  giveBack(address: string): void {
    const own = this.#addresses.get(networkOf(address));
    if (own !== undefined) own.count = Math.max(0, own.count - 1);
    this.#all.count = Math.max(0, this.#all.count - 1);
  }

  #limited(limit: "wrongCodesPerAddressMax" | "wrongCodesMax", window: Window, nowMs: number): CodeTry {
    const isNews = !window.isTold;
    window.isTold = true;
    return { kind: "limited", limit, isNews, retryAfterMs: window.sinceMs + this.#limits.wrongCodesWindowMs - nowMs };
  }

  #isOver({ sinceMs }: Window, nowMs: number): boolean {
    return nowMs - sinceMs >= this.#limits.wrongCodesWindowMs;
  }

  #windowOf(network: string, nowMs: number): Window {
    const known = this.#addresses.get(network);
    if (known !== undefined && !this.#isOver(known, nowMs)) return known;
    this.#addresses.delete(network);
    const [oldest] = this.#addresses.size >= this.#limits.codeAddressesMax ? this.#addresses.keys() : [];
    if (oldest !== undefined) this.#addresses.delete(oldest);
    const fresh: Window = { sinceMs: nowMs, count: 0, isTold: false };
    this.#addresses.set(network, fresh);
    return fresh;
  }
}
