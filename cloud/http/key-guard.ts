import { networkOf } from "#protocol/address.ts";
import type { Clock } from "../platform/clock.ts";
import { type Permission, type Principal, principalText } from "../staff/staff.ts";

/** Something that was refused, for those who look after the service. */
interface Refused {
  kind: "staff_key_refused" | "device_token_refused" | "brute_force" | "permission_refused";
  reason: string;
  address: string;
  name?: string;
  principal?: string;
}

export interface KeyGuardDeps {
  clock: Clock;
  note: (refused: Refused) => void;
  wrongKeysPerMinuteMax?: number;
}

const windowMs = 60_000;
const wrongKeysPerMinuteMaxDefault = 20;
const addressesMax = 10_000;

/** Makes guessing at keys slow: an address that tries many wrong ones is told to wait. A right key is let in all the same. */
export class KeyGuard {
  readonly #deps: KeyGuardDeps;
  readonly #windows = new Map<string, { count: number; sinceMs: number }>();

  constructor(deps: KeyGuardDeps) {
    this.#deps = deps;
  }

  /**
   * A key that nobody has came from an address.
   *
   * @returns after how many seconds it may try again, or null where it has not tried too often
   */
  wrongKey(address: string): number | null {
    const network = networkOf(address);
    this.#deps.note({ kind: "staff_key_refused", reason: "wrong_key", address: network });
    return this.#waitS(network, "staff_key");
  }

  /**
   * A token that does not open came for an appliance, by hawkBit's device API.
   *
   * @returns as for a key: they are counted together
   */
  wrongDeviceToken(address: string, name: string): number | null {
    const network = networkOf(address);
    this.#deps.note({ kind: "device_token_refused", reason: "wrong_token", address: network, name });
    return this.#waitS(network, "device_token");
  }

  #waitS(network: string, reason: string): number | null {
    const { clock, note, wrongKeysPerMinuteMax = wrongKeysPerMinuteMaxDefault } = this.#deps;
    const nowMs = clock.nowMs();
    const window = this.#windowOf(network, nowMs);
    window.count += 1;
    if (window.count <= wrongKeysPerMinuteMax) return null;
    note({ kind: "brute_force", reason, address: network });
    return Math.ceil((window.sinceMs + windowMs - nowMs) / 1_000);
  }

  /** A key was used for what it may not do. */
  notAllowed(principal: Principal, permission: Permission, address: string): void {
    const who = { name: permission, principal: principalText(principal) };
    this.#deps.note({ kind: "permission_refused", reason: "permission_refused", address: networkOf(address), ...who });
  }

  #windowOf(network: string, nowMs: number): { count: number; sinceMs: number } {
    const known = this.#windows.get(network);
    if (known !== undefined && nowMs - known.sinceMs < windowMs) return known;
    this.#windows.delete(network);
    if (this.#windows.size >= addressesMax) {
      // Maps keep their order of insertion: the first is the oldest window.
      for (const oldest of this.#windows.keys()) {
        this.#windows.delete(oldest);
        break;
      }
    }
    const window = { count: 0, sinceMs: nowMs };
    this.#windows.set(network, window);
    return window;
  }
}
