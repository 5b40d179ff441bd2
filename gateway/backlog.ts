import type { GatewayLimits, LimitName } from "#protocol/link/limits.ts";
import type { MessageIds } from "./message-ids.ts";
import type { Outgoing } from "./outgoing.ts";

/** Retained items wait for acknowledgements from here on: a device takes them at its own pace, however many there are. */
const windowMax = 1_000;

interface Waiter {
  /** How many unacknowledged messages it stands back for. */
  window: number;
  letOn: () => void;
}

/** What the broker has for one device that has not read it, or has not acknowledged it. */
export class Backlog {
  readonly #outgoing: Outgoing;
  readonly #messageIds: MessageIds;
  readonly #limits: GatewayLimits;
  /** Messages since the device stopped reading. */
  #unread = 0;
  /** Made for the few who ever wait. */
  #waiters: Waiter[] | null = null;
  #hasEnded = false;

  constructor(outgoing: Outgoing, messageIds: MessageIds, limits: GatewayLimits) {
    this.#outgoing = outgoing;
    this.#messageIds = messageIds;
    this.#limits = limits;
  }

  /** Counts a message that is about to be forwarded. @returns the limit that it goes beyond, or null */
  add(): LimitName | null {
    const { unreadPerConnectionMax, unreadBytesPerConnectionMax } = this.#limits;
    this.#unread = this.#outgoing.isClogged ? this.#unread + 1 : 0;
    if (this.#unread > unreadPerConnectionMax) return "unreadPerConnectionMax";
    if (this.#outgoing.waitingBytes > unreadBytesPerConnectionMax) return "unreadBytesPerConnectionMax";
    return this.#messageIds.isFull ? "unacknowledgedPerConnectionMax" : null;
  }

  /** Null where the device has read what there was; otherwise resolves once it has, and when it is gone. */
  read(): Promise<void> | null {
    return this.#wait(Infinity);
  }

  /** The same, and it must have acknowledged most of it. */
  acknowledged(): Promise<void> | null {
    return this.#wait(Math.min(windowMax, this.#limits.unacknowledgedPerConnectionMax / 2));
  }

  /** The device is gone: nobody waits for it any longer. */
  end(): void {
    this.#hasEnded = true;
    this.eased();
  }

  /** The device has read or acknowledged something. */
  eased(): void {
    if (this.#waiters === null || this.#waiters.length === 0) return;
    const waiting = this.#waiters;
    this.#waiters = waiting.filter(({ window }) => this.#isCrowded(window));
    for (const waiter of waiting) if (!this.#waiters.includes(waiter)) waiter.letOn();
  }

  #wait(window: number): Promise<void> | null {
    if (!this.#isCrowded(window)) return null;
    const waiters = (this.#waiters ??= []);
    return new Promise((resolve) => waiters.push({ window, letOn: resolve }));
  }

  #isCrowded(window: number): boolean {
    return !this.#hasEnded && (this.#outgoing.isClogged || this.#messageIds.inUse >= window);
  }
}
