/**
 * Makes guessing slow. Each refusal counts for the address that it goes to and for the name that was tried; beyond some in a minute
 * the next one waits for its answer, longer each time. Who is let in never waits: the refusals are slow, not the door.
 *
 * A name that nobody has is counted like any other, so that no delay tells whether an id exists.
 */
import type { Bounds } from "./bounds.ts";
import { networkOf } from "#protocol/address.ts";
import { FailureWindows, refusalDelayMs } from "./core/failure-windows.ts";
import type { Clock } from "./platform/clock.ts";

const windowMs = 60_000;
const exhaustedOneIn = 8;

export interface SlowRefusalsOptions {
  bounds: Bounds;
  refusalDelayMsMax: number;
  clock: Clock;
  /** One more failure than an honest mistake makes. */
  bruteForce: (reason: "by_address" | "by_name", address: string, name: string) => void;
}

export class SlowRefusals {
  readonly #options: SlowRefusalsOptions;
  readonly #byAddress: FailureWindows;
  readonly #byName: FailureWindows;
  readonly #waiting = new Set<() => void>();

  constructor(options: SlowRefusalsOptions) {
    const { addressesMax, failedNamesMax } = options.bounds;
    this.#options = options;
    this.#byAddress = new FailureWindows(windowMs, addressesMax);
    this.#byName = new FailureWindows(windowMs, failedNamesMax);
  }

  /**
   * Whether an address has failed so often that the cloud is not asked for this one. For one in some it still is: many homes can be
   * behind one address, and an attacker in one must not keep out the appliance in another that comes for the first time.
   */
  isExhausted(address: string): boolean {
    const { bounds, clock } = this.#options;
    const failures = this.#byAddress.of(networkOf(address), clock.nowMs());
    return failures >= bounds.loginFailuresPerMinuteMax && failures % exhaustedOneIn !== 0;
  }

  isUnderAttack(name: string): boolean {
    const { bounds, clock } = this.#options;
    return this.#byName.of(name, clock.nowMs()) > bounds.loginFailuresFreeByName;
  }

  /** Counts a failure, and resolves when it may be answered. */
  async failed(address: string, name: string): Promise<void> {
    const { bounds, refusalDelayMsMax, clock, bruteForce } = this.#options;
    const { loginFailuresFreeByAddress, loginFailuresFreeByName } = bounds;
    const nowMs = clock.nowMs();
    const ofAddress = this.#byAddress.add(networkOf(address), nowMs);
    const ofName = this.#byName.add(name, nowMs);
    if (ofAddress > loginFailuresFreeByAddress) bruteForce("by_address", address, "");
    if (ofName > loginFailuresFreeByName) bruteForce("by_name", "", name);
    const delayMs = Math.max(
      refusalDelayMs(ofAddress, loginFailuresFreeByAddress, refusalDelayMsMax),
      refusalDelayMs(ofName, loginFailuresFreeByName, refusalDelayMsMax),
    );
    if (delayMs > 0) await this.#wait(delayMs);
  }

  /** Lets all that wait be answered now. */
  release(): void {
    for (const done of this.#waiting) done();
  }

  #wait(delayMs: number): Promise<void> {
    const { bounds, clock } = this.#options;
    // Those who have waited longest make room.
    for (const oldest of this.#waiting) {
      if (this.#waiting.size < bounds.refusalsWaitingMax) break;
      oldest();
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = () => {
      cancel();
      this.#waiting.delete(done);
      resolve();
    };
    const cancel = clock.after(delayMs, done);
    this.#waiting.add(done);
    return promise;
  }
}
