/**
 * How often codes may be wrong: from one address, and over all, within a window of time. A try is counted as it begins and given back
 * when the code was right, so that a thousand tries at once are a thousand tries.
 */

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

/** Who shares this address: a network of the sixth version gives a household more addresses than could be remembered. */
export function addressGroup(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  if (!plain.includes(":")) return plain;
  const [head = "", tail] = plain.toLowerCase().split("%")[0]?.split("::") ?? [];
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const gap = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...Array.from({ length: gap }, () => "0"), ...after];
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":")}::/64`;
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
    const own = this.#windowOf(addressGroup(address), nowMs);
    if (own.count >= wrongCodesPerAddressMax) return this.#limited("wrongCodesPerAddressMax", own, nowMs);
    own.count += 1;
    this.#all.count += 1;
    return { kind: "go" };
  }

  /** The try that `begin` counted was no wrong one. */
  giveBack(address: string): void {
    const own = this.#addresses.get(addressGroup(address));
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

  #windowOf(group: string, nowMs: number): Window {
    const known = this.#addresses.get(group);
    if (known !== undefined && !this.#isOver(known, nowMs)) return known;
    this.#addresses.delete(group);
    const [oldest] = this.#addresses.size >= this.#limits.codeAddressesMax ? this.#addresses.keys() : [];
    if (oldest !== undefined) this.#addresses.delete(oldest);
    const fresh: Window = { sinceMs: nowMs, count: 0, isTold: false };
    this.#addresses.set(group, fresh);
    return fresh;
  }
}
