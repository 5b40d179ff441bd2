import { type RecordChannel, channelCode } from "#protocol/link/up-chunk.ts";
import type { Publisher } from "./gathering.ts";
import type { Clock } from "./platform/clock.ts";
import type { Spool } from "./spool.ts";

const noAcknowledgement = { durable: () => false, acknowledge() {} };

/** Records that the gateway itself writes onto the up road. One whose write failed goes again once the spool can be written. */
export class SystemRecords {
  readonly #spool: Spool;
  readonly #clock: Clock;
  #lost: (() => void)[] = [];

  constructor(spool: Spool, clock: Clock) {
    this.#spool = spool;
    this.#clock = clock;
  }

  /** @param deviceId ASCII; empty where it is no device's */
  append(channel: RecordChannel, deviceId: Uint8Array, content: object): void {
    const payload = Buffer.from(JSON.stringify(content));
    const atMs = this.#clock.nowMs();
    const append = () => {
      this.#spool.append(channelCode(channel), deviceId, atMs, payload, 0, payload.length, owner, 0);
    };
    const owner: Publisher = { ...noAcknowledgement, lost: () => this.#lost.push(append) };
    append();
  }

  /** The spool can be written again. */
  recovered(): void {
    const again = this.#lost;
    this.#lost = [];
    for (const append of again) append();
  }
}
