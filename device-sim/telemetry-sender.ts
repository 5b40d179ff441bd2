import type { Reading } from "#protocol/reading.ts";
import type { Clock } from "./platform/clock.ts";

/** Readings in one message, at most: well under the contract's 500, so that a message stays small. */
const readingsPerMessage = 100;
/** In accelerated time many readings fall into one real second: they travel together. */
const gatherMs = 1_000;

/**
 * Gathers readings into messages: at normal speed each goes out at once, in accelerated time about one message a second. Without a
 * connection only full messages are handed over, so that what waits for it takes little room.
 */
export class TelemetrySender {
  readonly #real: Clock;
  readonly #send: (payload: string) => void;
  readonly #isConnected: () => boolean;
  #readings: Reading[] = [];
  #lastSentMs = 0;
  sent = 0;

  constructor(deps: { real: Clock; send: (payload: string) => void; isConnected: () => boolean }) {
    this.#real = deps.real;
    this.#send = deps.send;
    this.#isConnected = deps.isConnected;
  }

  add(reading: Reading): void {
    this.#readings.push(reading);
    if (this.#readings.length >= readingsPerMessage) this.flush();
  }

  /** Called with every tick. */
  tick(): void {
    if (this.#readings.length > 0 && this.#isConnected() && this.#real.nowMs() - this.#lastSentMs >= gatherMs)
      this.flush();
  }

  /** Forgets what was measured and not handed over yet. */
  clear(): void {
    this.#readings = [];
  }

  flush(): void {
    const readings = this.#readings;
    const [only] = readings;
    if (only === undefined) return;
    this.#readings = [];
    this.#lastSentMs = this.#real.nowMs();
    this.sent += readings.length;
    this.#send(JSON.stringify(readings.length === 1 ? only : readings));
  }
}
